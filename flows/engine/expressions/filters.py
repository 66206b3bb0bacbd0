"""The fixed list of filters; each charges the budget for its work before it does it.

A filter is `f(budget, value, *arguments)`; value and arguments are loaded when they were
references, parts of them may still be. Null counts as empty text or as an empty list.
"""

import json
from collections.abc import Callable
from typing import Any

from flows.engine.expressions import filters_list, filters_text, values
from flows.engine.expressions.budget import Budget, weight, wrong_type
from flows.engine.json_values import read_json

type Filter = Callable[..., Any]

#: Digits of a text that is to become a number; Python refuses more than 4,300 by itself.
MAX_DIGITS = 400
#: Memory that a character of JSON may turn into when parsed: "[]," becomes a list of 64 bytes.
PARSED_BYTES = 24
_MISSING = object()


def default(budget: Budget, value: Any, other: Any = "", empty: Any = False) -> Any:
    """`other` where the value is missing or null; with `empty` also where it is empty."""
    if value is None or (empty and not values.truth(value)):
        return other
    return value


def length(budget: Budget, value: Any) -> int:
    """How many characters, items or keys."""
    if value is None:
        return 0
    if isinstance(value, (str, list, dict)):
        return len(value)
    raise wrong_type(f"'length' needs text, a list or an object, but got {values.kind(value)}.")


def to_int(budget: Budget, value: Any, default: Any = _MISSING) -> Any:
    """A whole number from a number, a text or a boolean; decimals are cut."""
    try:
        if isinstance(value, str):
            text = value.strip()
            if len(text) > MAX_DIGITS:
                raise ValueError("too long")
            value = int(text) if text.lstrip("+-").isdigit() else float(text)
        if isinstance(value, (bool, int, float)):
            return values.checked_number(int(value))
    except (ValueError, OverflowError):
        pass
    return _or_default("int", value, default)


def to_float(budget: Budget, value: Any, default: Any = _MISSING) -> Any:
    """A decimal number from a number, a text or a boolean."""
    try:
        if isinstance(value, (bool, int, float)) or (
            isinstance(value, str) and len(value) <= MAX_DIGITS
        ):
            return values.checked_number(float(value))
    except (ValueError, OverflowError):
        pass
    return _or_default("float", value, default)


def _or_default(name: str, value: Any, default: Any) -> Any:
    if default is not _MISSING:
        return default
    shown = f"'{value[:40]}'" if isinstance(value, str) else values.kind(value)
    raise wrong_type(f"{shown} is no number. Give a fallback: {name}(0).")


def to_string(budget: Budget, value: Any) -> str:
    """The value as text; lists and objects become JSON."""
    return values.text_of(budget, value)


_TRUE = ("true", "yes", "y", "on", "1")
_FALSE = ("false", "no", "n", "off", "0", "")


def to_bool(budget: Budget, value: Any) -> bool:
    """true/false; texts such as "yes", "off" and "0" mean what they say."""
    if not isinstance(value, str):
        return values.truth(value)
    word = value[:100].strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise wrong_type(f"'{value[:40]}' is neither true nor false. Write true or false.")


def round_number(budget: Budget, value: Any, digits: Any = 0) -> Any:
    """Rounded to `digits` decimals; without digits a whole number."""
    if not values.is_number(value):
        raise wrong_type(f"'round' needs a number, but got {values.kind(value)}.")
    if type(digits) is not int or not -20 <= digits <= 20:
        raise wrong_type("'round' takes a whole number of digits from -20 to 20.")
    rounded = round(values.checked_number(value), digits or None)
    return int(rounded) if digits <= 0 else rounded


def to_json(budget: Budget, value: Any, indent: Any = 0) -> str:
    """JSON text; `indent` of up to 8 spaces makes it readable."""
    if type(indent) is not int or not 0 <= indent <= 8:
        raise wrong_type("'json' takes an indent from 0 to 8.")
    if indent:
        # An indent repeats on each line, once for each level around it.
        lines, depth = _lines_and_depth(budget, value)
        budget.keep(lines * depth * indent)
    return values.json_text(budget, value, indent or None)


def _lines_and_depth(budget: Budget, value: Any) -> tuple[int, int]:
    lines, depth = 0, 0
    level = [values.whole(budget, value)]
    while level:
        below: list[Any] = []
        for item in level:
            if isinstance(item, (dict, list)):
                below.extend(item.values() if isinstance(item, dict) else item)
                lines += 1
        lines += len(below)
        budget.work(len(below) >> 2)
        level = below
        depth += 1
    return lines, depth


def parse_json(budget: Budget, value: Any) -> Any:
    """The value that a JSON text stands for."""
    if not isinstance(value, str):
        raise wrong_type(f"'parse_json' needs text, but got {values.kind(value)}.")
    budget.work(len(value) // 20 + 1)
    budget.keep(weight(value) * PARSED_BYTES)

    try:
        return read_json(value)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise wrong_type(f"the text is not JSON: {error.msg} ({place}).") from error
    except RecursionError as error:
        raise wrong_type("the JSON text is nested too deeply.") from error
    except ValueError as error:
        raise wrong_type(f"the text is not JSON: {str(error)[:100]}.") from error


FILTERS: dict[str, Filter] = {
    "default": default,
    "length": length,
    "upper": filters_text.upper,
    "lower": filters_text.lower,
    "trim": filters_text.trim,
    "replace": filters_text.replace,
    "split": filters_text.split,
    "join": filters_list.join,
    "first": filters_list.first,
    "last": filters_list.last,
    "slice": filters_list.cut,
    "sort": filters_list.sort,
    "unique": filters_list.unique,
    "map": filters_list.map_path,
    "select": filters_list.select,
    "reject": filters_list.reject,
    "sum": filters_list.total,
    "min": filters_list.smallest,
    "max": filters_list.largest,
    "round": round_number,
    "int": to_int,
    "float": to_float,
    "string": to_string,
    "bool": to_bool,
    "json": to_json,
    "parse_json": parse_json,
    "keys": filters_list.keys,
    "values": filters_list.values_of,
    "items": filters_list.items,
    "date": filters_text.date,
    "truncate": filters_text.truncate,
    "slug": filters_text.slug,
    "base64": filters_text.base64_text,
    "hash": filters_text.hash_text,
    "urlencode": filters_text.urlencode,
}
