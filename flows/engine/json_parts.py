"""How many values a JSON text holds, counted before it is parsed: `[],` makes 25 bytes of each.

A value costs 60 to 250 bytes of memory however short it is written, so a limit of bytes alone
lets a small body take gigabytes.
"""

import re
from typing import NamedTuple


class Room(NamedTuple):
    """The most that a JSON text may hold."""

    #: Values in lists and objects, as counted by commas and opening brackets.
    parts: int
    #: Lists and objects.
    containers: int


#: For what nodes read, on a thread of a worker: up to 500 MB and 3 s.
ROOMY = Room(2_500_000, 1_000_000)
#: For what the web process reads: up to 200 MB and 1 s.
WEB = Room(1_000_000, 400_000)

# Quantifiers that give nothing back: a text of any length is matched without a stack.
_PIECES = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,]+', re.DOTALL)


class TooManyParts(ValueError):
    """The text holds more values than there is room for."""


def check_parts(text: str, room: Room) -> None:
    """Raises TooManyParts. Takes milliseconds for each megabyte at most."""
    containers = text.count("[") + text.count("{")
    if containers <= room.containers and containers + text.count(",") <= room.parts:
        return
    # What stands in quotes was counted too; that is no reason to refuse a text.
    if not _fits_outside_quotes(text, room):
        raise TooManyParts(
            f"it holds more than {room.parts:,} values or {room.containers:,} lists and objects"
        )


def _fits_outside_quotes(text: str, room: Room) -> bool:
    parts = containers = quoted = 0
    for match in _PIECES.finditer(text):
        if text[match.start()] == '"':
            quoted += 1
        else:
            piece = match[0]
            parts += len(piece)
            containers += len(piece) - piece.count(",")
        # A value has a quoted key at most; more is no JSON.
        if parts > room.parts or containers > room.containers or quoted > 2 * room.parts + 2:
            return False
    return True
