"""Which workers live: each holds a lock in the database, and loses it with its process.

Temporal remembers a poller for over a minute after its death; a lock is gone at once.
"""

import asyncio
import logging
import zlib

import psycopg
from django.conf import settings
from django.db import connection

from execution.database import connection_parameters

logger = logging.getLogger(__name__)
#: The first half of the lock's name ("FLUX"); the second is made of the task queue's name.
_KIND = 0x464C5558
#: Seconds until the lock is tried for again after the database went away.
AGAIN_AFTER = 0.5
#: So that the lock of a machine that vanished goes within half a minute (no use on a local socket).
_KEEPALIVES = (
    "SELECT set_config('tcp_keepalives_idle', '10', false), "
    "set_config('tcp_keepalives_interval', '5', false), "
    "set_config('tcp_keepalives_count', '3', false)"
)


def _queue() -> int:
    return zlib.crc32(settings.TEMPORAL_TASK_QUEUE.encode()) & 0x7FFFFFFF


async def be_present() -> None:
    """Hold the lock until cancelled; while the database is away, try again."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                **connection_parameters(), autocommit=True
            ) as held:
                await held.execute(_KEEPALIVES)
                await held.execute("SELECT pg_advisory_lock_shared(%s, %s)", [_KIND, _queue()])
                # Nothing is listened to: this ends when the connection does.
                async for _ in held.notifies():
                    pass
        except psycopg.Error as error:
            logger.info("This worker's presence is not known: %s", error)
        await asyncio.sleep(AGAIN_AFTER)


def worker_is_present() -> bool:
    """Whether a worker of our queue is connected to the database now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE l.locktype = 'advisory' AND l.classid = %s AND l.objid = %s AND l.granted "
            "AND d.datname = current_database())",
            [_KIND, _queue()],
        )
        return bool(cursor.fetchone()[0])
