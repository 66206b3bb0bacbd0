"""Starts the runs that were held back as soon as there is room, sharing the engine fairly.

One worker is the admitter: it holds a lock on the connection it listens with, and when it dies the
next one has it within a second. It hears of runs held back and of all news of runs; while nothing
is held back it does nothing. Should news be lost, it looks by itself.

As long as only one workspace runs anything, all that its limits allow is started at once. While
others are active, what is held back starts one by one (for each worker), the workspaces by turns,
and after each start the engine is left alone for as long as that start took: then a flood leaves
half of the engine to those who come with single runs. A busy machine makes starts slow and so the
flood slower; a large one makes it fast.
"""

import asyncio
import json
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg

from execution import admission, recording
from execution.database import DatabaseAway, connection_parameters, in_database
from execution.models import Run
from execution.presence import try_to_lead, workers_present

logger = logging.getLogger(__name__)
type Start = Callable[[UUID], Awaitable[object]]
#: Seconds between two looks while runs are held back, while none are known, and for the lead.
LOOK_EVERY = 0.5
IDLE_LOOK_EVERY = 2.0
LEAD_EVERY = 1.0
#: Runs admitted in one go, and starts on their way to Temporal at once.
BATCH = 50
STARTS_AT_ONCE = 8
#: Seconds after which a start that nothing is heard of is no longer waited for; the longest rest.
LONGEST_START = 1.0
LONGEST_REST = 0.25
#: How long the next start waits while others are active, by the time that the last one took: after
#: a run that ended at once, and after one that goes on (its second half is still to come).
REST_AFTER_END = 1.0
REST_AFTER_START = 2.0
#: Runs remembered by what was heard of them, to tell who is active.
HEARD_KEPT = 1_000


class Admitter:
    """Admits and starts until cancelled; an absent database or Temporal only makes it wait."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self.turns: deque[UUID] = deque()
        self.heard: OrderedDict[UUID, float] = OrderedDict()
        self.workspace_of: OrderedDict[UUID, UUID] = OrderedDict()
        self.on_its_way: dict[UUID, float] = {}
        self.rest_until = 0.0
        self.workers = 1
        self.stir = asyncio.Event()
        self.starts = asyncio.Semaphore(STARTS_AT_ONCE)

    async def run(self) -> None:
        """Lead whenever nobody else does."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    **connection_parameters(), autocommit=True
                ) as held:
                    while not await try_to_lead(held):
                        await asyncio.sleep(LEAD_EVERY)
                    await self._lead(held)
            except (psycopg.Error, DatabaseAway) as error:
                logger.info("Runs that are held back wait for the database: %s", error)
            except Exception:
                # Without it nothing that is held back would ever start.
                logger.exception("What admits runs failed; it begins anew")
            await asyncio.sleep(LEAD_EVERY)

    async def _lead(self, held: psycopg.AsyncConnection[Any]) -> None:
        for channel in (admission.CHANNEL, recording.CHANNEL):
            await held.execute(f"LISTEN {channel}")
        self.turns.extend(await in_database(admission.held_back_workspaces))
        admitting = asyncio.create_task(self._admit_for_ever())
        try:
            async for news in held.notifies():
                try:
                    self._hear(news.channel, news.payload)
                except (ValueError, LookupError, TypeError, AttributeError):
                    logger.warning("News on %s that is none: %.200s", news.channel, news.payload)
        finally:
            admitting.cancel()

    def _hear(self, channel: str, payload: str) -> None:
        now = asyncio.get_running_loop().time()
        if channel == admission.CHANNEL:
            workspace = UUID(payload)
            if workspace not in self.turns:
                self.turns.append(workspace)
            self.stir.set()
            return
        news = json.loads(payload)
        run = UUID(news["r"])
        self.heard[run] = now
        self.heard.move_to_end(run)
        if len(self.heard) > HEARD_KEPT:
            self.heard.popitem(last=False)
        began = self.on_its_way.pop(run, None)
        if began is not None:
            rest = REST_AFTER_END if "e" in news else REST_AFTER_START
            took = rest * (now - began) / self.workers
            self.rest_until = now + min(took, LONGEST_REST)
        if self.turns and (began is not None or "e" in news):
            self.stir.set()

    async def _admit_for_ever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY if self.turns else IDLE_LOOK_EVERY):
                    await self.stir.wait()
            except TimeoutError:
                await self._carefully(self._look)
            self.stir.clear()
            if self.turns:
                await self._carefully(self._step)

    async def _carefully(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except DatabaseAway as error:
            logger.warning("Runs that are held back wait: %s", error)
        except Exception:
            logger.exception("Runs could not be admitted; the next look tries again")

    async def _look(self) -> None:
        """What is held back, whoever may have told of it, and how many are there to do it."""
        self.workers = max(1, (await in_database(workers_present, patience=0))["io"])
        for workspace in await in_database(admission.held_back_workspaces, patience=0):
            if workspace not in self.turns:
                self.turns.append(workspace)

    async def _step(self) -> None:
        """Admit what may start now."""
        if not await self._is_shared():
            for workspace in list(self.turns):
                while await self._admit(workspace, BATCH) == BATCH:
                    pass
            return
        self._forget_lost_starts()
        if len(self.on_its_way) >= self.workers:
            return
        await asyncio.sleep(self.rest_until - asyncio.get_running_loop().time())
        for workspace in list(self.turns):
            self.turns.rotate(-1)
            if await self._admit(workspace, 1):
                return

    def _forget_lost_starts(self) -> None:
        now = asyncio.get_running_loop().time()
        for run, began in list(self.on_its_way.items()):
            if now - began > LONGEST_START:
                del self.on_its_way[run]

    async def _admit(self, workspace: UUID, most: int) -> int:
        """Admit and start runs of one workspace; how many. With nothing left it has no turn.

        A single one (the engine is shared) is watched until something is heard of it.
        """
        admitted, more = await in_database(lambda: admission.admit(workspace, most), patience=0)
        now = asyncio.get_running_loop().time()
        self.workspace_of.update(dict.fromkeys(admitted, workspace))
        if most == 1:
            self.on_its_way.update(dict.fromkeys(admitted, now))
        await asyncio.gather(*(self._start(run) for run in admitted))
        if not more and workspace in self.turns:
            self.turns.remove(workspace)
        return len(admitted)

    async def _start(self, run: UUID) -> None:
        async with self.starts:
            try:
                await self.start(run)
            except Exception as error:
                # The reconciler starts what was admitted and left behind.
                logger.warning("Run %s is started later: %s", run, error)
                self.on_its_way.pop(run, None)

    async def _is_shared(self) -> bool:
        """Whether more than one workspace is active: has runs held back, or had news lately."""
        if len(self.turns) > 1:
            return True
        since = asyncio.get_running_loop().time() - admission.ACTIVE_SECONDS
        lately = [run for run, at in self.heard.items() if at > since]
        unknown = [run for run in lately if run not in self.workspace_of]
        if unknown:
            found = await in_database(
                lambda: dict(Run.objects.filter(id__in=unknown).values_list("id", "workspace_id")),
                patience=0,
            )
            self.workspace_of.update(found)
        while len(self.workspace_of) > 2 * HEARD_KEPT:
            self.workspace_of.popitem(last=False)
        active = {self.workspace_of[run] for run in lately if run in self.workspace_of}
        return bool(active - set(self.turns))
