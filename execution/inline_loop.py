"""The loop in which a process carries out its inline runs, and what it is known by meanwhile."""

import asyncio
import logging
import os
import threading
from functools import cache

from execution.database import DatabaseAway, in_database
from execution.inline import InlineRun
from execution.models import Run
from execution.presence import hold_inline

logger = logging.getLogger(__name__)
#: Inline runs that one process carries out at the same time; the others wait their turn.
AT_ONCE = 64
#: Seconds between two looks whether somebody wants a run to stop.
LOOK_EVERY = 0.5
#: Seconds until the process is known to the database at the latest.
PATIENCE = 5.0


class InlineLoop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.number = int.from_bytes(os.urandom(4)) & 0x7FFFFFFF
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._held = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._keeping: list[asyncio.Task[None]] = []
        threading.Thread(target=self._run, name="inline runs", daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._keeping.append(self._loop.create_task(hold_inline(self.number, self._held.set)))
        self._keeping.append(self._loop.create_task(self._look_for_cancels()))
        self._loop.run_forever()

    def wait_until_held(self) -> None:
        """Return when the database knows this process. Raises DatabaseAway."""
        if not self._held.wait(PATIENCE):
            raise DatabaseAway("The database does not know this process yet.")

    def go_on(self, run: InlineRun) -> None:
        """Carry on a run that has begun; from any thread."""
        self._loop.call_soon_threadsafe(self._start, run)

    def _start(self, run: InlineRun) -> None:
        key = str(run.run.id)
        task = self._tasks[key] = self._loop.create_task(self._in_turn(run))
        task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def _in_turn(self, run: InlineRun) -> None:
        async with self._room:
            await run.to_the_end()

    async def _look_for_cancels(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            ids = list(self._tasks)
            if not ids:
                continue
            try:
                unwanted = await in_database(lambda: _unwanted(ids), patience=0)  # noqa: B023
            except DatabaseAway:
                continue
            for key in unwanted:
                if task := self._tasks.get(key):
                    task.cancel()


def _unwanted(ids: list[str]) -> list[str]:
    rows = Run.objects.filter(id__in=ids, cancel_requested_at__isnull=False)
    return [str(found) for found in rows.values_list("id", flat=True)]


@cache
def inline_loop() -> InlineLoop:
    """This process's loop; begun with the first use."""
    return InlineLoop()
