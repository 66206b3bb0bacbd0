"""Which JSON values can be kept: PostgreSQL refuses NUL and lone surrogates, JSON refuses NaN."""

import math
from collections.abc import Iterator
from typing import Any

#: Nesting of a request body; documents and inputs of people stay far below.
MAX_DEPTH = 100


def unstorable(value: Any, *, max_depth: int = MAX_DEPTH) -> tuple[str, str] | None:
    """(path, reason) of the first value that cannot be kept, or None. Not recursive."""
    pending: list[tuple[str, Any, int]] = [("", value, 0)]
    while pending:
        path, item, depth = pending.pop()
        if depth > max_depth:
            return path, f"is nested more than {max_depth} levels deep"
        if isinstance(item, str):
            if reason := bad_text(item):
                return path, reason
        elif isinstance(item, float):
            if not math.isfinite(item):
                return path, "is not a finite number"
        elif isinstance(item, dict | list):
            for key, child in _children(item):
                if isinstance(key, str) and (reason := bad_text(key)):
                    return path, f"has a key that {reason}"
                pending.append((_join(path, key), child, depth + 1))
    return None


def _children(item: dict[Any, Any] | list[Any]) -> Iterator[tuple[Any, Any]]:
    return iter(item.items()) if isinstance(item, dict) else enumerate(item)


def _join(path: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def bad_text(text: str) -> str | None:
    """Why this text cannot be kept, or None."""
    if "\0" in text:
        return "holds the character U+0000, which cannot be stored"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, which is not text"
    return None
