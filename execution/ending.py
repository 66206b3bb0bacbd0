"""Writes the end of a run and what the workflow settled: each in one transaction, once."""

from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from execution.attempts import RunOver
from execution.models import ENDED, NodeRun, NodeStatus, Run
from execution.recording import (
    Event,
    HeldRun,
    hold_run,
    record_events,
    write_events,
    write_records,
)
from execution.shapes import NodeRecord, RunEnd
from flows.engine.document import parse
from flows.engine.migrate import migrated_data
from flows.engine.registry import registry

JSON = Any


def record_settled_nodes(run_id: str, started_at: str, records: list[NodeRecord]) -> None:
    """Write settled nodes alone. Raises RunOver."""
    events = record_events(records)
    with transaction.atomic():
        run = hold_run(run_id, events=len(events) + 1, started_at=started_at)
        if run.ended:
            raise RunOver(run.status)
        write_records(run, records)
        write_events(run, [Event("run.started", "run.started"), *events])


def finish(end: RunEnd) -> None:
    """Write how a run ended, with the records nobody has written yet; once."""
    events = record_events(end["records"])
    with transaction.atomic():
        run = hold_run(end["run_id"], events=len(events) + 2, started_at=end["started_at"])
        if run.ended:
            return
        write_records(run, end["records"])
        if run.base <= 1:
            events.insert(0, Event("run.started", "run.started"))
        finished = _close_run(run, end)
        write_events(run, [*events, finished], ended=True)


def without_what_is_refused(end: RunEnd) -> RunEnd:
    """The end of a run of which the database refuses a part: the run failed, and says so."""
    message = (
        "Something that the run made cannot be stored; a worker's log says what. What was recorded "
        "before is kept."
    )
    error = {"code": "record_refused", "message": message}
    return {**end, "status": "failed", "outputs": {}, "error": error, "records": []}


# Nothing runs in a run that has ended.
_CLOSE = """
WITH cut_off AS (
  UPDATE execution_noderun SET status = 'cancelled', finished_at = %(now)s
  WHERE run_id = %(run)s AND status IN ('running', 'pending', 'waiting'))
UPDATE execution_run SET status = %(status)s, outputs = %(outputs)s, error = %(error)s,
  finished_at = %(now)s
WHERE id = %(run)s
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
    return True


def load_run_document(run_id: str) -> dict[str, JSON]:
    """The document a run is pinned to, its nodes in the form of their types' versions here."""
    run = Run.objects.select_related("version", "snapshot").get(id=run_id)
    pinned = run.version or run.snapshot
    assert pinned is not None
    return migrated_data(pinned.document, registry())


def load_node_config(run_id: str, node: str) -> dict[str, JSON]:
    """A node's config as it is written in the document a run is pinned to."""
    document = parse(load_run_document(run_id))
    return next(dict(item.config) for item in document.nodes if item.id == node)
