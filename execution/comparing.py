"""How what two runs gave differs: value by value, large ones by their digests and sizes."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flows.engine.json_values import same
from flows.engine.references import is_reference

JSON = Any
#: Places of one output that are told, and characters of a value that are shown.
MOST_PLACES, MOST_SHOWN = 40, 2_000
#: Lines of both texts up to which they are compared line by line; the time is their product.
MOST_LINES = 600
#: Lines around a change that are told with it.
_AROUND = 2
_ABSENT: Final = object()


@dataclass(frozen=True)
class Shown:
    """One side of a difference: its text, or where it is stored; neither: there is nothing."""

    text: str | None = None
    cut: bool = False
    digest: str = ""
    size: int = 0


@dataclass(frozen=True)
class ValueDifference:
    """A place at which two outputs differ; `lines` is the diff of two texts of several lines."""

    path: str
    left: Shown
    right: Shown
    lines: tuple[str, ...] = ()


def output_differences(left: JSON, right: JSON) -> list[ValueDifference]:
    """Where two outputs differ, at most `MOST_PLACES` places; None stands for no output."""
    one, other = (_ABSENT if value is None else value for value in (left, right))
    found: list[ValueDifference] = []
    for path, before, after in _places(one, other, ""):
        if len(found) == MOST_PLACES:
            break
        found.append(ValueDifference(path, _shown(before), _shown(after), _lines(before, after)))
    return found


def _places(left: JSON, right: JSON, path: str) -> Iterator[tuple[str, JSON, JSON]]:
    if _is_plain_object(left) and _is_plain_object(right):
        for key in [*left, *(key for key in right if key not in left)]:
            below = f"{path}.{key}" if path else str(key)
            yield from _places(left.get(key, _ABSENT), right.get(key, _ABSENT), below)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from _places(one, other, f"{path}[{index}]")
    elif left is _ABSENT or right is _ABSENT:
        if left is not right:
            yield path, left, right
    elif not same(left, right):
        yield path, left, right


def _is_plain_object(value: JSON) -> bool:
    return isinstance(value, Mapping) and not is_reference(value)


def _shown(value: JSON) -> Shown:
    if value is _ABSENT:
        return Shown()
    if is_reference(value):
        return Shown(digest=str(value["$blob"]), size=int(value.get("size", 0)))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    return Shown(text[:MOST_SHOWN], cut=len(text) > MOST_SHOWN)


def _lines(left: JSON, right: JSON) -> tuple[str, ...]:
    if not isinstance(left, str) or not isinstance(right, str):
        return ()
    one, other = left.splitlines(), right.splitlines()
    if max(len(one), len(other)) < 2 or len(one) + len(other) > MOST_LINES:
        return ()
    return tuple(difflib.unified_diff(one, other, lineterm="", n=_AROUND))[2:]
