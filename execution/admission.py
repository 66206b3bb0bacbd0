"""Which recorded runs may start now: limits of workspaces and flows, priorities, fair shares.

A run is written as `queued`; once the limits have room it is *admitted* (`admitted_at`), and only
then is Temporal asked. The usual start is admitted by the INSERT that records it. Whatever is held
back is admitted by one worker (admitter.py), by priority and age within its workspace.

A run holds a place while it is admitted, not ended and neither waiting nor paused: what waits for
months keeps nobody out. Runs of sub-flows hold none: their root does. The count at the INSERT does
not see starts that commit at the same moment, so a workspace's limit may be exceeded by as many (8
for each web process at most). The limit of a flow is kept exactly at the start: its runs are always
held back first. One that goes on after a wait or a pause does so at once, so it may exceed both.
"""

import threading
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models.expressions import RawSQL
from django.utils import timezone

from accounts.operators.system_settings import max_running
from execution.models import Run

#: The LISTEN/NOTIFY channel that tells of runs held back; its payload is the workspace's id.
CHANNEL = "flux_held_back"
#: Seconds for which a workspace counts as active after a start.
ACTIVE_SECONDS = 10.0
#: Runs of one workspace that may be on their way (admitted, nothing recorded yet) while others are
#: active: a flood then waits in our queue, and not before everybody in those of the engine.
SHARED_STARTS = 2
#: The lock under which runs that were held back are admitted ("FLUA").
_LOCK = 0x464C5541

# Runs that hold a place, and what is held back, as the partial indexes have them.
_HOLDING = "parent_id IS NULL AND admitted_at IS NOT NULL AND status IN ('queued', 'running')"
_HELD_BACK = "parent_id IS NULL AND admitted_at IS NULL AND status = 'queued'"

_ADMITTED = f"""
CASE WHEN NOT EXISTS (
    SELECT FROM execution_run WHERE workspace_id = %s::uuid AND {_HELD_BACK} AND flow_limit IS NULL)
  AND (SELECT count(*) < COALESCE(
        (SELECT COALESCE(w.max_running, p.max_running) FROM accounts_workspace w
         LEFT JOIN accounts_plan p ON p.id = w.plan_id WHERE w.id = %s::uuid), %s::integer)
      AND count(*) FILTER (WHERE status = 'queued') < %s::integer
    FROM execution_run WHERE workspace_id = %s::uuid AND {_HOLDING})
THEN now() END
"""


class _Starts:
    """Which workspaces started runs in this process lately; only the last two matter."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[UUID, float] = {}

    def others(self, workspace_id: UUID) -> bool:
        """Note a start; whether another workspace had one within ACTIVE_SECONDS."""
        now = time.monotonic()
        with self._lock:
            self._latest.pop(workspace_id, None)
            self._latest[workspace_id] = now
            if len(self._latest) > 2:
                self._latest.pop(next(iter(self._latest)))
            return any(
                at > now - ACTIVE_SECONDS
                for other, at in self._latest.items()
                if other != workspace_id
            )

    def forget(self) -> None:
        with self._lock:
            self._latest.clear()


_starts = _Starts()


def forget_starts() -> None:
    """Nobody was active yet; for tests."""
    _starts.forget()


def admission_of(run: Run) -> RawSQL | datetime | None:
    """The value of `admitted_at` for a run that is about to be inserted; saving reads it back.

    None afterwards: it is held back. Then call `tell_held_back` in the same transaction.
    """
    if run.parent_id is not None or run.execution == "inline":
        return timezone.now()
    if run.flow_limit is not None:
        return None
    starts = SHARED_STARTS if _starts.others(run.workspace_id) else 2**31 - 1
    limit = max_running()
    workspace = run.workspace_id
    values = [workspace, workspace, limit, starts, workspace]
    return RawSQL(_ADMITTED, values, output_field=models.DateTimeField())


def tell_held_back(workspace_id: UUID) -> None:
    """Wake the admitter when the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(workspace_id)])


# The workspaces that have something held back, one step of the index for each.
_WORKSPACES = f"""
WITH RECURSIVE walk AS (
  (SELECT workspace_id FROM execution_run WHERE {_HELD_BACK} ORDER BY workspace_id LIMIT 1)
  UNION ALL
  SELECT (SELECT workspace_id FROM execution_run
          WHERE {_HELD_BACK} AND workspace_id > walk.workspace_id ORDER BY workspace_id LIMIT 1)
  FROM walk WHERE walk.workspace_id IS NOT NULL)
SELECT workspace_id FROM walk WHERE workspace_id IS NOT NULL
"""


def held_back_workspaces() -> list[UUID]:
    """The workspaces in which runs are held back."""
    with connection.cursor() as cursor:
        cursor.execute(_WORKSPACES)
        return [row[0] for row in cursor.fetchall()]


_OF_FLOW = f"""
(SELECT count(*) FROM execution_run busy
 WHERE busy.workspace_id = held.workspace_id AND busy.flow_id = held.flow_id
   AND busy.{_HOLDING.replace(" AND ", " AND busy.")})
"""
# A flow's own limit first, then the room of the workspace: what waits for its flow is passed over.
_ADMIT = f"""
WITH room AS (
  SELECT LEAST(%(most)s::integer, COALESCE(w.max_running, p.max_running, %(limit)s::integer) - (
    SELECT count(*) FROM execution_run WHERE workspace_id = %(workspace)s::uuid AND {_HOLDING}
  )) AS places
  FROM accounts_workspace w LEFT JOIN accounts_plan p ON p.id = w.plan_id
  WHERE w.id = %(workspace)s::uuid),
able AS (
  SELECT id, flow_id, flow_limit, priority, created_at, {_OF_FLOW} AS busy
  FROM execution_run held
  WHERE workspace_id = %(workspace)s::uuid AND {_HELD_BACK}
    AND cancel_requested_at IS NULL AND pause_requested_at IS NULL
    AND (flow_limit IS NULL OR flow_limit > {_OF_FLOW})
  ORDER BY priority, created_at
  LIMIT GREATEST((SELECT places FROM room), 0)),
numbered AS (
  SELECT *, row_number() OVER (PARTITION BY flow_id ORDER BY priority, created_at) AS place
  FROM able)
UPDATE execution_run SET admitted_at = now()
FROM numbered
WHERE execution_run.id = numbered.id AND execution_run.admitted_at IS NULL
  AND execution_run.status = 'queued'
  AND (numbered.flow_limit IS NULL OR busy + place <= numbered.flow_limit)
RETURNING execution_run.id
"""


_MORE = f"SELECT EXISTS (SELECT FROM execution_run WHERE workspace_id = %s::uuid AND {_HELD_BACK})"


def admit(workspace_id: UUID, most: int) -> tuple[list[UUID], bool]:
    """Admit up to `most` runs of a workspace that were held back: their ids, and whether more are.

    Under a lock: however many processes do it, no limit is exceeded here.
    """
    values: dict[str, Any] = {
        "workspace": workspace_id,
        "most": most,
        "limit": max_running(),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        # A statement of its own: it has to see what was committed while the lock was waited for.
        cursor.execute(_ADMIT, values)
        admitted = [row[0] for row in cursor.fetchall()]
        cursor.execute(_MORE, [workspace_id])
        return admitted, bool(cursor.fetchone()[0])
