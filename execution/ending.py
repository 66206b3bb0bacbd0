"""Writes the end of a run and what the workflow settled: each in one transaction, once."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from execution.attempts import RunOver
from execution.models import ENDED, NodeRun, NodeStatus, Run, RunStatus
from execution.recording import (
    Event,
    HeldRun,
    hold_run,
    record_events,
    write_events,
    write_records,
)
from execution.run_document import document_of
from execution.search import FoundBy, keep_words
from execution.shapes import NodeRecord, RunEnd
from flows.engine.document import dump, parse

JSON = Any
UNBEGUN = {"code": "cancelled", "message": "The run that it is a step of ended before it began."}


def record_settled_nodes(
    run_id: str, started_at: str, records: list[NodeRecord], status: str | None = None
) -> None:
    """Write settled nodes alone, and `status` (waiting) into the run's row. Raises RunOver."""
    events = record_events(records)
    with transaction.atomic():
        run = hold_run(run_id, events=len(events) + 2, started_at=started_at)
        if run.ended:
            raise RunOver(run.status)
        write_records(run, records)
        events.insert(0, Event("run.started", "run.started"))
        if status == RunStatus.WAITING and not run.paused:
            Run.objects.filter(id=run_id).update(status=status)
            events.append(Event("run.waiting", f"run.waiting:{run.base}"))
        write_events(run, events)


def finish(end: RunEnd) -> None:
    """Write how a run ended, with the records nobody has written yet; once."""
    events = record_events(end["records"])
    with transaction.atomic():
        run = hold_run(end["run_id"], events=len(events) + 2, started_at=end["started_at"])
        if run.ended:
            return
        write_records(run, end["records"])
        if run.may_begin:
            events.insert(0, Event("run.started", "run.started"))
        finished = _close_run(run, end)
        write_events(run, [*events, finished], ended=True)
    _end_unbegun(end["run_id"])


def _end_unbegun(run_id: str) -> None:
    """End sub-flows' runs that were written and never begun: nobody is left to begin them."""
    early = (RunStatus.QUEUED, RunStatus.PAUSED)
    unbegun = Run.objects.filter(parent_id=UUID(run_id), status__in=early, started_at=None)
    for child in list(unbegun.values_list("id", flat=True)):
        end_from_outside(str(child), RunStatus.CANCELLED, UNBEGUN)


def without_what_is_refused(end: RunEnd) -> RunEnd:
    """The end of a run of which the database refuses a part: the run failed, and says so."""
    message = (
        "Something that the run made cannot be stored; a worker's log says what. What was recorded "
        "before is kept."
    )
    error = {"code": "record_refused", "message": message}
    return {**end, "status": "failed", "outputs": {}, "error": error, "records": []}


# Nothing runs in a run that has ended, and nobody has to decide for it.
_CLOSE = """
WITH cut_off AS (
  UPDATE execution_noderun SET status = 'cancelled', finished_at = %(now)s
  WHERE run_id = %(run)s AND status IN ('running', 'pending', 'waiting')),
unanswered AS (
  UPDATE execution_approval SET state = 'cancelled' WHERE run_id = %(run)s AND state = 'open')
UPDATE execution_run SET status = %(status)s, outputs = %(outputs)s, error = %(error)s,
  finished_at = %(now)s
WHERE id = %(run)s
RETURNING session_id, inputs, parent_id
"""

# Locks upwards only, as pausing does (steering.py): the run below first, then the one above.
_COUNT_ABOVE = """
UPDATE execution_run SET input_tokens = input_tokens + %s, output_tokens = output_tokens + %s,
  cost = cost + %s
WHERE id = %s
"""


def _close_run(run: HeldRun, end: RunEnd) -> Event:
    outputs, status, error = end["outputs"], end["status"], end["error"]
    if outputs is None and status == "succeeded":
        outputs = _outputs_of_record(run)
    now = timezone.now()
    values: dict[str, Any] = {
        "run": run.id,
        "now": now,
        "status": status,
        "outputs": None if outputs is None else Jsonb(outputs),
        "error": None if error is None else Jsonb(error),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, values)
        session_id, inputs, parent = cursor.fetchone()
        if parent is not None and run.input_tokens + run.output_tokens:
            used = (run.input_tokens, run.output_tokens, run.cost)
            cursor.execute(_COUNT_ABOVE, [*used, parent])
    given = json.loads(inputs) if isinstance(inputs, str) else inputs
    keep_words(FoundBy(run.id, run.workspace_id, run.flow_id, session_id, given, outputs, error))
    return finished_event(run, end, now)


def finished_event(run: HeldRun, end: RunEnd, now: datetime) -> Event:
    """The last event of a run."""
    status, error = end["status"], end["error"]
    data: dict[str, JSON] = {
        "status": status,
        "duration_ms": round((now - (run.started_at or now)).total_seconds() * 1000),
        "usage": {
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
            "cost": format(run.cost, "f"),
            "currency": "USD",
        },
    }
    if error:
        data["error"] = error
    return Event("run.finished", "run.finished", data=data)


def _outputs_of_record(run: HeldRun) -> dict[str, JSON]:
    rows = NodeRun.objects.filter(run_id=run.id, type="output", status=NodeStatus.SUCCEEDED)
    return {row.node: (row.output or {}).get("value") for row in rows}


def end_from_outside(run_id: str, status: str, error: dict[str, JSON]) -> bool:
    """End a run whose workflow can no longer do it; False where it has ended by itself."""
    with transaction.atomic():
        run = hold_run(run_id, events=1)
        if run.status in ENDED:
            return False
        end = RunEnd(
            run_id=run_id, status=status, outputs={}, error=error, started_at="", records=[]
        )
        write_events(run, [_close_run(run, end)], ended=True)
    _end_unbegun(run_id)
    return True


def load_run_document(run_id: str) -> dict[str, JSON]:
    """The document that a run carries out."""
    return dump(document_of(Run.objects.select_related("version", "snapshot").get(id=run_id)))


def load_node_config(run_id: str, node: str) -> dict[str, JSON]:
    """A node's config as it is written in the document that a run carries out."""
    document = parse(load_run_document(run_id))
    return next(dict(item.config) for item in document.nodes if item.id == node)
