"""Keeps the record in its bounds: makes months ahead, deletes runs and files kept no longer.

How long runs are kept after their end is the workspace's policy, or else the installation's
(FLUX_RETENTION_DAYS, or what operators set), its plan's days at most. Their attempts, events and
words go with them, and large values and snapshots that nobody refers to; what was used stays
booked. Memories of sessions that nothing is added to go in the same way. All of it in small
transactions that pass over whatever somebody else holds. Several workers may do this at once.
"""

import asyncio
import logging
from collections.abc import Callable
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.audit.files import expire_audit
from accounts.counting import drop_old_counts
from accounts.operators.system_settings import retention_days
from execution import partitions, unused
from execution.database import in_database
from execution.files.sweeps import drop_leftovers, expire_files
from execution.memories.services import expire_sessions
from execution.models import ENDED, Run

logger = logging.getLogger(__name__)
#: Seconds between two rounds; while there is more to do, the next sweep goes on.
EVERY = 3_600.0
#: Runs that one transaction deletes, and transactions of one sweep.
BATCH = 100
BATCHES = 5
#: Locks beside the runs' own (of what was started from them) are waited for this long.
LOCK_TIMEOUT = "1s"

# LEAST passes over NULL: a plan's days bound what the workspace or the installation says.
_EXPIRED = """
SELECT old.id FROM (
  SELECT w.id, LEAST(COALESCE(w.retention_days, %(days)s::integer), p.retention_days) AS days
  FROM accounts_workspace AS w LEFT JOIN accounts_plan AS p ON p.id = w.plan_id) AS kept
CROSS JOIN LATERAL (
  SELECT r.id FROM execution_run AS r
  WHERE r.workspace_id = kept.id AND r.finished_at IS NOT NULL
    AND r.finished_at < now() - make_interval(days => kept.days)
    AND r.status = ANY(%(ended)s::varchar[])
  ORDER BY r.finished_at LIMIT %(few)s) AS old
WHERE kept.days IS NOT NULL
LIMIT %(few)s
"""


class Retention:
    """One round after another; `sweep` is called often and mostly has nothing to do."""

    def __init__(self) -> None:
        self.due = 0.0

    async def sweep(self) -> None:
        """A stretch of a round, where one is due."""
        loop = asyncio.get_running_loop()
        if loop.time() < self.due:
            return
        # Also when a step fails: it would fail again every second.
        self.due = loop.time() + EVERY
        await in_database(lambda: partitions.make_months_ahead(timezone.now()), patience=0)
        steps = (
            expire_runs,
            unused.drop_unused_blobs,
            expire_files,
            drop_leftovers,
            expire_sessions,
            expire_audit,
        )
        for step in steps:
            if await _again_and_again(step):
                self.due = 0.0
                return
        await in_database(unused.drop_unused_snapshots, patience=0)
        await in_database(drop_old_counts, patience=0)
        await in_database(lambda: partitions.drop_empty_months(timezone.now()), patience=0)


async def _again_and_again(step: Callable[[], int]) -> bool:
    """Several small transactions, between which others get their turn; whether more is left."""
    for _ in range(BATCHES):
        if not await in_database(step, patience=0):
            return False
    return True


def expire_runs() -> int:
    """Delete a few runs that are kept no longer; returns how many."""
    with connection.cursor() as cursor:
        values = {"days": retention_days(), "few": BATCH, "ended": list(ENDED)}
        cursor.execute(_EXPIRED, values)
        found = [row[0] for row in cursor.fetchall()]
    try:
        return _delete(found) if found else 0
    except OperationalError as error:
        if not partitions.is_lock_refusal(error):
            raise
        logger.info("Old runs are deleted later: %s", error)
        return 0


def _delete(found: list[UUID]) -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        rows = Run.objects.select_for_update(skip_locked=True).filter(id__in=found)
        return delete_runs(list(rows.values_list("id", flat=True)))


def delete_runs(run_ids: list[UUID]) -> int:
    """Delete ended runs that are held, with all that hangs on them; returns how many."""
    started = Run.objects.filter(Q(rerun_of__in=run_ids) | Q(parent__in=run_ids))
    pairs = started.values_list("rerun_of_id", "parent_id")
    taken_over = {one for pair in pairs for one in pair} & set(run_ids)
    unused.release_values(set(run_ids) - taken_over, taken_over=False)
    unused.release_values(taken_over, taken_over=True)
    Run.objects.filter(id__in=run_ids).only("id").delete()
    return len(run_ids)
