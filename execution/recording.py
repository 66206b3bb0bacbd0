"""Writes the run record: node attempts, events and ends, each step in one transaction.

Whoever writes holds the run's row from its first statement to the commit, and takes the numbers of
its events from there: the order of `seq` is the order of commits, so a reader that asks for
everything after its last `seq` misses nothing. Every happening has a key; what a crash makes a
worker write again is written once.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.ids import new_id
from execution.models import ENDED
from execution.shapes import NodeRecord

JSON = Any
#: The LISTEN/NOTIFY channel of all run news.
CHANNEL = "flux_runs"
#: Characters of a node's text that its event shows.
PREVIEW = 300


@dataclass(frozen=True)
class Event:
    """Something that happened, not numbered yet."""

    type: str
    key: str
    node: str = ""
    path: list[str | int] = field(default_factory=list)
    data: dict[str, JSON] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True)
class HeldRun:
    """A run whose row is locked until the transaction ends; `base` is the last number taken."""

    id: str
    workspace_id: str
    flow_id: str
    status: str
    base: int
    started_at: datetime | None
    input_tokens: int
    output_tokens: int
    cost: Decimal
    api_key_id: UUID | None

    @property
    def ended(self) -> bool:
        return self.status in ENDED


class RunMissing(Exception):
    """The run is not recorded (any more); nothing can be written about it."""


_HOLD = """
UPDATE execution_run SET last_seq = last_seq + %s,
  status = CASE WHEN status = 'queued' AND %s::timestamptz IS NOT NULL THEN 'running'
                ELSE status END,
  started_at = COALESCE(started_at, %s::timestamptz),
  input_tokens = input_tokens + %s, output_tokens = output_tokens + %s, cost = cost + %s
WHERE id = %s
RETURNING workspace_id, flow_id, status, last_seq, started_at, input_tokens, output_tokens, cost,
  api_key_id
"""


def hold_run(
    run_id: str,
    *,
    events: int,
    started_at: str | None = None,
    used: tuple[int, int, Decimal] = (0, 0, Decimal(0)),
) -> HeldRun:
    """Lock a run's row and reserve numbers for `events` events.

    With `started_at` a queued run becomes running; `used` (tokens in, tokens out, cost) is added
    to its totals. Call inside `transaction.atomic()`. Raises RunMissing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [events, started_at, started_at, *used, run_id])
        row = cursor.fetchone()
    if row is None:
        raise RunMissing(run_id)
    return HeldRun(str(run_id), str(row[0]), str(row[1]), row[2], row[3] - events, *row[4:])


# One statement for all rows: building model instances was half of a short run's recording.
_WRITE_EVENTS = """
WITH written AS (
  INSERT INTO execution_runevent (run_id, seq, key, at, type, node, path, data)
  SELECT %s::uuid, %s + number, e->>'key', (e->>'at')::timestamptz, e->>'type', e->>'node',
    e->'path', e->'data'
  FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS given(e, number)
  ON CONFLICT DO NOTHING)
SELECT pg_notify(%s, %s)
"""


def write_events(run: HeldRun, events: Sequence[Event], *, ended: bool = False) -> None:
    """Insert events under the reserved numbers, and tell every web process at the commit.

    Events whose key is known already are left out. `ended`: these are the run's last.
    """
    if not events:
        return
    news = f'{{"r":"{run.id}","e":1}}' if ended else f'{{"r":"{run.id}"}}'
    now = timezone.now()
    rows = [
        {
            "key": event.key,
            "at": (event.at or now).isoformat(),
            "type": event.type,
            "node": event.node,
            "path": event.path,
            "data": event.data,
        }
        for event in events
    ]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_EVENTS, [run.id, run.base, json.dumps(rows), CHANNEL, news])


def node_key(event: str, node: str, path: Sequence[str | int], attempt: int) -> str:
    """The key of something that happened to one attempt of a node."""
    return f"{event}:{node}:{json.dumps(list(path))}:{attempt}"


def record_events(records: Iterable[NodeRecord]) -> list[Event]:
    """The events of nodes that the workflow settled by itself."""
    events: list[Event] = []
    for record in records:
        node, path, at = record["node"], record["path"], datetime.fromisoformat(record["at"])
        if record["status"] == "skipped":
            events.append(
                Event("node.skipped", node_key("skipped", node, path, 1), node, path, {}, at)
            )
            continue
        data: dict[str, JSON] = {"attempt": 1, "status": record["status"], "duration_ms": 0}
        if record["error"]:
            data["error"] = record["error"]
        elif shown := preview(record["output"]):
            data["preview"] = shown
        started = Event(
            "node.started", node_key("started", node, path, 1), node, path, {"attempt": 1}, at
        )
        finished = Event("node.finished", node_key("finished", node, path, 1), node, path, data, at)
        events += [started, finished]
    return events


_WRITE_RECORDS = """
INSERT INTO execution_noderun
  (id, run_id, node, type, path, attempt, status, input, output, ports, ends_run, error,
   started_at, finished_at, model, input_tokens, output_tokens, cost, reused, worker)
SELECT (r->>'id')::uuid, %s::uuid, r->>'node', r->>'type', r->'path', 1, r->>'status', r->'input',
  r->'output', r->'ports', '', NULLIF(r->'error', 'null'),
  CASE WHEN r->>'status' <> 'skipped' THEN (r->>'at')::timestamptz END, (r->>'at')::timestamptz,
  '', 0, 0, 0, false, ''
FROM jsonb_array_elements(%s::jsonb) AS given(r)
ON CONFLICT DO NOTHING
"""


def write_records(run: HeldRun, records: Sequence[NodeRecord]) -> None:
    """Insert the rows of nodes that the workflow settled by itself."""
    if not records:
        return
    rows = json.dumps([{**record, "id": str(new_id())} for record in records])
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_RECORDS, [run.id, rows])


def preview(output: JSON) -> str:
    """What a card shows of an output: its text, or its first characters as JSON."""
    if isinstance(output, dict):
        for name in ("text", "value"):
            value = output.get(name)
            if isinstance(value, str) and value:
                return value[:PREVIEW]
            if isinstance(value, dict) and "$blob" in value:
                return str(value.get("preview", ""))[:PREVIEW]
    if output in (None, {}):
        return ""
    return json.dumps(output, ensure_ascii=False)[:PREVIEW]
