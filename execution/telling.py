"""Tells the workflows of runs whether they are paused; the row says it first, and is the truth.

`Run.signal_due_at` is set with the status, in one transaction, and cleared when the workflow took
the signal. What could not be told (Temporal is away, the workflow has not begun) a worker tells
again. Whoever tells a run keeps others from it meanwhile, so the last signal says what the row
says; the row itself is not held, as the run's steps are recorded in the meantime.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from execution.dispatch import signal_run
from execution.models import ENDED, OPEN, Run, RunStatus
from execution.temporal_client import TemporalUnreachable

logger = logging.getLogger(__name__)
#: After so long a run is told again that could not be told.
AGAIN = timedelta(seconds=1)
#: Runs that are told at once; the others of a large family a worker tells in a moment.
AT_ONCE = 100
BATCH = 100
#: The first half of the locks of those who tell ("FLUT"); the second is the run.
_LOCK = 0x464C5554


def tell(run_id: UUID) -> bool:
    """Send a run's workflow `pause` or `resume`, as its row says; False: later, by a worker."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, str(run_id)])
        found = Run.objects.filter(id=run_id, signal_due_at__lte=timezone.now())
        row = found.values_list("status", "signal_due_at").first()
        if row is None:
            return True
        status, due = row
        reached = status in ENDED or _is_signalled(run_id, status)
        # Where it was paused or resumed meanwhile, that stays to be told.
        again = None if reached else timezone.now() + AGAIN
        Run.objects.filter(id=run_id, signal_due_at=due).update(signal_due_at=again)
    return reached


def _is_signalled(run_id: UUID, status: str) -> bool:
    try:
        return signal_run(run_id, "pause" if status == RunStatus.PAUSED else "resume")
    except TemporalUnreachable as error:
        logger.warning("Run %s is told of its pause later: %s", run_id, error)
        return False


def tell_all(run_ids: Sequence[UUID]) -> None:
    """Tell these in their order, as many as can be told at once."""
    for run_id in run_ids[:AT_ONCE]:
        tell(run_id)


def untold() -> list[UUID]:
    """Open runs whose workflow is to be told now, the longest due first.

    One that is held back has no workflow, and is told when it has one.
    """
    due = Run.objects.filter(status__in=OPEN, signal_due_at__lt=timezone.now())
    due = due.filter(admitted_at__isnull=False).order_by("signal_due_at")
    return list(due.values_list("id", flat=True)[:BATCH])
