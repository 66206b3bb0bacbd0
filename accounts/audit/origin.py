"""From where the current request or command comes: what the audit trail writes beside who it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

BROWSER, OPERATOR, COMMAND, SYSTEM = "browser", "operator", "command", "system"


@dataclass(frozen=True)
class Origin:
    """`via`: browser, operator, command, system or the beginning of a key; `ip` where known."""

    via: str = SYSTEM
    ip: str | None = None


_NOBODY = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=_NOBODY)


def current_origin() -> Origin:
    """Where what happens now comes from; the system itself where nobody said."""
    return _origin.get()


def set_origin(origin: Origin) -> None:
    """From here on, in this context: what a request does comes from there."""
    _origin.set(origin)


@contextmanager
def acting(origin: Origin) -> Iterator[None]:
    """What is done inside comes from there."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)
