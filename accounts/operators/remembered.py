"""What is asked often and changes seldom: read from the database every few seconds at most."""

import math
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection, transaction
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

#: Seconds after which every process knows of a change.
SECONDS = 5.0
#: What a database that is away looks like.
_AWAY = (DatabaseError, InterfaceError, OperationalError, PoolTimeout)


class Remembered[T]:
    """The value that `read` gave last; `fallback` until the database has answered once.

    While the database is away the last value holds. `get` asks the database, so not from an event
    loop: there `fresh` says what is known without asking.
    """

    def __init__(self, read: Callable[[], T], fallback: T) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._fallback = self._value = fallback
        self._until = 0.0
        self._forgotten = 0
        _all.append(self)

    def get(self) -> T:
        if time.monotonic() < self._until:
            return self._value
        # Others go on with the old value while one reads: nobody waits for a slow answer.
        if not self._lock.acquire(blocking=self._until == 0.0):
            return self._value
        try:
            if time.monotonic() >= self._until:
                self._refresh()
        finally:
            self._lock.release()
        return self._value

    def _refresh(self) -> None:
        before = self._forgotten
        try:
            # Of its own: where this fails, what the caller is in the middle of goes on.
            with transaction.atomic() if connection.in_atomic_block else _nothing:
                self._value = self._read()
        except _AWAY:
            pass
        # Whoever forgot meanwhile wants it read again.
        if self._forgotten == before:
            self._until = time.monotonic() + SECONDS

    @property
    def is_fresh(self) -> bool:
        """Whether `get` would ask nobody."""
        return time.monotonic() < self._until

    def forget(self) -> None:
        """Read it anew: now, and once more when the change that is under way commits."""
        self._forget()
        if connection.in_atomic_block:
            transaction.on_commit(self._forget)

    def _forget(self) -> None:
        self._forgotten += 1
        self._until = 0.0

    def assume_fallback(self) -> None:
        """Nobody has changed anything, until somebody forgets; for tests."""
        self._value, self._until = self._fallback, math.inf


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *args: object) -> None: ...


_nothing = _Nothing()
_all: "list[Remembered[object]]" = []


def assume_fallbacks() -> None:
    """Every remembered value is what it is at first; for tests."""
    for remembered in _all:
        remembered.assume_fallback()
