"""Suggest the nearest known name, so that an error about a typing slip can name the cure."""

from collections.abc import Iterable
from difflib import get_close_matches

# Bounds of the search: difflib is quadratic in the length, and nobody reads past a few names.
MAX_NAMES = 500
MAX_LENGTH = 64


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one, or None when nothing is close."""
    candidates = [k for k in known if len(k) <= MAX_LENGTH][:MAX_NAMES]
    for candidate in candidates:
        if candidate.lower() == name.lower():
            return candidate
    matches = get_close_matches(name[:MAX_LENGTH], candidates, n=1, cutoff=0.6)
    return matches[0] if matches else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence to append to a message: the nearest name, else the first few that exist."""
    candidates = list(known)
    match = nearest(name, candidates)
    if match is not None:
        return f" Did you mean '{match}'?"
    shown = [k for k in candidates if len(k) <= MAX_LENGTH][:8]
    return f" Known here: {', '.join(shown)}." if shown else ""
