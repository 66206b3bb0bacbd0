"""Waits for the end of a run on the event loop, so that a waiting client holds no thread."""

import asyncio
import threading
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection

from execution.live.hub import hub
from execution.live.waiting import LOOK_EVERY
from execution.models import ENDED, Run

#: Seconds until the first look at the row: the end may have come before we listened for it.
FIRST_LOOK = 0.25


class _Woken(threading.Event):
    """What the hub sets from its thread, awaited on the loop."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self.on_loop = asyncio.Event()

    def set(self) -> None:
        super().set()
        self._loop.call_soon_threadsafe(self.on_loop.set)


async def ended_within(run_id: Any, seconds: float) -> bool:
    """Whether the run ends within so many seconds; returns as soon as it has."""
    run = str(run_id)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    woken = _Woken()
    hub().expect_end(run, woken)
    look_after = FIRST_LOOK
    try:
        while (left := deadline - loop.time()) > 0:
            try:
                await asyncio.wait_for(woken.on_loop.wait(), min(left, look_after))
            except TimeoutError:
                look_after = LOOK_EVERY
            woken.on_loop.clear()
            if await sync_to_async(_has_ended, thread_sensitive=False)(run):
                return True
        return False
    finally:
        hub().stop_expecting(run, woken)


def _has_ended(run: str) -> bool:
    try:
        return Run.objects.filter(id=run, status__in=ENDED).exists()
    finally:
        connection.close()
