"""Keeps rows and workflows in agreement: starts what was promised, ends what has ended.

Rows are what people see, Temporal's history is what happens. A crash between the two leaves a
promise (a queued run nobody started) or a stale row (a workflow that was terminated by hand).
Several workers may do this at once: every change is guarded.
"""

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from accounts.models import Variable
from execution.database import DatabaseAway, in_database
from execution.dispatch import run_input, start_workflow
from execution.ending import end_from_outside
from execution.models import ENDED, Run, RunStatus
from execution.pinned import pin_again
from execution.shapes import RunInput

logger = logging.getLogger(__name__)
#: Seconds between two sweeps, and the age at which a queued run counts as left behind.
SWEEP_EVERY = 2.0
LEFT_BEHIND = timedelta(seconds=3)
#: Seconds between two comparisons of open runs with their workflows, and how many at once.
COMPARE_EVERY = 10.0
COMPARE_AGE = timedelta(seconds=20)
BATCH = 100

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

    async def run(self) -> None:
        """Sweep every SWEEP_EVERY seconds, compare every COMPARE_EVERY."""
        loop = asyncio.get_running_loop()
        compare_at = loop.time() + COMPARE_EVERY
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            try:
                await self.start_left_behind()
                await self.deliver_cancels()
                if loop.time() >= compare_at:
                    await self.compare_open_runs()
                    compare_at = loop.time() + COMPARE_EVERY
            except (DatabaseAway, RPCError) as error:
                logger.warning("The reconciler waits: %s", error)
            except Exception:
                logger.exception("The reconciler met an error; it goes on")

    async def start_left_behind(self) -> int:
        """Start queued runs whose starter went away; returns how many."""
        promised = await in_database(_left_behind, patience=0)
        for run, start in promised:
            await start_workflow(self.client, run, start)
        return len(promised)

    async def deliver_cancels(self) -> None:
        """Ask again for cancels that did not reach Temporal."""
        for run_id in await in_database(_undelivered_cancels, patience=0):
            handle = self.client.get_workflow_handle(f"run-{run_id}")
            try:
                await handle.cancel()
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise

    async def compare_open_runs(self) -> int:
        """End rows whose workflow has ended otherwise; returns how many were mended."""
        run_ids = await in_database(lambda: _open_runs(self.compared_to), patience=0)
        self.compared_to = run_ids[-1] if len(run_ids) == BATCH else None
        mended = 0
        for run_id in run_ids:
            outcome = await self._outcome(run_id)
            if outcome is not None:
                status, code, message = outcome
                error = {"code": code, "message": message}
                mended += await in_database(
                    lambda r=run_id, s=status, e=error: end_from_outside(str(r), s, e)  # type: ignore[misc]
                )
        return mended

    async def _outcome(self, run_id: UUID) -> tuple[RunStatus, str, str] | None:
        try:
            described = await self.client.get_workflow_handle(f"run-{run_id}").describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return LOST
            raise
        return OUTCOMES.get(described.status) if described.status else None


def _left_behind() -> list[tuple[Run, RunInput]]:
    with transaction.atomic():
        runs = list(
            Run.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("version", "snapshot")
            .filter(status=RunStatus.QUEUED, created_at__lt=timezone.now() - LEFT_BEHIND)
            .order_by("created_at")[:BATCH]
        )
    return [(run, _input_again(run)) for run in runs]


def _input_again(run: Run) -> RunInput:
    pinned = pin_again(run)
    variables = dict(
        Variable.objects.filter(workspace_id=run.workspace_id).values_list("name", "value")
    )
    return run_input(run, pinned, variables)


def _undelivered_cancels() -> list[UUID]:
    late = timezone.now() - LEFT_BEHIND
    return list(
        Run.objects.exclude(status__in=ENDED)
        .filter(cancel_requested_at__lt=late, status__in=[RunStatus.RUNNING, RunStatus.WAITING])
        .values_list("id", flat=True)[:BATCH]
    )


def _open_runs(after: UUID | None) -> list[UUID]:
    """Open runs that should have a workflow, oldest first, from `after` on."""
    runs = Run.objects.filter(
        status__in=[RunStatus.RUNNING, RunStatus.WAITING, RunStatus.PAUSED],
        created_at__lt=timezone.now() - COMPARE_AGE,
    )
    if after is not None:
        runs = runs.filter(id__gt=after)
    return list(runs.order_by("id").values_list("id", flat=True)[:BATCH])
