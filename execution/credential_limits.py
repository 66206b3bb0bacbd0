"""Keeps the calls made with a credential within its limits, over all workers.

Calls at once are advisory locks on one kept connection of each worker: they go with their process.
Calls a minute are one row, whose single statement says how long to wait. Where a credential has no
limits, nothing is asked. Should the database go away during calls, their places are free before
they end.
"""

import asyncio
import random
import time
import zlib
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from accounts.credentials.vault import OpenCredential
from execution.database import DatabaseAway, connection_parameters, in_database
from flows.engine.errors import NodeError

#: Seconds that a call waits in place; beyond it the attempt is given back, without costing a try.
PATIENCE = 1.0
#: Seconds between two looks for a place, and until a call that was given back comes again.
LOOK_EVERY = 0.1
AGAIN_AFTER = (1.0, 3.0)
#: Of the calls of a minute, the share that may come all at once after a pause.
BURST = 10


@dataclass(frozen=True)
class CallLimits:
    """What a credential allows; None: no limit. `name` is what an error calls it."""

    credential: UUID
    name: str
    max_concurrent: int | None = None
    requests_per_minute: int | None = None


def limits_from(opened: OpenCredential) -> CallLimits | None:
    """What calls with this credential have to keep to; None where it has no limits."""
    if opened.max_concurrent is None and opened.requests_per_minute is None:
        return None
    name = f"the credential '{opened.name}'"
    return CallLimits(opened.id, name, opened.max_concurrent, opened.requests_per_minute)


@asynccontextmanager
async def room_for(limits: CallLimits | None) -> AsyncGenerator[None]:
    """One call within the limits. Raises NodeError credential_busy after PATIENCE seconds."""
    if limits is None:
        yield
        return
    place = None
    if limits.max_concurrent is not None:
        place = await _take_place(limits, limits.max_concurrent)
    try:
        if limits.requests_per_minute is not None:
            await _take_turn(limits, limits.requests_per_minute)
        yield
    finally:
        if place is not None:
            await asyncio.shield(_places().give_back(place))


async def _take_place(limits: CallLimits, most: int) -> "_Place":
    deadline = time.monotonic() + PATIENCE
    while True:
        place = await _places().take(limits.credential, most)
        if place is not None:
            return place
        if time.monotonic() + LOOK_EVERY > deadline:
            what = "1 call" if most == 1 else f"{most:,} calls"
            raise _busy(limits, f"allows {what} at once", random.uniform(*AGAIN_AFTER))
        await asyncio.sleep(LOOK_EVERY * random.uniform(0.7, 1.3))


async def _take_turn(limits: CallLimits, per_minute: int) -> None:
    granted, wait = await in_database(lambda: take_turn(limits.credential, per_minute))
    if not granted:
        what = "1 call" if per_minute == 1 else f"{per_minute:,} calls"
        # So that those who wait do not all come back at the same moment.
        raise _busy(limits, f"allows {what} a minute", wait + random.uniform(0, PATIENCE))
    if wait > 0:
        await asyncio.sleep(wait)


def _busy(limits: CallLimits, allows: str, again: float) -> NodeError:
    return NodeError(
        "credential_busy",
        f"{limits.name[:1].upper()}{limits.name[1:]} {allows}, and that is used up; this call "
        f"comes again in {again:.1f} s. Raise the limit in the settings if the provider allows "
        "more.",
        retryable=True,
        refused=True,
        retry_after=again,
    )


# An even pace with a burst (GCRA): `next_at` is when the next call is due. A call that can be made
# within PATIENCE takes its turn, any other changes nothing.
_TURN = """
INSERT INTO execution_credentialrate AS rate (credential, next_at, wait, granted)
VALUES (%(credential)s::uuid, clock_timestamp() + %(pace)s::float8 * interval '1 second', 0, true)
ON CONFLICT (credential) DO UPDATE SET
  wait = GREATEST(0, extract(epoch FROM rate.next_at - clock_timestamp()) - %(slack)s::float8),
  granted = extract(epoch FROM rate.next_at - clock_timestamp()) - %(slack)s::float8
    <= %(patience)s::float8,
  next_at = CASE
    WHEN extract(epoch FROM rate.next_at - clock_timestamp()) - %(slack)s::float8
      <= %(patience)s::float8
    THEN GREATEST(rate.next_at, clock_timestamp()) + %(pace)s::float8 * interval '1 second'
    ELSE rate.next_at END
RETURNING granted, wait
"""


def take_turn(credential: UUID, per_minute: int) -> tuple[bool, float]:
    """(whether the call has its turn, seconds until it is or may be due).

    In no minute more than `per_minute` calls have their turn.
    """
    burst = max(1, per_minute // BURST)
    pace = 60 / (per_minute - burst + 1)
    values: dict[str, Any] = {
        "credential": credential,
        "pace": pace,
        "slack": pace * (burst - 1),
        "patience": PATIENCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TURN, values)
        granted, wait = cursor.fetchone()
    return bool(granted), float(wait)


@dataclass(frozen=True)
class _Place:
    """One of a credential's places, as long as its connection lives."""

    credential: UUID
    number: int
    connection: psycopg.AsyncConnection[Any]


_FREE = """
SELECT place FROM generate_series(1, %s::integer) place
WHERE place <> ALL(%s::integer[]) AND pg_try_advisory_lock(%s::integer, place) LIMIT 1
"""


class _Places:
    """The places this process holds, as locks on a connection of its own."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._held: dict[UUID, set[int]] = defaultdict(set)

    async def take(self, credential: UUID, most: int) -> "_Place | None":
        """A place of 1 to `most` that nobody holds; None where there is none.

        Raises DatabaseAway.
        """
        async with self._lock:
            if len(self._held[credential]) >= most:
                return None
            try:
                row = await self._free(credential, most)
            except psycopg.Error:
                # The places held so far went with the connection; a new one may be had at once.
                await self._forget()
                try:
                    row = await self._free(credential, most)
                except psycopg.Error as away:
                    raise DatabaseAway(f"The database is away: {away}") from away
            if row is None:
                return None
            number = int(row[0])
            self._held[credential].add(number)
            assert self._connection is not None
            return _Place(credential, number, self._connection)

    async def _free(self, credential: UUID, most: int) -> Any:
        # A session that has a lock gets it again: our own have to be left out.
        held = sorted(self._held[credential])
        return await self._ask(_FREE, [most, held, lock_name(credential)])

    async def give_back(self, place: "_Place") -> None:
        """Free a place; one whose connection was lost is free already."""
        async with self._lock:
            if place.connection is not self._connection:
                return
            self._held[place.credential].discard(place.number)
            try:
                await self._ask(
                    "SELECT pg_advisory_unlock(%s::integer, %s::integer)",
                    [lock_name(place.credential), place.number],
                )
            except psycopg.Error:
                await self._forget()

    async def _ask(self, statement: str, values: list[Any]) -> Any:
        if self._connection is None or self._connection.closed:
            self._held.clear()
            self._connection = await psycopg.AsyncConnection.connect(
                **connection_parameters(), autocommit=True
            )
        return await (await self._connection.execute(statement, values)).fetchone()

    async def _forget(self) -> None:
        self._held.clear()
        if self._connection is not None:
            with suppress(psycopg.Error):
                await self._connection.close()
        self._connection = None


_by_loop: dict[asyncio.AbstractEventLoop, _Places] = {}


def _places() -> _Places:
    return _by_loop.setdefault(asyncio.get_running_loop(), _Places())


def lock_name(credential: UUID) -> int:
    """The first half of a lock's name."""
    return zlib.crc32(credential.bytes) - 2**31
