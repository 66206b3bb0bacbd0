"""The life of one attempt of a node, each step one transaction: begun, succeeded, failed.

A retry after a crash comes here first: an attempt that was recorded as succeeded is handed back,
never run again; one that was cut off is closed as interrupted and does not count as a try.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from billing.models import UsageRecord
from billing.prices import Price
from billing.services import record_usage
from execution.models import NodeRun, NodeStatus, Run
from execution.payloads import NewBlob, save_blobs
from execution.recording import (
    Event,
    HeldRun,
    announce,
    hold_run,
    node_key,
    preview,
    record_events,
    write_events,
    write_records,
)
from execution.shapes import NodeCall, NodeDone
from flows.engine.errors import NodeError
from flows.engine.node_type import ModelUsage

JSON = Any
#: Times a node may take its worker down with it before it is given up.
MAX_INTERRUPTIONS = 5


class RunOver(Exception):
    """The run has ended; whoever still works for it should stop."""


class NotRecordedYet(Exception):
    """An output this node reads is on its way to the record; try again in a moment."""


@dataclass(frozen=True)
class Attempt:
    """An attempt that has begun. `tries` counts it and those that failed by themselves."""

    number: int
    tries: int
    token: str
    done: NodeDone | None = None
    outputs: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class Spent:
    """What one model call used and what that costs."""

    model: str
    usage: ModelUsage
    price: Price


def begin_attempt(call: NodeCall, token: str) -> Attempt:
    """Write that an attempt begins, with the records that came along.

    `token` names this very execution, so that repeating the call (a lost answer of the database)
    finds its own row. Raises RunOver, NotRecordedYet, NodeError.
    """
    records = call["records"]
    events = record_events(records)
    with transaction.atomic():
        run = hold_run(call["run_id"], events=len(events) + 2, started_at=call["started_at"])
        if run.ended:
            raise RunOver(run.status)
        write_records(run, records)
        earlier = _attempts(call)
        for attempt in earlier:
            if attempt.status == NodeStatus.SUCCEEDED:
                write_events(run, events)
                return _recorded(attempt)
        events = _run_started(run, call) + events
        number, tries = _close_interrupted(call, earlier, events)
        outputs = _outputs_from_record(call)
        _insert(call, number, token)
        data = {"attempt": number}
        key = node_key("started", call["node"], call["path"], number)
        events.append(Event("node.started", key, call["node"], call["path"], data))
        write_events(_with_room(run, events, len(record_events(records)) + 2), events)
        announce(run.id)
    return Attempt(number, tries, token, outputs=outputs)


def _attempts(call: NodeCall) -> list[NodeRun]:
    return list(
        NodeRun.objects.filter(
            run_id=call["run_id"], node=call["node"], path=call["path"]
        ).order_by("attempt")
    )


def _recorded(attempt: NodeRun) -> Attempt:
    done = NodeDone(
        output=attempt.output or {},
        ports=list(attempt.ports or ["out"]),
        ends_run=attempt.ends_run or None,
        message=str((attempt.output or {}).get("message", "")) if attempt.ends_run else "",
    )
    return Attempt(attempt.attempt, attempt.attempt, attempt.worker, done=done)


def _run_started(run: HeldRun, call: NodeCall) -> list[Event]:
    """The run's own start, told with the first thing that is written about it."""
    if run.base > 1:
        return []
    return [Event("run.started", "run.started")]


def _with_room(run: HeldRun, events: Sequence[Event], reserved: int) -> HeldRun:
    """Reserve more numbers when more happened than was foreseen (attempts closed late)."""
    missing = len(events) - reserved
    if missing <= 0:
        return run
    Run.objects.filter(id=run.id).update(last_seq=F("last_seq") + missing)
    return run


def _close_interrupted(
    call: NodeCall, earlier: Sequence[NodeRun], events: list[Event]
) -> tuple[int, int]:
    """Close attempts whose worker is gone; returns the new attempt's number and tries."""
    interrupted = 0
    for attempt in earlier:
        if attempt.status == NodeStatus.RUNNING:
            attempt.status = NodeStatus.FAILED
            attempt.finished_at = timezone.now()
            attempt.error = {
                "code": "interrupted",
                "message": "The worker went away during this attempt; the node is tried again.",
            }
            attempt.save(update_fields=["status", "finished_at", "error"])
            data = {"attempt": attempt.attempt, "next_attempt_in": 0, "error": attempt.error}
            key = node_key("retrying", call["node"], call["path"], attempt.attempt)
            events.append(Event("node.retrying", key, call["node"], call["path"], data))
        if (attempt.error or {}).get("code") == "interrupted":
            interrupted += 1
    if interrupted >= MAX_INTERRUPTIONS:
        raise NodeError(
            "interrupted",
            f"The worker went away {interrupted} times while this node ran, so it is not tried "
            "again. Look at what it does to memory and time, then run the flow again.",
        )
    number = (earlier[-1].attempt if earlier else 0) + 1
    return number, len(earlier) - interrupted + 1


def _insert(call: NodeCall, number: int, token: str) -> None:
    NodeRun.objects.create(
        run_id=call["run_id"],
        node=call["node"],
        type=call["type"],
        path=call["path"],
        attempt=number,
        status=NodeStatus.RUNNING,
        started_at=timezone.now(),
        worker=token,
    )


def _outputs_from_record(call: NodeCall) -> dict[str, JSON]:
    """Outputs that were too large to travel with the call."""
    names = {*call["from_record"]}
    if names:
        names.update(source for source, _ in call["incoming"])
    if not names:
        return {}
    rows = NodeRun.objects.filter(run_id=call["run_id"], node__in=names).exclude(
        status__in=[NodeStatus.RUNNING, NodeStatus.PENDING]
    )
    outputs = {
        row.node: row.output if row.status == NodeStatus.SUCCEEDED else None
        for row in rows.order_by("attempt")
    }
    if missing := names - outputs.keys():
        raise NotRecordedYet(", ".join(sorted(missing)))
    return outputs


def succeed_attempt(
    call: NodeCall,
    attempt: Attempt,
    done: NodeDone,
    *,
    config: JSON,
    blobs: list[NewBlob],
    spent: list[Spent],
) -> NodeDone:
    """Write the result; returns what counts: an earlier one where this attempt came too late."""
    with transaction.atomic():
        run = hold_run(call["run_id"], events=1)
        save_blobs(run.workspace_id, blobs)
        row = _own_row(call, attempt)
        _book(run, call, attempt, spent, row)
        if row is None or row.status != NodeStatus.RUNNING:
            return _what_counts(call, row)
        _fill(row, NodeStatus.SUCCEEDED, config, spent)
        row.output, row.ports = done["output"], done["ports"]
        row.ends_run = done["ends_run"] or ""
        row.save()
        data = _finished_data(row, spent)
        if shown := preview(row.output):
            data["preview"] = shown
        write_events(run, [_finished(call, attempt, data)])
        announce(run.id)
    return done


def fail_attempt(
    call: NodeCall,
    attempt: Attempt,
    error: dict[str, JSON],
    *,
    retry_in: float | None,
    config: JSON,
    blobs: list[NewBlob],
    spent: list[Spent],
    status: str = NodeStatus.FAILED,
) -> None:
    """Write a failure; `retry_in` is the seconds until the next try, None where it is final."""
    with transaction.atomic():
        run = hold_run(call["run_id"], events=1)
        save_blobs(run.workspace_id, blobs)
        row = _own_row(call, attempt)
        _book(run, call, attempt, spent, row)
        if row is None or row.status != NodeStatus.RUNNING:
            return
        _fill(row, status, config, spent)
        row.error = error
        row.save()
        if retry_in is None:
            event = _finished(call, attempt, {**_finished_data(row, spent), "error": error})
        else:
            data = {"attempt": attempt.number, "next_attempt_in": retry_in, "error": error}
            key = node_key("retrying", call["node"], call["path"], attempt.number)
            event = Event("node.retrying", key, call["node"], call["path"], data)
        write_events(run, [event])
        announce(run.id)


def stream_checkpoint(call: NodeCall, attempt: Attempt, offset: int, text: str) -> None:
    """Keep a stretch of streamed text, so that a reload in the middle shows it."""
    with transaction.atomic():
        run = hold_run(call["run_id"], events=1)
        data = {"attempt": attempt.number, "offset": offset, "text": text}
        key = f"{node_key('delta', call['node'], call['path'], attempt.number)}:{offset}"
        write_events(run, [Event("node.delta", key, call["node"], call["path"], data)])
        announce(run.id)


def _own_row(call: NodeCall, attempt: Attempt) -> NodeRun | None:
    return NodeRun.objects.filter(
        run_id=call["run_id"], node=call["node"], path=call["path"], attempt=attempt.number
    ).first()


def _what_counts(call: NodeCall, row: NodeRun | None) -> NodeDone:
    """This attempt was given up meanwhile (or written already): the recorded result counts."""
    for attempt in _attempts(call):
        if attempt.status == NodeStatus.SUCCEEDED:
            done = _recorded(attempt).done
            assert done is not None
            return done
    raise RunOver(row.status if row else "missing")


def _fill(row: NodeRun, status: str, config: JSON, spent: list[Spent]) -> None:
    row.status = status
    row.finished_at = timezone.now()
    row.input = config
    row.model = spent[-1].model if spent else ""
    row.input_tokens = sum(item.usage.input_tokens for item in spent)
    row.output_tokens = sum(item.usage.output_tokens for item in spent)
    row.cost = sum((item.price.cost for item in spent), Decimal(0))


def _finished_data(row: NodeRun, spent: list[Spent]) -> dict[str, JSON]:
    data: dict[str, JSON] = {
        "attempt": row.attempt,
        "status": str(row.status),
        "duration_ms": row.duration_ms,
    }
    if spent:
        data["usage"] = {
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
            "cost": format(row.cost, "f"),
            "currency": "USD",
            "model": row.model,
        }
    return data


def _finished(call: NodeCall, attempt: Attempt, data: dict[str, JSON]) -> Event:
    key = node_key("finished", call["node"], call["path"], attempt.number)
    return Event("node.finished", key, call["node"], call["path"], data)


_ADD_USAGE = """
UPDATE execution_run SET input_tokens = input_tokens + %s, output_tokens = output_tokens + %s,
  cost = cost + %s WHERE id = %s
"""


def _book(
    run: HeldRun, call: NodeCall, attempt: Attempt, spent: list[Spent], row: NodeRun | None
) -> None:
    """Usage counts once per attempt and model, also where the attempt itself came too late."""
    late = row is None or row.status != NodeStatus.RUNNING
    if not spent or (late and _is_booked(run, call, attempt)):
        return
    for item in spent:
        record_usage(
            workspace_id=UUID(run.workspace_id),
            flow_id=UUID(run.flow_id),
            run_id=UUID(run.id),
            node=call["node"],
            path=call["path"],
            attempt=attempt.number,
            model=item.model,
            usage=item.usage,
            price=item.price,
            api_key_id=run.api_key_id,
        )
    tokens_in = sum(item.usage.input_tokens for item in spent)
    tokens_out = sum(item.usage.output_tokens for item in spent)
    cost = sum((item.price.cost for item in spent), Decimal(0))
    with connection.cursor() as cursor:
        cursor.execute(_ADD_USAGE, [tokens_in, tokens_out, cost, run.id])


def _is_booked(run: HeldRun, call: NodeCall, attempt: Attempt) -> bool:
    return UsageRecord.objects.filter(
        run_id=run.id, node=call["node"], path=call["path"], attempt=attempt.number
    ).exists()
