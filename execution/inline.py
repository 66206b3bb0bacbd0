"""Inline runs: carried out in the process that was asked, without Temporal.

What only computes is done at once and written in one transaction, with the run itself. The first
step that touches the world has the run written before it begins; then it goes on in a loop of this
process, every step recorded as in a durable run. If the process dies, the record says so within
seconds (reconciler), and the run can be repeated from where it was.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DataError, transaction

from execution.attempts import RunOver
from execution.blobs import NewBlob
from execution.database import DatabaseAway, RecordRefused, in_database
from execution.ending import finish, finished_event, without_what_is_refused
from execution.group_commit import GroupRecorder
from execution.inline_steps import InlineDrive
from execution.models import Run, RunStatus
from execution.recording import (
    Event,
    HeldRun,
    RunMissing,
    new_run_event,
    queued_event,
    record_events,
)
from execution.shapes import RunEnd, RunInput
from execution.whole_run import write_whole_run
from execution.workflow_errors import engine_error, timed_out
from flows.engine.graph import Graph
from flows.engine.plan import FinishRun
from flows.engine.reuse import Reuse
from flows.engine.walk import Walk

JSON = Any
logger = logging.getLogger(__name__)
CANCELLED = {"code": "cancelled", "message": "Cancelled."}


class InlineRun:
    """One inline run, from its start to its recorded end."""

    def __init__(self, run: Run, graph: Graph, start: RunInput, reuse: Reuse | None = None) -> None:
        self.run = run
        self.start = start
        self.is_cancelled = False
        self.began = datetime.now(UTC)
        seconds = start["timeout_seconds"]
        self.drive = InlineDrive(
            Walk(graph, {"run": start["run"], "vars": start["variables"]}, reuse=reuse),
            start,
            GroupRecorder(),
            started_at=self.began.isoformat(),
            deadline=(self.began + timedelta(seconds=seconds)).isoformat(),
        )

    def is_begun_with(self, blobs: list[NewBlob]) -> bool:
        """Compute what can be; where that was all, write the run and say True."""
        try:
            end = self._end_of(self.drive.carry_out_now())
        except Exception as error:
            logger.exception("An inline run ended on an error of the engine")
            end = self._end("failed", error=engine_error(error))
        if end is None:
            return False
        self.drive.drop_held()
        try:
            self._write_whole(end, blobs)
        except DataError:
            self._write_whole(without_what_is_refused(end), blobs)
        return True

    def write(self, blobs: list[NewBlob]) -> None:
        """Write the run before anything touches the world."""
        self.drive.is_begun = True
        with transaction.atomic():
            new_run_event(self.run, blobs)

    def _write_whole(self, end: RunEnd, blobs: list[NewBlob]) -> None:
        """The run with its steps and its end, in one transaction."""
        run, now = self.run, datetime.now(UTC)
        records = end["records"]
        started = Event("run.started", "run.started", at=self.began)
        events = [queued_event(run), started, *record_events(records)]
        run.status, run.error = end["status"], end["error"]
        run.outputs = end["outputs"]
        run.started_at, run.finished_at = self.began, now
        run.last_seq = len(events) + 1
        held = HeldRun.of_new(run)
        write_whole_run(run, blobs, records, [*events, finished_event(held, end, now)])

    async def to_the_end(self) -> None:
        """Go on where `begin` left off, and write the end. Cancelling it cancels the run."""
        try:
            async with asyncio.timeout(self.start["timeout_seconds"]):
                finished = await self.drive.to_the_end()
            end = self._end_of(finished)
            assert end is not None, "an inline run cannot be paused"
        except RunOver:
            # It was ended from outside: whoever did that has written so.
            return
        except TimeoutError:
            end = self._end("timed_out", error=timed_out(self.start["timeout_seconds"]))
        except asyncio.CancelledError:
            # Whoever cancelled waits for the end to be written.
            self.is_cancelled = True
            end = self._end("cancelled", error=CANCELLED)
        except Exception as error:
            logger.exception("Inline run %s ended on an error of the engine", self.run.id)
            end = self._end("failed", error=engine_error(error))
        with suppress(RunMissing, DatabaseAway):
            await self._record(end)

    async def _record(self, end: RunEnd) -> None:
        try:
            await in_database(lambda: finish(end), patience=600)
        except RecordRefused:
            logger.exception("The end of run %s cannot be stored as it is", self.run.id)
            await in_database(lambda: finish(without_what_is_refused(end)), patience=600)

    def _end_of(self, finished: FinishRun | None) -> RunEnd | None:
        if finished is None:
            return None
        error = finished.error
        if error is None and finished.status == RunStatus.FAILED:
            error = {"code": "stopped", "message": finished.message or "The flow stopped itself."}
        return self._end(finished.status, outputs=finished.outputs, error=error)

    def _end(
        self,
        status: str,
        *,
        outputs: dict[str, JSON] | None = None,
        error: dict[str, JSON] | None = None,
    ) -> RunEnd:
        records = []
        while more := self.drive.settled.take():
            records += more
        return RunEnd(
            run_id=str(self.run.id),
            status=status,
            outputs=outputs,
            error=error,
            started_at=self.began.isoformat(),
            records=records,
        )
