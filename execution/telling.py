"""Tells the workflows of runs whether they are paused; the row says it first, and is the truth.

`Run.signal_due_at` is set with the status, in one transaction, and cleared when the workflow took
the signal. What could not be told (Temporal is away, the workflow has not begun) a worker tells
again. Several may tell at once: whoever does holds the run's row, so the last signal says what the
row says.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from execution.dispatch import signal_run
from execution.models import OPEN, Run, RunStatus
from execution.temporal_client import TemporalUnreachable

logger = logging.getLogger(__name__)
#: After so long a run is told again that could not be told.
AGAIN = timedelta(seconds=3)
#: Runs that are told at once; the others of a large family a worker tells in a moment.
AT_ONCE = 100
BATCH = 100


def tell(run_id: UUID) -> bool:
    """Send a run's workflow `pause` or `resume`, as its row says; False: later, by a worker."""
    with transaction.atomic():
        waiting = Run.objects.select_for_update().filter(id=run_id, signal_due_at__isnull=False)
        run = waiting.only("id", "status").first()
        if run is None:
            return True
        reached = run.ended or _is_signalled(run)
        due = None if reached else timezone.now() + AGAIN
        Run.objects.filter(id=run_id).update(signal_due_at=due)
    return reached


def _is_signalled(run: Run) -> bool:
    try:
        return signal_run(run.id, "pause" if run.status == RunStatus.PAUSED else "resume")
    except TemporalUnreachable as error:
        logger.warning("Run %s is told of its pause later: %s", run.id, error)
        return False


def tell_all(run_ids: Sequence[UUID]) -> None:
    """Tell these in their order, as many as can be told at once."""
    for run_id in run_ids[:AT_ONCE]:
        tell(run_id)


def untold() -> list[UUID]:
    """Open runs whose workflow is to be told now, the longest due first."""
    due = Run.objects.filter(status__in=OPEN, signal_due_at__lt=timezone.now())
    return list(due.order_by("signal_due_at").values_list("id", flat=True)[:BATCH])
