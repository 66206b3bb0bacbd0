"""JSON written as text with expressions in it, as an object with expressions in its texts."""

import json
import re
from collections.abc import Sequence
from typing import Any

from flows.importing.code import Code, as_text

JSON = Any
#: Stand for an expression in quotes, and for one that stands alone; no file holds them by itself.
_QUOTED, _ALONE, _END = "\ue000", "\ue001", "\ue002"
_MARK = re.compile(f"[{_QUOTED}{_ALONE}]([0-9]+){_END}")


def json_of(parts: Sequence[str | Code]) -> JSON:
    """The object, or the text itself where it is no JSON."""
    kept = [part for part in parts if not (isinstance(part, str) and not part.strip())]
    if len(kept) == 1 and isinstance(kept[0], Code):
        return as_text(kept)
    text, inside = "", False
    codes: list[Code] = []
    for part in parts:
        if isinstance(part, str):
            text += part
            inside = _is_inside(part, inside)
        else:
            codes.append(part)
            mark = f"{_QUOTED if inside else _ALONE}{len(codes) - 1}{_END}"
            text += mark if inside else f'"{mark}"'
    try:
        return _filled(json.loads(text, strict=False), codes)
    except (ValueError, RecursionError):
        return as_text(parts)


def _is_inside(text: str, inside: bool) -> bool:
    escaped = False
    for sign in text:
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = inside
        elif sign == '"':
            inside = not inside
    return inside


def _filled(value: JSON, codes: list[Code]) -> JSON:
    if isinstance(value, dict):
        return {_plain(key, codes): _filled(item, codes) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, codes) for item in value]
    if not isinstance(value, str):
        return value
    parts: list[str | Code] = []
    position = 0
    for found in _MARK.finditer(value):
        parts += [value[position : found.start()], codes[int(found[1])]]
        position = found.end()
    parts.append(value[position:])
    return as_text([part for part in parts if part != ""])


def _plain(key: str, codes: list[Code]) -> str:
    """A key: expressions have no place there, so they stay as they are written."""
    return _MARK.sub(lambda found: codes[int(found[1])].text, key)
