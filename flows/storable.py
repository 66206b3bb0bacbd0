"""Which JSON values can be kept: PostgreSQL refuses NUL and lone surrogates, JSON refuses NaN."""

import math
from collections.abc import Iterator
from typing import Any

#: Nesting of a request body; documents and inputs of people stay far below.
MAX_DEPTH = 100


def unstorable(value: Any, *, max_depth: int = MAX_DEPTH) -> tuple[str, str] | None:
    """(path, reason) of the first value that cannot be kept, or None. Not recursive.

    Only the way to the value at hand is kept: a body may hold a million of them.
    """
    if reason := _fault(value):
        return "", reason
    way: list[str | int] = []
    levels = [_children(value)]
    while levels:
        for key, item in levels[-1]:
            if isinstance(key, str) and (reason := bad_text(key)):
                return _path(way), f"has a key that {reason}"
            if len(levels) > max_depth:
                return _path([*way, key]), f"is nested more than {max_depth} levels deep"
            if item and isinstance(item, dict | list):
                way.append(key)
                levels.append(_children(item))
                break
            if reason := _fault(item):
                return _path([*way, key]), reason
        else:
            levels.pop()
            if way:
                way.pop()
    return None


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return enumerate(value) if isinstance(value, list) else iter(())


def _fault(value: Any) -> str | None:
    if isinstance(value, str):
        return bad_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "is not a finite number"
    return None


def _path(way: list[str | int]) -> str:
    path = ""
    for key in way:
        path += f"[{key}]" if isinstance(key, int) else f".{key}" if path else key
    return path


def bad_text(text: str) -> str | None:
    """Why this text cannot be kept, or None."""
    if "\0" in text:
        return "holds the character U+0000, which cannot be stored"
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, which is not text"
    return None
