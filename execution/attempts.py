"""How an attempt of a node begins, in one transaction.

A retry after a crash comes here first: a node that was recorded as succeeded is handed back, never
run again; an attempt that was cut off is closed as interrupted and does not count as a try.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.ids import new_id
from execution.models import NodeRun, NodeStatus, Run
from execution.recording import (
    Event,
    hold_run,
    node_key,
    record_events,
    started_event,
    write_events,
    write_records,
)
from execution.shapes import NodeCall, NodeDone
from flows.engine.errors import NodeError

JSON = Any
#: Times a node may take its worker down with it before it is given up.
MAX_INTERRUPTIONS = 5
INTERRUPTED = {
    "code": "interrupted",
    "message": "The worker went away during this attempt; the node is tried again.",
}


class RunOver(Exception):
    """The run has ended; whoever still works for it should stop."""


class RunPaused(Exception):
    """The run is paused; what is not begun yet waits until it goes on."""


class NotRecordedYet(Exception):
    """An output this node reads is on its way to the record; try again in a moment."""


@dataclass(frozen=True)
class Attempt:
    """An attempt that has begun. `tries` counts it and those that failed by themselves.

    `done` is the result of an earlier attempt, where there is nothing left to do; `outputs` are
    values that were too large to travel with the call.
    """

    number: int
    tries: int
    done: NodeDone | None = None
    outputs: dict[str, JSON] = field(default_factory=dict)


def begin_attempt(call: NodeCall, token: str) -> Attempt:
    """Write that an attempt begins, with the records that came along.

    `token` names this very execution: repeating the call (the database's answer was lost) finds
    its own row. Raises RunOver, NotRecordedYet, and NodeError for a node that is given up.
    """
    events = record_events(call["records"])
    with transaction.atomic():
        run = hold_run(call["run_id"], events=len(events) + 2, started_at=call["started_at"])
        if run.ended:
            raise RunOver(run.status)
        if run.paused and call["path"]:
            raise RunPaused
        write_records(run, call["records"])
        if run.base <= 1:
            events.insert(0, Event("run.started", "run.started"))
        attempt = Attempt(1, 1)
        # The usual case in one statement: the first attempt, unless there is one already.
        if not _insert(call, token, 1):
            attempt = _begin_again(call, token, events)
        elif call["from_record"]:
            attempt = Attempt(1, 1, outputs=outputs_for(call))
        if attempt.done is None and attempt.number:
            events.append(started_event(call, attempt.number))
        write_events(run, events)
    if not attempt.number:
        raise _given_up()
    return attempt


_INSERT = """
INSERT INTO execution_noderun (id, run_id, node, type, path, attempt, status, ends_run, started_at,
  model, input_tokens, output_tokens, cost, reused, worker)
SELECT %(id)s::uuid, %(run)s::uuid, %(node)s::varchar, %(type)s, %(path)s::jsonb,
  %(attempt)s::integer, 'running', '', now(), '', 0, 0, 0, false, %(token)s
WHERE %(attempt)s::integer > 1 OR NOT EXISTS (
  SELECT FROM execution_noderun
  WHERE run_id = %(run)s::uuid AND node = %(node)s::varchar AND path = %(path)s::jsonb)
"""


def _insert(call: NodeCall, token: str, number: int) -> bool:
    values: dict[str, Any] = {
        "id": new_id(),
        "run": call["run_id"],
        "node": call["node"],
        "type": call["type"],
        "path": json.dumps(call["path"]),
        "attempt": number,
        "token": token,
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        return bool(cursor.rowcount)


def _begin_again(call: NodeCall, token: str, events: list[Event]) -> Attempt:
    """Not the first attempt: hand back what is done, else begin the next. Number 0: given up."""
    earlier = attempts_of(call)
    for attempt in earlier:
        if attempt.status == NodeStatus.SUCCEEDED:
            return Attempt(attempt.attempt, attempt.attempt, done=recorded(attempt))
    interrupted = sum(1 for attempt in earlier if _is_interrupted(attempt, token))
    tries = len(earlier) - interrupted + 1
    own = "inside" in call or earlier[-1].worker == token
    if earlier[-1].status == NodeStatus.RUNNING and own:
        # Of a container every step inside is recorded, so it goes on and does not begin again.
        return Attempt(earlier[-1].attempt, tries - 1, outputs=outputs_for(call))
    closed = [_close(call, attempt) for attempt in earlier if attempt.status == NodeStatus.RUNNING]
    events += closed
    # One more number for each attempt closed here: two were reserved for a start.
    Run.objects.filter(id=call["run_id"]).update(last_seq=F("last_seq") + len(closed))
    if interrupted >= MAX_INTERRUPTIONS:
        return Attempt(0, tries)
    number = earlier[-1].attempt + 1
    _insert(call, token, number)
    return Attempt(number, tries, outputs=outputs_for(call))


def _is_interrupted(attempt: NodeRun, token: str) -> bool:
    cut_off = attempt.status == NodeStatus.RUNNING and attempt.worker != token
    return cut_off or (attempt.error or {}).get("code") == "interrupted"


def _close(call: NodeCall, attempt: NodeRun) -> Event:
    """Close an attempt whose worker is gone."""
    attempt.status = NodeStatus.FAILED
    attempt.finished_at = timezone.now()
    attempt.error = INTERRUPTED
    attempt.save(update_fields=["status", "finished_at", "error"])
    data = {"attempt": attempt.attempt, "next_attempt_in": 0, "error": INTERRUPTED}
    key = node_key("retrying", call["node"], call["path"], attempt.attempt)
    return Event("node.retrying", key, call["node"], call["path"], data)


def _given_up() -> NodeError:
    return NodeError(
        "interrupted",
        f"The worker went away {MAX_INTERRUPTIONS} times while this node ran, so it is not tried "
        "again. Look at what it does to memory and time, then run the flow again.",
    )


def attempts_of(call: NodeCall) -> Sequence[NodeRun]:
    """All recorded attempts of a node and iteration, oldest first."""
    rows = NodeRun.objects.filter(run_id=call["run_id"], node=call["node"], path=call["path"])
    return list(rows.order_by("attempt"))


def open_or_done(call: NodeCall) -> NodeRun:
    """The attempt that succeeded, else the one that is open. Raises RunOver where there is none."""
    attempts = attempts_of(call)
    for wanted in (NodeStatus.SUCCEEDED, NodeStatus.RUNNING):
        for attempt in attempts:
            if attempt.status == wanted:
                return attempt
    raise RunOver("the attempt was closed meanwhile")


def recorded(attempt: NodeRun) -> NodeDone:
    """The result of a succeeded attempt, as its activity would hand it back."""
    output = attempt.output or {}
    return NodeDone(
        output=output,
        ports=list(attempt.ports or ["out"]),
        ends_run=attempt.ends_run or None,
        message=str(output.get("message", "")) if attempt.ends_run else "",
        leaves=str(output.get("leave", "run")) if attempt.ends_run else "run",
    )


def outputs_for(call: NodeCall) -> dict[str, JSON]:
    """Outputs that were too large to travel with the call. Raises NotRecordedYet."""
    if not call["from_record"]:
        return {}
    places = [(item, []) if isinstance(item, str) else item for item in call["from_record"]]
    rows = NodeRun.objects.filter(
        run_id=call["run_id"],
        node__in=[node for node, _ in places],
        status=NodeStatus.SUCCEEDED,
    )
    wanted = {node: list(path) for node, path in places}
    outputs = {row.node: row.output for row in rows.iterator() if row.path == wanted[row.node]}
    if missing := wanted.keys() - outputs.keys():
        raise NotRecordedYet(", ".join(sorted(missing)))
    return outputs
