"""Waits for the end of a run, woken by the recording step that wrote it."""

import asyncio
import threading
import time
from contextlib import suppress
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection

from execution.live.hub import LOOK_EVERY, hub

# (An end from before the hub listened is not lost: when it begins to listen, all waiters look.)


class _Waiter:
    """Woken on any thread, waited for on another thread."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.certain = False

    def wake(self, *, certain: bool) -> None:
        self.certain = self.certain or certain
        self.event.set()


class _LoopWaiter:
    """Woken on any thread, awaited on an event loop."""

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
            if not waiter.certain:
                _look()
            if waiter.certain:
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
            if not waiter.certain and hub().look_is_due():
                await sync_to_async(_look, thread_sensitive=False)()
            if waiter.certain:
                return True
        return False
    finally:
        hub().stop_expecting(run, waiter)


def _look() -> None:
    """Look at the rows; the thread's connection goes back to the pool for the wait."""
    try:
        hub().look()
    finally:
        if not connection.in_atomic_block:
            connection.close()
