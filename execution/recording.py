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
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.ids import new_id
from execution.blobs import NewBlob, save_blobs
from execution.models import ENDED, Run, RunEvent, RunStatus
from execution.run_limits import count_run
from execution.shapes import NodeCall, NodeRecord

JSON = Any
#: The LISTEN/NOTIFY channel of all run news.
CHANNEL = "flux_runs"
#: What a record says of a node that has begun and lasts.
LASTING = ("running", "waiting")
#: Events that a run may have before it begins: queued, and four times paused and resumed.
BEFORE_BEGIN = 9
#: Characters of a path in an event's key; deep ones stand there as their SHA-256.
LONG_PLACE = 150
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

    @classmethod
    def of_new(cls, run: Run) -> "HeldRun":
        """A run that is written in the same transaction, without any event yet."""
        return cls(
            id=str(run.id),
            workspace_id=str(run.workspace_id),
            flow_id=str(run.flow_id),
            status=run.status,
            base=0,
            started_at=run.started_at,
            input_tokens=0,
            output_tokens=0,
            cost=Decimal(0),
            api_key_id=run.api_key_id,
        )

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def paused(self) -> bool:
        return self.status == RunStatus.PAUSED

    @property
    def may_begin(self) -> bool:
        """Whether `run.started` may not be written yet; written twice, it counts once."""
        return self.base <= BEFORE_BEGIN


class RunMissing(Exception):
    """The run is not recorded (any more); nothing can be written about it."""


_HOLD = """
UPDATE execution_run SET last_seq = last_seq + %s,
  status = CASE WHEN status IN ('queued', 'waiting') AND %s::timestamptz IS NOT NULL THEN 'running'
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

    With `started_at` a queued or waiting run becomes running; `used` (tokens in, tokens out, cost)
    is added to its totals. Call inside `transaction.atomic()`. Raises RunMissing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [events, started_at, started_at, *used, run_id])
        row = cursor.fetchone()
    if row is None:
        raise RunMissing(run_id)
    return HeldRun(str(run_id), str(row[0]), str(row[1]), row[2], row[3] - events, *row[4:])


# One statement for all rows: building model instances was half of a short run's recording.
INSERT_EVENTS = """
INSERT INTO execution_runevent (run_id, seq, key, at, type, node, path, data)
SELECT %(run)s::uuid, %(base)s + number, e->>'key', (e->>'at')::timestamptz, e->>'type',
  e->>'node', e->'path', e->'data'
FROM jsonb_array_elements(%(events)s::jsonb) WITH ORDINALITY AS given(e, number)
ON CONFLICT DO NOTHING
"""
_WRITE_EVENTS = f"""
WITH written AS ({INSERT_EVENTS}) SELECT pg_notify(%(channel)s, %(news)s)
"""


def write_events(run: HeldRun, events: Sequence[Event], *, ended: bool = False) -> None:
    """Insert events under the reserved numbers, and tell every web process at the commit.

    Events whose key is known already are left out. `ended`: these are the run's last.
    """
    if not events:
        return
    values: dict[str, JSON] = {
        "run": run.id,
        "base": run.base,
        "events": event_rows(events),
        "channel": CHANNEL,
        "news": news_of(run.id, ended=ended),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_EVENTS, values)


def news_of(run_id: str, *, ended: bool) -> str:
    """What web processes are told of a run."""
    return f'{{"r":"{run_id}","e":1}}' if ended else f'{{"r":"{run_id}"}}'


def event_rows(events: Sequence[Event]) -> str:
    """Events as INSERT_EVENTS takes them."""
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
    return json.dumps(rows)


def node_key(event: str, node: str, path: Sequence[str | int], attempt: int) -> str:
    """The key of something that happened to one attempt of a node."""
    place = json.dumps(list(path))
    if len(place) > LONG_PLACE:
        place = sha256(place.encode()).hexdigest()
    return f"{event}:{node}:{place}:{attempt}"


def new_run_event(run: Run, blobs: Sequence[NewBlob]) -> None:
    """Write a new run, its first event and its large inputs. Call inside `transaction.atomic()`.

    Raises PlanLimitReached where it would be one more than the plan allows.
    """
    count_run(run)
    save_blobs(run.workspace_id, blobs)
    run.save(force_insert=True)
    first = queued_event(run)
    RunEvent.objects.create(
        run=run, seq=1, key=first.key, at=run.created_at, type=first.type, data=first.data
    )


def queued_event(run: Run) -> Event:
    """The first event of every run."""
    return Event("run.queued", "run.queued", data={"trigger": run.trigger}, at=run.created_at)


def started_event(call: NodeCall, attempt: int) -> Event:
    """An attempt begins."""
    key = node_key("started", call["node"], call["path"], attempt)
    return Event("node.started", key, call["node"], call["path"], {"attempt": attempt})


def record_events(records: Iterable[NodeRecord]) -> list[Event]:
    """The events of nodes that the workflow settled by itself."""
    events: list[Event] = []
    for record in records:
        node, path, at = record["node"], record["path"], datetime.fromisoformat(record["at"])
        if record["status"] == "skipped":
            key = node_key("skipped", node, path, 1)
            why: dict[str, JSON] = {"reason": record["reason"]} if "reason" in record else {}
            events.append(Event("node.skipped", key, node, path, why, at))
            continue
        began = record.get("began")
        # Also with the end of what lasted: the record of its beginning may travel with another
        # call and arrive later. What is known already is written once.
        started = node_key("started", node, path, 1)
        data: dict[str, JSON] = {"attempt": 1}
        if record["status"] == "waiting":
            data["status"] = "waiting"
        since = datetime.fromisoformat(began) if began else at
        events.append(Event("node.started", started, node, path, data, since))
        if record["status"] not in LASTING:
            finished = node_key("finished", node, path, 1)
            data = _finished_data(record, began, at)
            events.append(Event("node.finished", finished, node, path, data, at))
    return events


def _finished_data(record: NodeRecord, began: str | None, at: datetime) -> dict[str, JSON]:
    lasted = (at - datetime.fromisoformat(began)).total_seconds() if began else 0
    data: dict[str, JSON] = {"attempt": 1, "status": record["status"]}
    data["duration_ms"] = round(lasted * 1000)
    if record.get("reused"):
        data["reused"] = True
    if record["error"]:
        data["error"] = record["error"]
    elif shown := preview(record["output"]):
        data["preview"] = shown
    return data


# What failed or was cut off is written over where its container was tried again later.
INSERT_RECORDS = """
INSERT INTO execution_noderun
  (id, run_id, node, type, path, attempt, status, input, output, ports, ends_run, error,
   started_at, finished_at, model, input_tokens, output_tokens, cost, reused, worker)
SELECT (r->>'id')::uuid, %(run)s::uuid, r->>'node', r->>'type', r->'path', 1, r->>'status',
  r->'input', r->'output', r->'ports', '', NULLIF(r->'error', 'null'),
  CASE WHEN r->>'status' <> 'skipped'
    THEN COALESCE(r->>'began', r->>'at')::timestamptz END,
  CASE WHEN r->>'status' NOT IN ('running', 'waiting') THEN (r->>'at')::timestamptz END,
  '', 0, 0, 0, COALESCE((r->>'reused')::boolean, false), ''
FROM jsonb_array_elements(%(records)s::jsonb) AS given(r)
ON CONFLICT (run_id, node, path, attempt) DO UPDATE SET status = excluded.status,
  input = COALESCE(NULLIF(excluded.input, 'null'), execution_noderun.input),
  output = excluded.output, ports = excluded.ports, error = excluded.error,
  started_at = CASE WHEN execution_noderun.status IN ('running', 'waiting')
    THEN execution_noderun.started_at ELSE excluded.started_at END,
  finished_at = excluded.finished_at
WHERE CASE WHEN execution_noderun.status IN ('running', 'waiting')
  THEN excluded.finished_at IS NOT NULL
  ELSE execution_noderun.status IN ('failed', 'cancelled')
    AND COALESCE(excluded.started_at, excluded.finished_at) > execution_noderun.finished_at END
"""


# Nobody has to decide for an item that was cut off, while its run goes on.
_NOT_ASKED = """
UPDATE execution_approval SET state = 'cancelled'
WHERE run_id = %(run)s AND node = %(node)s AND path = %(path)s::jsonb AND state = 'open'
"""


def write_records(run: HeldRun, records: Sequence[NodeRecord]) -> None:
    """Insert the rows of nodes that a driver settled by itself, and close those that lasted."""
    for part in in_statements(records):
        if part:
            with connection.cursor() as cursor:
                cursor.execute(INSERT_RECORDS, {"run": run.id, "records": record_rows(part)})
    for record in records:
        if record["type"] == "approval" and record["status"] == "cancelled":
            place = {"run": run.id, "node": record["node"], "path": json.dumps(record["path"])}
            with connection.cursor() as cursor:
                cursor.execute(_NOT_ASKED, place)


def in_statements(records: Sequence[NodeRecord]) -> tuple[list[NodeRecord], list[NodeRecord]]:
    """Records by the statement that may write them: what began, and the ends of what lasted.

    One statement cannot write a row twice, and both may be of one step.
    """
    ends = [record for record in records if record.get("began")]
    return [record for record in records if not record.get("began")], ends


def record_rows(records: Sequence[NodeRecord]) -> str:
    """Records as INSERT_RECORDS takes them."""
    return json.dumps([{**record, "id": str(new_id())} for record in records])


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
