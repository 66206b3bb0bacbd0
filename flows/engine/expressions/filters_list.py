"""Filters on lists and objects; items may be named by a path such as 'author.name'."""

from collections.abc import Callable
from typing import Any

from flows.engine.expressions import values
from flows.engine.expressions.budget import Budget, weight, wrong_type


def _list(budget: Budget, name: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list):
        budget.work(len(value) + 1)
        budget.keep(16 * len(value))
        return value
    hint = " The split filter makes a list of text." if isinstance(value, str) else ""
    hint = hint or (" The values filter makes a list of it." if isinstance(value, dict) else "")
    raise wrong_type(f"'{name}' needs a list, but got {values.kind(value)}.{hint}")


def _part(budget: Budget, item: Any, path: Any) -> Any:
    """The part of an item that a path names; null where it has none."""
    if path is None:
        return budget.deref(item)
    if not isinstance(path, str):
        raise wrong_type(f"a path has to be text such as 'author.name', not {values.kind(path)}.")
    budget.work(1)
    for step in path[:200].split("."):
        budget.work(1)
        item = budget.deref(item)
        if isinstance(item, dict):
            item = item.get(step)
        elif isinstance(item, list) and step.isascii() and step.isdigit() and len(step) < 9:
            item = item[int(step)] if int(step) < len(item) else None
        else:
            return None
    return budget.deref(item)


def join(budget: Budget, value: Any, separator: Any = "", path: Any = None) -> str:
    """The items as one text."""
    if not isinstance(separator, str):
        raise wrong_type(f"'join' needs text to put between, but got {values.kind(separator)}.")
    items = _list(budget, "join", value)
    budget.keep(len(items) * weight(separator))
    texts = []
    for item in items:
        text = values.text_of(budget, _part(budget, item, path))
        budget.work(len(text) >> 8)
        budget.keep(weight(text) + 56)
        texts.append(text)
    return separator.join(texts)


def _end(budget: Budget, name: str, value: Any, index: int) -> Any:
    if isinstance(value, (str, list)):
        return value[index] if value else None
    if value is None:
        return None
    raise wrong_type(f"'{name}' needs a list or text, but got {values.kind(value)}.")


def first(budget: Budget, value: Any) -> Any:
    """The first item or character; null where there is none."""
    return _end(budget, "first", value, 0)


def last(budget: Budget, value: Any) -> Any:
    """The last item or character; null where there is none."""
    return _end(budget, "last", value, -1)


def cut(budget: Budget, value: Any, start: Any = 0, end: Any = None) -> Any:
    """Items or characters from `start` to before `end`; negatives count from the end."""
    for bound in (start, end):
        if bound is not None and type(bound) is not int:
            raise wrong_type(f"'slice' takes whole numbers, but got {values.kind(bound)}.")
    if isinstance(value, str):
        return budget.text(value[start:end])
    return _list(budget, "slice", value)[start:end]


def _order_key(budget: Budget, name: str, keys: list[Any]) -> None:
    """Refuse what has no order, and charge for the comparisons."""
    known = [key for key in keys if key is not None]
    if all(values.is_number(key) for key in known):
        size = 0
    elif all(isinstance(key, str) for key in known):
        size = sum(len(key) for key in known)
    else:
        odd = next(k for k in known if type(k) is not type(known[0]) or not isinstance(k, str))
        raise wrong_type(
            f"'{name}' needs all numbers or all texts, but met {values.kind(odd)} "
            f"beside {values.kind(known[0])}."
        )
    rounds = max(1, len(known).bit_length())
    budget.work(((len(known) >> 3) + (size >> 9)) * rounds)


def sort(budget: Budget, value: Any, by: Any = None, descending: Any = False) -> list[Any]:
    """Sorted by the items or by a part of them; null comes last. Equal items keep their order."""
    items = _list(budget, "sort", value)
    keyed = [(_part(budget, item, by), item) for item in items]
    budget.keep(72 * len(keyed))
    _order_key(budget, "sort", [key for key, _ in keyed])
    known = [pair for pair in keyed if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=bool(descending))
    return [item for _, item in known] + [item for key, item in keyed if key is None]


def _identity(budget: Budget, value: Any) -> tuple[str, Any]:
    if isinstance(value, bool) or value is None:
        return ("constant", value)
    if values.is_number(value):
        return ("number", value)
    if isinstance(value, str):
        budget.scan(value)
        return ("text", value)
    return ("json", _canonical(budget, value))


def _canonical(budget: Budget, value: Any) -> str:
    def ordered(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: ordered(item[key]) for key in sorted(item)}
        return [ordered(i) for i in item] if isinstance(item, list) else item

    budget.work(12)
    loaded = values.whole(budget, value)
    values.measure(budget, loaded)
    return values.json_text(budget, ordered(loaded))


def unique(budget: Budget, value: Any, by: Any = None) -> list[Any]:
    """Items without repetitions (of the whole item or of a part); the first of each stays."""
    seen: set[tuple[str, Any]] = set()
    kept = []
    for item in _list(budget, "unique", value):
        budget.work(10)
        identity = _identity(budget, _part(budget, item, by))
        budget.keep(100)
        if identity not in seen:
            seen.add(identity)
            kept.append(item)
    return kept


def map_path(budget: Budget, value: Any, path: Any = None, *, attribute: Any = None) -> list[Any]:
    """One part of every item; null where an item has none."""
    wanted = attribute if path is None else path
    if not isinstance(wanted, str):
        raise wrong_type("'map' needs a path, like map('author.name').")
    return [_part(budget, item, wanted) for item in _list(budget, "map", value)]


_TESTS: dict[str, Callable[[Budget, Any, Any], bool]] = {
    "==": values.equal,
    "!=": lambda b, left, right: not values.equal(b, left, right),
    "<": values.before,
    ">": lambda b, left, right: values.before(b, right, left),
    "<=": lambda b, left, right: not values.before(b, right, left),
    ">=": lambda b, left, right: not values.before(b, left, right),
    "in": lambda b, left, right: values.contains(b, right, left),
    "contains": values.contains,
}
_NONE = object()


def _holds(budget: Budget, item: Any, path: Any, second: Any, third: Any) -> bool:
    part = _part(budget, item, path)
    if second is _NONE:
        return values.truth(part)
    if third is _NONE:
        return values.equal(budget, part, second)
    test = _TESTS.get(second) if isinstance(second, str) else None
    if test is None:
        raise wrong_type(f"the comparison has to be one of {' '.join(_TESTS)}.")
    if part is None and second in ("<", ">", "<=", ">="):
        return False
    return test(budget, part, third)


def select(
    budget: Budget, value: Any, path: Any = None, test: Any = _NONE, other: Any = _NONE
) -> list[Any]:
    """Items that are true, or whose part is true, equals a value, or compares with it.

    `select`, `select('done')`, `select('status', 'open')`, `select('score', '>=', 3)`.
    """
    items = _list(budget, "select", value)
    return [item for item in items if _holds(budget, item, path, test, other)]


def reject(
    budget: Budget, value: Any, path: Any = None, test: Any = _NONE, other: Any = _NONE
) -> list[Any]:
    """The items that `select` would leave out."""
    items = _list(budget, "reject", value)
    return [item for item in items if not _holds(budget, item, path, test, other)]


def total(budget: Budget, value: Any, by: Any = None) -> Any:
    """The sum of the items or of a part of them; null counts as nothing."""
    result: Any = 0
    for item in _list(budget, "sum", value):
        part = _part(budget, item, by)
        if part is None:
            continue
        if not values.is_number(part):
            raise wrong_type(f"'sum' needs numbers, but met {values.kind(part)}.")
        result = values.checked_number(result + values.checked_number(part))
    return result


def _extreme(budget: Budget, name: str, value: Any, by: Any) -> Any:
    items = _list(budget, name, value)
    keyed = [(_part(budget, item, by), item) for item in items]
    budget.keep(72 * len(keyed))
    _order_key(budget, name, [key for key, _ in keyed])
    known = [pair for pair in keyed if pair[0] is not None]
    if not known:
        return None
    return (min if name == "min" else max)(known, key=lambda pair: pair[0])[1]


def smallest(budget: Budget, value: Any, by: Any = None) -> Any:
    """The smallest item (or the item whose part is smallest); null for an empty list."""
    return _extreme(budget, "min", value, by)


def largest(budget: Budget, value: Any, by: Any = None) -> Any:
    """The largest item (or the item whose part is largest); null for an empty list."""
    return _extreme(budget, "max", value, by)


def _object(budget: Budget, name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, dict):
        budget.work(len(value) + 1)
        budget.keep(16 * len(value))
        return value
    raise wrong_type(f"'{name}' needs an object, but got {values.kind(value)}.")


def keys(budget: Budget, value: Any) -> list[str]:
    """The names in an object."""
    return list(_object(budget, "keys", value))


def values_of(budget: Budget, value: Any) -> list[Any]:
    """The values in an object."""
    return list(_object(budget, "values", value).values())


def items(budget: Budget, value: Any) -> list[list[Any]]:
    """Pairs of key and value, for `{% for key, value in x | items %}`."""
    pairs = _object(budget, "items", value)
    budget.keep(72 * len(pairs))
    return [[key, item] for key, item in pairs.items()]
