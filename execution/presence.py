"""Which processes live: each holds a lock in the database, and loses it with its process.

Workers hold the lock of their queue, processes that carry out inline runs one of their own.

Temporal remembers a poller for over a minute after its death; a lock is gone at once.
"""

import asyncio
import logging
import zlib
from collections.abc import Callable

import psycopg
from django.conf import settings
from django.db import connection

from execution.database import connection_parameters
from execution.queues import ALL_QUEUES, task_queue
from flows.engine.node_type import Queue

logger = logging.getLogger(__name__)
#: The first half of the lock's name ("FLUX"); the second is made of the task queue's name.
_KIND = 0x464C5558
#: That of processes with inline runs ("FLUI").
_INLINE = 0x464C5549
#: The same of the lock of the worker that admits runs ("FLUL").
_LEADS = 0x464C554C
#: Seconds until the lock is tried for again after the database went away.
AGAIN_AFTER = 0.5
#: So that the lock of a machine that vanished goes within half a minute (no use on a local socket).
_KEEPALIVES = (
    "SELECT set_config('tcp_keepalives_idle', '10', false), "
    "set_config('tcp_keepalives_interval', '5', false), "
    "set_config('tcp_keepalives_count', '3', false)"
)


def _queue(kind: Queue = "io") -> int:
    return zlib.crc32(task_queue(settings.TEMPORAL_TASK_QUEUE, kind).encode()) & 0x7FFFFFFF


async def be_present(kind: Queue = "io") -> None:
    """Hold a queue's lock until cancelled; while the database is away, try again."""
    await _hold(_KIND, _queue(kind))


async def hold_inline(number: int, held: Callable[[], None]) -> None:
    """Hold the lock of a process that carries out inline runs; `held` is called when it is held."""
    await _hold(_INLINE, number, held)


async def _hold(kind: int, number: int, held: Callable[[], None] = lambda: None) -> None:
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                **connection_parameters(), autocommit=True
            ) as connected:
                await connected.execute(_KEEPALIVES)
                await connected.execute("SELECT pg_advisory_lock_shared(%s, %s)", [kind, number])
                held()
                # Nothing is listened to: this ends when the connection does.
                async for _ in connected.notifies():
                    pass
        except psycopg.Error as error:
            logger.info("This process's presence is not known: %s", error)
        await asyncio.sleep(AGAIN_AFTER)


def workers_present() -> dict[Queue, int]:
    """How many workers are connected to the database now, by the queue they poll."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.objid::bigint, count(*) FROM pg_locks l "
            "JOIN pg_database d ON d.oid = l.database "
            "WHERE l.locktype = 'advisory' AND l.classid = %s AND l.granted "
            "AND d.datname = current_database() GROUP BY l.objid",
            [_KIND],
        )
        found = dict(cursor.fetchall())
    return {kind: int(found.get(_queue(kind), 0)) for kind in ALL_QUEUES}


def inline_processes() -> set[int]:
    """The numbers of the processes that carry out inline runs now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.objid FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE l.locktype = 'advisory' AND l.classid = %s AND l.granted "
            "AND d.datname = current_database()",
            [_INLINE],
        )
        return {int(row[0]) for row in cursor.fetchall()}


async def try_to_lead(held: "psycopg.AsyncConnection[object]") -> bool:
    """Whether this connection's process is the one worker that admits runs, until it dies."""
    row = await (
        await held.execute(
            "SELECT pg_try_advisory_lock(%s::integer, %s::integer)", [_LEADS, _queue()]
        )
    ).fetchone()
    return bool(row and row[0])  # type: ignore[index]
