"""Waits for the end of a run, woken by the recording step that wrote it."""

import asyncio
import threading
import time
from contextlib import suppress
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection

from execution.live.hub import hub
from execution.models import ENDED, Run

#: Seconds after which a waiter looks at the row itself, should a notification have been lost. (An
#: end from before the hub listened is not lost: when it begins to listen, it has all waiters look.)
LOOK_EVERY = 2.0


class _Waiter:
    """Woken on the hub's thread, waited for on another thread."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.certain = False

    def wake(self, *, certain: bool) -> None:
        self.certain = self.certain or certain
        self.event.set()


class _LoopWaiter:
    """Woken on the hub's thread, awaited on an event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.event = asyncio.Event()
        self.certain = False

    def wake(self, *, certain: bool) -> None:
        self.certain = self.certain or certain
        self.loop.call_soon_threadsafe(self.event.set)


def wait_until_ended(run_id: Any, seconds: float) -> bool:
    """Block until the run has ended, or for so many seconds; whether it has."""
    run = str(run_id)
    deadline = time.monotonic() + seconds
    waiter = _Waiter()
    hub().expect_end(run, waiter)
    try:
        while (left := deadline - time.monotonic()) > 0:
            waiter.event.wait(min(left, LOOK_EVERY))
            waiter.event.clear()
            if waiter.certain or _has_ended(run):
                return True
        return False
    finally:
        hub().stop_expecting(run, waiter)


async def ended_within(run_id: Any, seconds: float) -> bool:
    """The same on an event loop, where a waiting client holds no thread."""
    run = str(run_id)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    waiter = _LoopWaiter()
    hub().expect_end(run, waiter)
    try:
        while (left := deadline - loop.time()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(waiter.event.wait(), min(left, LOOK_EVERY))
            waiter.event.clear()
            if waiter.certain:
                return True
            if await sync_to_async(_has_ended, thread_sensitive=False)(run):
                return True
        return False
    finally:
        hub().stop_expecting(run, waiter)


def _has_ended(run: str) -> bool:
    """Look at the row; the thread's connection goes back to the pool for the wait."""
    try:
        return Run.objects.filter(id=run, status__in=ENDED).exists()
    finally:
        if not connection.in_atomic_block:
            connection.close()
