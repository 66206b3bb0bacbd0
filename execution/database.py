"""The ways to the database: sync work on a few threads, patient while it is away."""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from django.db import DataError, InterfaceError, OperationalError, connection
from psycopg_pool import PoolTimeout

#: Threads that hold one connection each.
THREADS = 4
_executor = ThreadPoolExecutor(THREADS, thread_name_prefix="database")

#: What a database that restarts looks like from here.
AWAY = (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError)


class DatabaseAway(Exception):
    """The database did not come back in the time given."""


class RecordRefused(Exception):
    """The database will never take this: a value does not fit what it is to be stored in."""


def connection_parameters() -> dict[str, Any]:
    """How to connect to the database beside the pool, for connections that are kept."""
    parameters = dict(connection.get_connection_params())
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    return parameters


async def in_database[T](
    work: Callable[[], T], *, patience: float = 60, threads: ThreadPoolExecutor | None = None
) -> T:
    """Run sync database work on a thread; while the server is away, again for `patience` seconds.

    The work has to be safe to repeat: a lost answer does not tell whether it was committed.
    `threads` are others than the usual ones, for work that also waits for something else.
    Raises DatabaseAway, RecordRefused.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    pause = 0.05
    while True:
        try:
            return await loop.run_in_executor(threads or _executor, _tidily, work)
        except AWAY as error:
            if loop.time() + pause > deadline:
                raise DatabaseAway(f"The database is away: {error}") from error
            await asyncio.sleep(pause * random.uniform(0.7, 1.3))
            pause = min(pause * 2, 1.0)
        except DataError as error:
            raise RecordRefused(f"The database does not take a value: {error}") from error


def _tidily[T](work: Callable[[], T]) -> T:
    """Keep the thread's connection for the next piece of work unless it broke."""
    try:
        return work()
    except AWAY:
        connection.close()
        raise
