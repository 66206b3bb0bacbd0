"""Suggest the nearest known name, so that an error about a typing slip can name the cure."""

from collections.abc import Iterable
from difflib import get_close_matches
from heapq import nsmallest
from itertools import islice

# Bounds of the search: difflib is quadratic in the length, and nobody reads past a few names.
MAX_SEEN = 500
MAX_NAMES = 50
MAX_LENGTH = 64


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one, or None when nothing is close. Takes 3 ms at most."""
    seen = _seen(known)
    name = name[:MAX_LENGTH]
    lower = name.lower()
    for candidate in seen:
        if candidate.lower() == lower:
            return candidate
    matches = get_close_matches(name, _likeliest(lower, seen), n=1, cutoff=0.6)
    return matches[0] if matches else None


def _seen(known: Iterable[str]) -> list[str]:
    return [name for name in islice(known, MAX_SEEN) if len(name) <= MAX_LENGTH]


def _likeliest(name: str, seen: list[str]) -> list[str]:
    """The few names that are worth a comparison: alike at one end, then alike in length."""
    if len(seen) <= MAX_NAMES:
        return seen

    def unlikeness(candidate: str) -> tuple[bool, bool, int]:
        lower = candidate.lower()
        ends = lower[:3] == name[:3] or lower[-3:] == name[-3:]
        return not ends, lower[:1] != name[:1], abs(len(lower) - len(name))

    return nsmallest(MAX_NAMES, seen, key=unlikeness)


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence to append to a message: the nearest name, else the first few that exist."""
    seen = _seen(known)
    match = nearest(name, seen)
    if match is not None:
        return f" Did you mean '{match}'?"
    return f" Known here: {', '.join(seen[:8])}." if seen else ""


class Suggestions:
    """Suggestions for the first problems of one check: a thousand would take seconds."""

    def __init__(self, limit: int = 20) -> None:
        self._left = limit

    def nearest(self, name: str, known: Iterable[str]) -> str | None:
        """As the function `nearest`, while there are any left."""
        return nearest(name, known) if self._take() else None

    def __call__(self, name: str, known: Iterable[str]) -> str:
        """As the function `suggestion`, while there are any left."""
        return suggestion(name, known) if self._take() else ""

    def _take(self) -> bool:
        self._left -= 1
        return self._left >= 0
