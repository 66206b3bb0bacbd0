"""Speaks for this worker's activities while its event loop is busy.

Heartbeats come from the event loop. A node type that computes there in place of waiting keeps it,
and Temporal would take every call of this worker for lost: each would be made, and paid, again.
So a thread of its own watches the loop and sends their heartbeats meanwhile. It does not do so for
ever: a loop that does not come back ends the process, and other workers take its work over.
"""

import asyncio
import contextvars
import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context

from temporalio import activity

logger = logging.getLogger(__name__)
#: Seconds between two signs of life of the loop, and between two looks at them.
TICK = 0.25
#: Seconds without a sign of life after which the thread speaks, and how often it does then.
BUSY = 0.8
SPEAK_EVERY = 0.8
#: Seconds without a sign of life after which the process is given up.
FROZEN = float(os.environ.get("FLUX_FREEZE_SECONDS") or 30)
#: What a process that was given up exits with (EX_SOFTWARE).
EXIT_CODE = 70


class Pulse:
    """The heartbeats of one worker's activities; made on its event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._speaking_for: dict[object, Context] = {}
        self._seen = time.monotonic()
        self._ticking: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None

    @contextmanager
    def speaks_for_this_activity(self) -> Iterator[None]:
        """While it runs it is not taken for lost where the loop is kept by another."""
        self._seen = time.monotonic()
        # What the SDK knows an activity by is in its context.
        context, ticket = contextvars.copy_context(), object()
        with self._lock:
            self._speaking_for[ticket] = context
        if self._ticking is None or self._ticking.done():
            self._ticking = asyncio.get_running_loop().create_task(self._tick())
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="pulse", daemon=True)
            self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._speaking_for[ticket]

    async def _tick(self) -> None:
        while self._speaking_for:
            self._seen = time.monotonic()
            await asyncio.sleep(TICK)

    def _watch(self) -> None:
        """On the thread, for as long as the process lives."""
        told = False
        while True:
            time.sleep(TICK)
            silent = time.monotonic() - self._seen
            with self._lock:
                waiting = list(self._speaking_for.values())
            if not waiting or silent < BUSY:
                told = False
                continue
            if silent > FROZEN:
                self._give_up(silent)
            if not told:
                told = True
                logger.warning("The event loop is kept busy; its thread is at:\n%s", where())
            asyncio.run(_speak(waiting))
            time.sleep(SPEAK_EVERY - TICK)

    def _give_up(self, silent: float) -> None:
        logger.critical(
            "The event loop has not come back for %.0f s: this worker ends, others take its work "
            "over. Its threads:",
            silent,
        )
        faulthandler.dump_traceback(sys.stderr)
        os._exit(EXIT_CODE)


async def _speak(waiting: list[Context]) -> None:
    """One heartbeat for each. The SDK sends them by tasks of the loop it is called on: this one."""
    for context in waiting:
        context.run(activity.heartbeat)
    sending = asyncio.all_tasks() - {asyncio.current_task()}
    if sending:
        await asyncio.wait(sending, timeout=2)


def where() -> str:
    """The innermost lines of what the main thread is doing."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    lines: list[str] = []
    while frame is not None and len(lines) < 5:
        lines.append(f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return "\n".join(lines)


pulse = Pulse()
