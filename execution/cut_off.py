"""Closes a node that was cancelled while its steps waited: with them, and what people were asked.

Such a node has no worker that could say so, and its run may go on without it.
"""

import json
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from execution.models import NodeRun
from execution.recording import Event, hold_run, node_key, write_events
from execution.shapes import NodeCall

JSON = Any
_CLOSE = """
UPDATE execution_noderun SET status = 'cancelled', finished_at = %(now)s
WHERE run_id = %(run)s AND status IN ('running', 'waiting')
  AND (node = %(node)s AND path = %(path)s::jsonb OR path - -1 = %(inside)s::jsonb)
RETURNING id
"""
_CLOSE_QUESTIONS = """
UPDATE execution_approval SET state = 'cancelled'
WHERE run_id = %(run)s AND state = 'open' AND path - -1 = %(inside)s::jsonb
"""


def cut_off(call: NodeCall) -> None:
    """Write that the node and its open steps were cancelled. Raises RunMissing.

    In a run that has ended, everything is closed already.
    """
    places: dict[str, JSON] = {
        "run": call["run_id"],
        "now": timezone.now(),
        "node": call["node"],
        "path": json.dumps(call["path"]),
        "inside": json.dumps([*call["path"], call["node"]]),
    }
    with transaction.atomic():
        if hold_run(call["run_id"], events=0).ended:
            return
        with connection.cursor() as cursor:
            cursor.execute(_CLOSE, places)
            closed = [row[0] for row in cursor.fetchall()]
            cursor.execute(_CLOSE_QUESTIONS, places)
        events = [_finished(row) for row in NodeRun.objects.filter(id__in=closed)]
        # How many numbers they need is known only now; the row is ours since.
        write_events(hold_run(call["run_id"], events=len(events)), events)


def _finished(row: NodeRun) -> Event:
    key = node_key("finished", row.node, row.path, row.attempt)
    lasted = row.duration_ms or 0
    data = {"attempt": row.attempt, "status": str(row.status), "duration_ms": lasted}
    return Event("node.finished", key, row.node, row.path, data)
