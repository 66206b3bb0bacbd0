"""How an attempt of a node begins, in one transaction.

A retry after a crash comes here first: a node that was recorded as succeeded is handed back, never
run again; an attempt that was cut off is closed as interrupted and does not count as a try. One
that takes its worker down again and again comes back after growing pauses, so that it cannot take
every worker down in a row.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.ids import new_id
from execution.models import NodeRun, NodeStatus, Run, RunEvent
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
#: A worker that is asked to stop says so; that is nobody's fault and counts for nothing.
STOPPED = {
    "code": "interrupted",
    "message": "The worker was stopped during this attempt; the node is tried again.",
    "details": {"worker": "stopped"},
}
#: What an attempt that only met a rate limit is called; `next_attempt_in` is what was waited.
RATE_LIMITED = {"code": "rate_limited"}
#: Attempts that end with one of these codes are none of the node's tries.
UNCOUNTED = (INTERRUPTED["code"], RATE_LIMITED["code"])
#: Seconds before the attempt after the second interruption; each further one doubles them.
FIRST_PAUSE = 2.0


class RunOver(Exception):
    """The run has ended; whoever still works for it should stop."""


class AttemptGivenUp(RunOver):
    """Another execution of the node has closed this attempt: whichever is the engine's goes on."""


class RunPaused(Exception):
    """The run is paused; what is not begun yet waits until it goes on."""


class FailedBefore(NodeError):
    """The node failed for good and said so, but the answer was lost: this is it again."""

    def __init__(self, error: dict[str, JSON]) -> None:
        super().__init__(str(error.get("code")), str(error.get("message")))
        self.error = error

    def as_dict(self) -> dict[str, JSON]:
        return self.error


class NotRecordedYet(Exception):
    """An output this node reads is on its way to the record; try again in a moment."""


@dataclass(frozen=True)
class Attempt:
    """An attempt that has begun. `tries` counts it and those that failed by themselves.

    `done` is the result of an earlier attempt, where there is nothing left to do; `outputs` are
    values that were too large to travel with the call. `waits` and `waited` (seconds) are what rate
    limits have cost so far. With `pause` (seconds) it has not begun: it is too early for it; with
    `failed` neither: that is how the node failed for good.
    """

    number: int
    tries: int
    done: NodeDone | None = None
    outputs: dict[str, JSON] = field(default_factory=dict)
    waits: int = 0
    waited: float = 0
    pause: float = 0
    failed: dict[str, JSON] | None = None


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
        if run.may_begin:
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
    if attempt.failed is not None:
        raise FailedBefore(attempt.failed)
    if not attempt.number and not attempt.pause:
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
        if attempt.has_result:
            return Attempt(attempt.attempt, attempt.attempt, done=recorded(attempt))
    if _has_failed(call, earlier[-1]):
        return Attempt(0, 0, failed=earlier[-1].error)
    tries = 1 + sum(1 for attempt in earlier if not _is_uncounted(attempt, token))
    waits = [_waited(attempt) for attempt in earlier if _is(attempt, RATE_LIMITED)]
    spent: dict[str, Any] = {"waits": len(waits), "waited": sum(waits)}
    last = earlier[-1]
    own = "inside" in call or "resumes" in call or last.worker == token
    if last.status == NodeStatus.RUNNING and own:
        # Of containers and agents every step inside is recorded, so they go on and do not begin
        # again.
        return Attempt(last.attempt, tries - 1, outputs=outputs_for(call), **spent)
    cut_off = sum(1 for attempt in earlier if _is_cut_off(attempt, token))
    pause = _pause_after(cut_off) if _is_cut_off(last, token) else 0.0
    running = [attempt for attempt in earlier if attempt.status == NodeStatus.RUNNING]
    events += [_close(call, attempt, pause) for attempt in running]
    # One more number for each attempt closed here: two were reserved for a start.
    Run.objects.filter(id=call["run_id"]).update(last_seq=F("last_seq") + len(running))
    if cut_off >= MAX_INTERRUPTIONS:
        return Attempt(0, tries)
    if (left := _left_of(pause, last)) > 0:
        return Attempt(0, tries, pause=left)
    _insert(call, token, last.attempt + 1)
    return Attempt(last.attempt + 1, tries, outputs=outputs_for(call), **spent)


def _has_failed(call: NodeCall, last: NodeRun) -> bool:
    """Whether the node failed for good; in a container that is tried again it gets a new chance."""
    if last.status != NodeStatus.FAILED or last.finished_at is None:
        return False
    key = node_key("finished", call["node"], call["path"], last.attempt)
    if not RunEvent.objects.filter(run_id=call["run_id"], key=key).exists():
        return False
    path = call["path"]
    for length in range(0, len(path), 2):
        around = {"run_id": call["run_id"], "node": path[length], "path": path[:length]}
        held = NodeRun.objects.filter(**around).order_by("-attempt").first()
        if held is not None and held.started_at is not None and held.started_at > last.finished_at:
            return False
    return True


def _is(attempt: NodeRun, error: dict[str, JSON]) -> bool:
    return bool((attempt.error or {}).get("code") == error["code"])


def _waited(attempt: NodeRun) -> float:
    return float((attempt.error or {}).get("next_attempt_in", 0))


def _is_uncounted(attempt: NodeRun, token: str) -> bool:
    """Whether this attempt is none of the node's tries."""
    if attempt.status == NodeStatus.RUNNING:
        return attempt.worker != token
    return (attempt.error or {}).get("code") in UNCOUNTED


def _is_cut_off(attempt: NodeRun, token: str) -> bool:
    """Whether this attempt's worker went away without a word."""
    if attempt.status == NodeStatus.RUNNING:
        return attempt.worker != token
    return _is(attempt, INTERRUPTED) and "details" not in (attempt.error or {})


def _pause_after(cut_off: int) -> float:
    """Seconds before the next attempt of a node that was cut off so often: 0, 2, 4, 8."""
    return FIRST_PAUSE * 2 ** (cut_off - 2) if 1 < cut_off < MAX_INTERRUPTIONS else 0.0


def _left_of(pause: float, last: NodeRun) -> float:
    """What is left of a pause that began when the last attempt was closed."""
    if not pause or last.finished_at is None:
        return 0.0
    due = last.finished_at + timedelta(seconds=pause)
    # The clocks of two workers may differ; a pause is never longer than it was meant to be.
    return min(pause, max(0.0, (due - timezone.now()).total_seconds()))


def _close(call: NodeCall, attempt: NodeRun, pause: float) -> Event:
    """Close an attempt whose worker is gone."""
    attempt.status = NodeStatus.FAILED
    attempt.finished_at = timezone.now()
    attempt.error = INTERRUPTED
    attempt.save(update_fields=["status", "finished_at", "error"])
    data = {
        "attempt": attempt.attempt,
        "next_attempt_in": pause,
        "counted": False,
        "error": INTERRUPTED,
    }
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
    # What went in is not read here, and may be most of the bytes of a hundred attempts.
    return list(rows.defer("input").order_by("attempt"))


def open_or_done(call: NodeCall) -> NodeRun:
    """The attempt that has a result, else the one that is open.

    Raises FailedBefore where the step has failed already, RunOver where there is none.
    """
    attempts = attempts_of(call)
    for attempt in attempts:
        if attempt.has_result:
            return attempt
    for attempt in attempts:
        if attempt.status == NodeStatus.RUNNING:
            return attempt
    if attempts and attempts[-1].status == NodeStatus.FAILED and attempts[-1].error:
        raise FailedBefore(attempts[-1].error)
    raise RunOver("the attempt was closed meanwhile")


def recorded(attempt: NodeRun) -> NodeDone:
    """The result of an attempt that has one, as its activity would hand it back."""
    output = attempt.output or {}
    return NodeDone(
        output=output,
        ports=list(attempt.ports or ["out"]),
        ends_run=attempt.ends_run or None,
        message=str(output.get("message", "")) if attempt.ends_run else "",
        leaves=str(output.get("leave", "run")) if attempt.ends_run else "run",
        error=output.get("error") if attempt.ends_run else None,
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
