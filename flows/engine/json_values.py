"""JSON values: read into what can be stored (no NaN, NUL or half characters), and compared."""

import json
import math
import re
from typing import Any

from flows.engine.json_parts import ROOMY, Room, check_parts

#: The key that makes an object a reference to a large value (flows.engine.references).
KEY = "$blob"
#: PostgreSQL stores no NUL, and half of a surrogate pair has no UTF-8.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Escapes may hide any of what is cleaned; texts without them are the rule and pass at once.
_SUSPECT = re.compile(r"[\x00\ud800-\udfff]|\\u|\$blob")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def read_json(text: str, room: Room = ROOMY) -> Any:
    """The value of a JSON text. Raises ValueError (json.JSONDecodeError) or RecursionError.

    A text that holds more than there is `room` for is refused before it is parsed (TooManyParts).

    What cannot be stored is replaced by U+FFFD, as browsers do with broken text; a key that would
    look like one of the engine's references gets an underscore.
    """
    check_parts(text, room)
    value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    return cleaned(value) if _SUSPECT.search(text) else value


def storable_text(text: str) -> str:
    """Text that PostgreSQL's JSON takes: NUL and lone surrogates become U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            # By way of UTF-16, where two halves that came apart are one character again.
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: 1 is neither true nor 1.0, keys have no order."""
    # Python finds most differences at once, but takes 1 for True and for 1.0.
    return bool(one == other) and _text(one) == _text(other)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def cleaned(value: Any) -> Any:
    """The value with unstorable characters replaced, and no key that makes it a reference."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {
            f"_{KEY}" if key == KEY else cleaned(key): cleaned(item) for key, item in value.items()
        }
    return [cleaned(item) for item in value] if isinstance(value, list) else value


def storable_problem(value: Any, depth_limit: int = 200) -> str | None:
    """Why a JSON value cannot be stored, as the end of a sentence; None when it can."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > depth_limit:
            return f"is nested deeper than {depth_limit} levels."
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                if UNSTORABLE.search(item):
                    return "holds a NUL or half of a character pair; remove it."
            elif isinstance(item, dict):
                if KEY in item:
                    return f"uses the key '{KEY}', which is reserved; rename it."
                below.extend(item.keys())
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, float) and not math.isfinite(item):
                return "holds a number that is infinite or not a number."
        level = below
    return None
