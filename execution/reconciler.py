"""Keeps rows and workflows in agreement: starts what was promised, ends what has ended.

Rows are what people see, Temporal's history is what happens. A crash between the two leaves a
promise (a queued run nobody started) or a stale row (a workflow that was terminated by hand).
Several workers may do this at once: every change is guarded.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.utils import timezone
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from accounts.models import Variable
from execution.approval_sweeps import MAIL_EVERY, deliver_decisions, send_left_mails
from execution.database import DatabaseAway, in_database
from execution.dispatch import run_input, start_workflow
from execution.ending import end_from_outside
from execution.knowledge.dispatch import tell_of_what_is_left
from execution.models import ENDED, Run, RunStatus
from execution.pinned import pin_again
from execution.presence import inline_processes
from execution.retention import Retention
from execution.shapes import RunInput
from execution.telling import tell, untold
from flows.engine.sizes import wire_size

logger = logging.getLogger(__name__)
#: Seconds between two sweeps, and the age at which a queued run counts as left behind.
SWEEP_EVERY = 2.0
LEFT_BEHIND = timedelta(seconds=3)
#: Seconds between two comparisons of open runs with their workflows, and how many at once.
COMPARE_EVERY = 10.0
COMPARE_AGE = timedelta(seconds=20)
BATCH = 100
#: A cancel that a workflow has not heeded for this long never will be: longer than a result waits
#: for the database (runner.RESULT_PATIENCE).
UNHEEDED = timedelta(minutes=15)
#: Bytes of a start: Temporal refuses payloads over 2 MiB.
START_LIMIT = 2_000_000

#: How a closed workflow ends a row that is still open: status, code, message.
OUTCOMES = {
    WorkflowExecutionStatus.TERMINATED: (
        RunStatus.CANCELLED,
        "terminated",
        "An operator terminated the run in Temporal.",
    ),
    WorkflowExecutionStatus.CANCELED: (RunStatus.CANCELLED, "cancelled", "Cancelled."),
    WorkflowExecutionStatus.TIMED_OUT: (
        RunStatus.TIMED_OUT,
        "timed_out",
        "The run did not end in its time.",
    ),
    WorkflowExecutionStatus.FAILED: (
        RunStatus.FAILED,
        "engine_error",
        "The run's workflow failed; the Temporal UI shows why.",
    ),
    WorkflowExecutionStatus.COMPLETED: (
        RunStatus.FAILED,
        "end_not_recorded",
        "The run's workflow ended without recording its end. Run the flow again.",
    ),
}
UNSTARTABLE = {
    "code": "start_refused",
    "message": "This run cannot be started; the log of a worker says why. Its inputs and the "
    "workspace's variables together may be too large.",
}
CANCELLED_HARD = {
    "code": "cancelled",
    "message": "Cancelled. The run's workflow did not react, so it was terminated.",
}
INTERRUPTED = {
    "code": "interrupted",
    "message": "The process that carried out this run went away. What was recorded is kept: run it "
    "again from where it was.",
}
CANCELLED_EARLY = {"code": "cancelled", "message": "Cancelled before it started."}
LOST = (
    RunStatus.FAILED,
    "workflow_lost",
    "Temporal does not know this run any more (its database was replaced). Run the flow again.",
)


class Reconciler:
    """Sweeps until cancelled; an absent database or Temporal only makes it wait."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.compared_to: UUID | None = None
        self.missed: set[UUID] = set()
        self.retention = Retention()

    async def run(self) -> None:
        """Sweep every SWEEP_EVERY seconds, compare every COMPARE_EVERY."""
        # Beside the sweeps: a mail server may be slow.
        mailing = asyncio.create_task(self._mail())
        try:
            await self._sweep()
        finally:
            mailing.cancel()

    async def _mail(self) -> None:
        while True:
            await asyncio.sleep(MAIL_EVERY)
            await self._carefully(send_left_mails)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        compare_at = loop.time() + COMPARE_EVERY
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            await self._carefully(self.deliver_cancels)
            await self._carefully(self.deliver_pauses)
            await self._carefully(self.start_left_behind)
            await self._carefully(self.end_interrupted)
            await self._carefully(partial(deliver_decisions, self.client))
            await self._carefully(self.retention.sweep)
            if loop.time() >= compare_at:
                await self._carefully(self.compare_open_runs)
                await self._carefully(partial(tell_of_what_is_left, self.client))
                compare_at = loop.time() + COMPARE_EVERY

    async def _carefully(self, step: Callable[[], Awaitable[object]]) -> None:
        """One step; whatever stops it does not stop the others."""
        try:
            await step()
        except (DatabaseAway, RPCError) as error:
            logger.warning("The reconciler waits: %s", error)
        except Exception:
            logger.exception("The reconciler met an error; it goes on")

    async def start_left_behind(self) -> int:
        """Start admitted runs whose starter went away; returns how many."""
        run_ids = await in_database(_left_behind, patience=0)
        for run_id in run_ids:
            await self.start(run_id)
        return len(run_ids)

    async def start(self, run_id: UUID) -> None:
        """Start one; a run that can never be started ends, or the others would wait behind it."""
        try:
            run, start = await in_database(lambda: _input_again(run_id), patience=0)
            if wire_size(start) > START_LIMIT:
                raise ValueError(f"its start has over {START_LIMIT:,} bytes")
            await start_workflow(self.client, run, start)
        except (DatabaseAway, Run.DoesNotExist):
            raise
        except RPCError as error:
            if error.status != RPCStatusCode.INVALID_ARGUMENT:
                raise
            logger.error("Run %s cannot be started: %s", run_id, error.message)
        except Exception:
            logger.exception("Run %s cannot be started", run_id)
        else:
            return
        await self._end(run_id, RunStatus.FAILED, UNSTARTABLE)

    async def end_interrupted(self) -> int:
        """End inline runs whose process is gone; returns how many.

        A process is missed twice before it counts as gone: with the database it comes back.
        """
        found = set(await in_database(_without_process, patience=0))
        ended = 0
        for run_id in found & self.missed:
            ended += await self._end(run_id, RunStatus.FAILED, INTERRUPTED)
        self.missed = found
        return ended

    async def deliver_cancels(self) -> None:
        """Ask again for cancels that did not reach Temporal; insist where nothing heeds them."""
        for run in await in_database(_undelivered_cancels, patience=0):
            handle = self.client.get_workflow_handle(run.workflow_id)
            assert run.cancel_requested_at is not None
            unheeded = run.cancel_requested_at < timezone.now() - UNHEEDED
            error = CANCELLED_HARD if unheeded else None
            try:
                if unheeded:
                    await handle.terminate("A cancel was not heeded")
                else:
                    await handle.cancel()
            except RPCError as refusal:
                if refusal.status != RPCStatusCode.NOT_FOUND:
                    raise
                if run.started_at is None:
                    error = CANCELLED_EARLY
            if error is not None:
                await self._end(run.id, RunStatus.CANCELLED, error)

    async def deliver_pauses(self) -> int:
        """Tell workflows of pauses and resumes they do not know of; returns how many were told."""
        found = await in_database(untold, patience=0)
        told = [await in_database(partial(tell, run_id), patience=0) for run_id in found]
        return sum(told)

    async def _end(self, run_id: UUID, status: RunStatus, error: dict[str, str]) -> bool:
        return await in_database(lambda: end_from_outside(str(run_id), status, error))

    async def compare_open_runs(self) -> int:
        """End rows whose workflow has ended otherwise; returns how many were mended."""
        open_runs = await in_database(lambda: _open_runs(self.compared_to), patience=0)
        self.compared_to = open_runs[-1][0] if len(open_runs) == BATCH else None
        mended = 0
        for run_id, begun in open_runs:
            outcome = await self._outcome(run_id, begun=begun)
            if outcome is not None:
                status, code, message = outcome
                mended += await self._end(run_id, status, {"code": code, "message": message})
        return mended

    async def _outcome(self, run_id: UUID, *, begun: bool) -> tuple[RunStatus, str, str] | None:
        try:
            described = await self.client.get_workflow_handle(f"run-{run_id}").describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                # A queued run without a workflow is a promise, kept by the sweep.
                return LOST if begun else None
            raise
        return OUTCOMES.get(described.status) if described.status else None


def _left_behind() -> list[UUID]:
    return list(
        Run.objects.filter(
            status=RunStatus.QUEUED,
            execution="durable",
            parent=None,
            admitted_at__lt=timezone.now() - LEFT_BEHIND,
            cancel_requested_at__isnull=True,
        )
        .order_by("priority", "created_at")
        .values_list("id", flat=True)[:BATCH]
    )


def _without_process() -> list[UUID]:
    """Open inline runs that no living process carries out."""
    runs = Run.objects.exclude(status__in=ENDED).filter(execution="inline")
    held = list(runs.values_list("id", "held_by")[: 10 * BATCH])
    if not held:
        return []
    living = inline_processes()
    return [run_id for run_id, process in held if process not in living]


def _input_again(run_id: UUID) -> tuple[Run, RunInput]:
    run = Run.objects.get(id=run_id)
    pinned = pin_again(run)
    variables = {}
    if pinned.reads_variables:
        rows = Variable.objects.filter(workspace_id=run.workspace_id)
        variables = dict(rows.values_list("name", "value"))
    return run, run_input(run, pinned, variables)


def _undelivered_cancels() -> list[Run]:
    late = timezone.now() - LEFT_BEHIND
    open_runs = Run.objects.exclude(status__in=ENDED).filter(
        execution="durable", cancel_requested_at__lt=late
    )
    return list(open_runs.only("id", "started_at", "cancel_requested_at")[:BATCH])


def _open_runs(after: UUID | None) -> list[tuple[UUID, bool]]:
    """Open runs, oldest first, from `after` on; and whether each should have a workflow."""
    runs = Run.objects.exclude(status__in=ENDED).filter(
        execution="durable", created_at__lt=timezone.now() - COMPARE_AGE
    )
    if after is not None:
        runs = runs.filter(id__gt=after)
    rows = runs.order_by("id").values_list("id", "status", "started_at", "parent__status")[:BATCH]
    # One that is paused may not have begun. A sub-flow's run is started by the run above it, as
    # long as that goes on.
    early = (RunStatus.QUEUED, RunStatus.PAUSED)
    return [
        (run_id, status not in early or started is not None or parent in ENDED)
        for run_id, status, started, parent in rows
    ]
