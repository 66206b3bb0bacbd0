"""What expressions do with values: JSON data only, so no attribute of an object can be reached."""

import json
import math
from typing import Any

from flows.engine.expressions.budget import (
    Budget,
    ExpressionError,
    UnknownName,
    over_budget,
    weight,
    wrong_type,
)
from flows.engine.json_values import KEY
from flows.engine.references import is_reference

MAX_DEPTH = 200
MAX_BITS = 256
#: Units for a name that is not there: its error is made and caught.
MISS = 8


def kind(value: Any) -> str:
    """The word for a value's type, as builders say it."""
    if value is None:
        return "null"
    words = {bool: "a boolean", int: "a number", float: "a number", str: "text"}
    return words.get(type(value)) or ("a list" if isinstance(value, list) else "an object")


def is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def truth(value: Any) -> bool:
    """Whether a value counts as true: empty, zero and null do not. References are never empty."""
    return bool(value)


def checked_number(value: Any) -> Any:
    """A number within limits: integers of 256 bits, finite floats."""
    if type(value) is int:
        if value.bit_length() > MAX_BITS:
            raise over_budget("the number gets too large (more than 256 bits).")
    elif not math.isfinite(value):
        raise over_budget("the number gets too large for a decimal number.")
    return value


def member(budget: Budget, value: Any, key: Any) -> Any:
    """`value.key` or `value[key]`; of null everything is null. Raises UnknownName."""
    budget.work(1)
    if value is None:
        return None
    value = budget.deref(value)
    if isinstance(value, dict):
        name = key if isinstance(key, str) else str(key)
        if name in value:
            return value[name]
        budget.work(MISS)
        raise UnknownName(
            f"there is no '{name[:60]}'.", name, lambda: (k for k in value if isinstance(k, str))
        )
    if isinstance(value, list):
        return _item(budget, value, key)
    if value is None:
        return None
    hint = " Use the slice filter for a part of it." if isinstance(value, str) else ""
    raise wrong_type(f"'{str(key)[:60]}' was asked of {kind(value)}, which has no parts.{hint}")


def _item(budget: Budget, items: list[Any], key: Any) -> Any:
    if type(key) is not int:
        raise wrong_type(
            f"'{str(key)[:60]}' was asked of a list. Take an item first, like [0], "
            "or use the map filter for all of them."
        )
    if -len(items) <= key < len(items):
        return items[key]
    budget.work(MISS)
    raise UnknownName(f"there is no item [{key}]: the list has {len(items)}.")


def measure(budget: Budget, value: Any) -> None:
    """Charge for a whole value, nested parts included; refuses what is nested too deep."""
    if isinstance(value, str):
        budget.keep(weight(value))
        return
    level = [value] if isinstance(value, (dict, list)) else []
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise over_budget(f"the value is nested deeper than {MAX_DEPTH} levels.")
        below: list[Any] = []
        for container in level:
            if is_reference(container):
                budget.keep(400)
                continue
            items = container.values() if isinstance(container, dict) else container
            budget.work((len(container) >> 2) + 1)
            budget.keep(16 * len(container))
            for item in items:
                if isinstance(item, str):
                    budget.keep(weight(item))
                elif isinstance(item, (dict, list)):
                    below.append(item)
        level = below


def whole(budget: Budget, value: Any, depth: int = 0) -> Any:
    """The value with all references in it loaded."""
    value = budget.deref(value)
    if not isinstance(value, (dict, list)):
        return value
    if depth > MAX_DEPTH:
        raise over_budget(f"the value is nested deeper than {MAX_DEPTH} levels.")
    budget.work(len(value) + 2)
    if isinstance(value, dict):
        return {key: whole(budget, item, depth + 1) for key, item in value.items()}
    return [whole(budget, item, depth + 1) for item in value]


def json_text(budget: Budget, value: Any, indent: int | None = None) -> str:
    """JSON of a value, every character charged."""
    loaded = whole(budget, value)
    measure(budget, loaded)
    separators = (",", ": ") if indent else (", ", ": ")
    try:
        made = json.dumps(
            loaded, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
        )
    except ValueError as error:
        raise wrong_type("a number in the value is no JSON number.") from error
    # Indents multiply with depth; the measure above knows only the values.
    return budget.text(made)


def text_of(budget: Budget, value: Any) -> str:
    """A value as it stands in a text: null is empty, lists and objects are JSON."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if is_number(value):
        return str(checked_number(value))
    value = budget.deref(value)
    return json_text(budget, value) if isinstance(value, (dict, list)) else text_of(budget, value)


def equal(budget: Budget, left: Any, right: Any, depth: int = 0) -> bool:
    """Equality of JSON values: 1 equals 1.0 but not true; lists and objects part by part."""
    budget.work(3)
    if is_reference(left) and is_reference(right) and left[KEY] == right[KEY]:
        return True
    left, right = budget.deref(left), budget.deref(right)
    if isinstance(left, str) and isinstance(right, str):
        budget.work(min(len(left), len(right)) >> 10)
        return left == right
    if is_number(left) and is_number(right):
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if depth > MAX_DEPTH:
        raise over_budget(f"a compared value is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(left, list):
        return len(left) == len(right) and all(
            equal(budget, a, b, depth + 1) for a, b in zip(left, right, strict=True)
        )
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(
            equal(budget, left[key], right[key], depth + 1) for key in left
        )
    return bool(left == right)


def before(budget: Budget, left: Any, right: Any) -> bool:
    """`left < right` for two numbers or two texts."""
    left, right = budget.deref(left), budget.deref(right)
    if is_number(left) and is_number(right):
        return bool(left < right)
    if isinstance(left, str) and isinstance(right, str):
        budget.work((min(len(left), len(right)) >> 10) + 1)
        return left < right
    raise wrong_type(
        f"{kind(left)} and {kind(right)} have no order. Compare two numbers or two texts; "
        "the int and float filters make numbers."
    )


def contains(budget: Budget, container: Any, value: Any) -> bool:
    """`value in container`: a part of a text, an item of a list, a key of an object."""
    container = budget.deref(container)
    if container is None:
        return False
    if isinstance(container, str):
        part = budget.deref(value)
        if not isinstance(part, str):
            raise wrong_type(f"'in' looks for text in text, but got {kind(part)}.")
        budget.search(container, part)
        return part in container
    if isinstance(container, list):
        return any(equal(budget, item, value) for item in container)
    if isinstance(container, dict):
        return isinstance(value, str) and value in container
    raise wrong_type(f"'in' needs text, a list or an object, but got {kind(container)}.")


def arithmetic(budget: Budget, sign: str, left: Any, right: Any) -> Any:
    """`+ - * / // %` on numbers within limits; `+` also joins two texts or two lists."""
    budget.work(1)
    left, right = budget.deref(left), budget.deref(right)
    if is_number(left) and is_number(right):
        return _calculate(sign, checked_number(left), checked_number(right))
    if sign == "+":
        if isinstance(left, str) and isinstance(right, str):
            budget.keep(weight(left) + weight(right))
            budget.work((len(left) + len(right)) >> 8)
            return left + right
        if isinstance(left, list) and isinstance(right, list):
            budget.keep(8 * (len(left) + len(right)))
            budget.work((len(left) + len(right)) >> 4)
            return left + right
    hint = " Use ~ to join text." if isinstance(left, str) or isinstance(right, str) else ""
    raise wrong_type(f"'{sign}' does not work on {kind(left)} and {kind(right)}.{hint}")


def _calculate(sign: str, left: Any, right: Any) -> Any:
    try:
        match sign:
            case "+":
                return checked_number(left + right)
            case "-":
                return checked_number(left - right)
            case "*":
                return checked_number(left * right)
            case "/":
                return checked_number(left / right)
            case "//":
                return checked_number(left // right)
            case _:
                return checked_number(left % right)
    except ZeroDivisionError as error:
        raise wrong_type("a number was divided by zero.") from error
    except OverflowError as error:
        raise ExpressionError("expression_budget", "the number gets too large.") from error
