"""How an attempt of a node ends, in one transaction: result or error, usage, price, event."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from psycopg.types.json import Jsonb

from billing.models import UsageRecord
from billing.prices import Price, price
from billing.services import record_usage
from execution.agent_steps import is_step
from execution.attempts import UNCOUNTED, Attempt, AttemptGivenUp, attempts_of, recorded
from execution.blobs import NewBlob, save_blobs
from execution.memories.turns import Kept, write_turn
from execution.models import NodeStatus, Run
from execution.recording import (
    Event,
    HeldRun,
    RunMissing,
    hold_run,
    node_key,
    preview,
    write_events,
)
from execution.shapes import NodeCall, NodeDone
from flows.engine.model_usage import ModelUsage

JSON = Any


@dataclass(frozen=True)
class Spent:
    """What an attempt used of one model; `estimated` where a call was cut off before its count."""

    model: str
    usage: ModelUsage
    estimated: bool = False


@dataclass(frozen=True)
class Outcome:
    """What is written beside the result: the resolved config, large values, what was used.

    `turn` is what the node's session is to remember of it.
    """

    config: JSON
    blobs: Sequence[NewBlob]
    spent: Sequence[Spent]
    turn: Kept | None = None


#: Makes a result fit to be written; called on the database's thread.
type Prepare = Callable[[], tuple[NodeDone, Outcome]]


@dataclass(frozen=True)
class Bill:
    """What an attempt used, priced at this moment."""

    items: Sequence[tuple[Spent, Price]]

    @property
    def model(self) -> str:
        return self.items[-1][0].model if self.items else ""

    @property
    def input_tokens(self) -> int:
        return sum(item.usage.input_tokens for item, _ in self.items)

    @property
    def output_tokens(self) -> int:
        return sum(item.usage.output_tokens for item, _ in self.items)

    @property
    def cost(self) -> Decimal:
        return sum((priced.cost for _, priced in self.items), Decimal(0))

    def as_dict(self) -> dict[str, JSON]:
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": format(self.cost, "f"),
            "currency": "USD",
            "model": self.model,
        }


def succeed_attempt(call: NodeCall, attempt: Attempt, done: NodeDone, outcome: Outcome) -> NodeDone:
    """Write the result; returns what counts: an earlier one where this attempt came too late."""
    bill = _bill(outcome)
    with transaction.atomic():
        run = _hold_and_add(call, bill)
        save_blobs(run.workspace_id, outcome.blobs)
        began = _close(call, attempt, status_of(call, done), outcome, bill, done=done)
        if began is None:
            _book_late(run, call, attempt, bill)
            return _what_counts(call)
        _book(run, call, attempt, bill)
        if outcome.turn is not None:
            write_turn(outcome.turn)
        write_events(run, [success_event(call, attempt, done, began, bill)])
    return done


def status_of(call: NodeCall, done: NodeDone) -> str:
    """What an attempt with this result is: a container in which the run was ended was cut off."""
    cut_off = "inside" in call and done["ends_run"] is not None
    return str(NodeStatus.CANCELLED if cut_off else NodeStatus.SUCCEEDED)


def success_event(
    call: NodeCall, attempt: Attempt, done: NodeDone, began: datetime, bill: Bill = Bill(())
) -> Event:
    """The event of an attempt that has a result."""
    data = _finished_data(attempt, status_of(call, done), began, bill)
    if shown := preview(done["output"]):
        data["preview"] = shown
    return _finished(call, attempt, data)


def fail_attempt(
    call: NodeCall,
    attempt: Attempt,
    error: dict[str, JSON],
    outcome: Outcome,
    *,
    retry_in: float | None,
    status: str = NodeStatus.FAILED,
) -> None:
    """Write a failure; `retry_in` is the seconds until the next try, None where it is final."""
    bill = _bill(outcome)
    with transaction.atomic():
        run = _hold_and_add(call, bill)
        save_blobs(run.workspace_id, outcome.blobs)
        began = _close(call, attempt, str(status), outcome, bill, error=error)
        if began is None:
            _book_late(run, call, attempt, bill)
            return
        _book(run, call, attempt, bill)
        if retry_in is None:
            data = {**_finished_data(attempt, str(status), began, bill), "error": error}
            event = _finished(call, attempt, data)
        else:
            data = {"attempt": attempt.number, "next_attempt_in": retry_in, "error": error}
            if error["code"] in UNCOUNTED:
                data["counted"] = False
            key = node_key("retrying", call["node"], call["path"], attempt.number)
            event = Event("node.retrying", key, call["node"], call["path"], data)
        write_events(run, [event])


def stream_checkpoint(
    call: NodeCall, attempt: Attempt, offset: int, text: str, part: int = 0
) -> None:
    """Keep a stretch of streamed text, so that a reload in the middle shows it.

    A `part` of its own begins where what was streamed before does not count any more.

    Nothing is kept once the run has ended: its end is its last event.
    """
    with suppress(RunMissing), transaction.atomic():
        run = hold_run(call["run_id"], events=1)
        if run.ended:
            return
        data = {"attempt": attempt.number, "offset": offset, "text": text}
        place = str(offset)
        if part:
            data["part"] = part
            place = f"{part}.{offset}"
        key = f"{node_key('delta', call['node'], call['path'], attempt.number)}:{place}"
        write_events(run, [Event("node.delta", key, call["node"], call["path"], data)])


def _bill(outcome: Outcome) -> Bill:
    return Bill([(item, price(item.model, item.usage)) for item in outcome.spent])


def _hold_and_add(call: NodeCall, bill: Bill) -> HeldRun:
    used = (bill.input_tokens, bill.output_tokens, bill.cost)
    return hold_run(call["run_id"], events=1, used=used)


_CLOSE = """
UPDATE execution_noderun SET status = %(status)s, finished_at = now(), input = %(input)s,
  output = %(output)s, ports = %(ports)s, ends_run = %(ends_run)s, error = %(error)s,
  model = %(model)s, input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s,
  cost = %(cost)s
WHERE run_id = %(run)s AND node = %(node)s AND path = %(path)s AND attempt = %(attempt)s
  AND status = 'running'
RETURNING started_at
"""


def _close(
    call: NodeCall,
    attempt: Attempt,
    status: str,
    outcome: Outcome,
    bill: Bill,
    *,
    done: NodeDone | None = None,
    error: JSON = None,
) -> datetime | None:
    """Close the attempt's row; when it began, or None where it was closed by somebody else."""
    values: dict[str, Any] = {
        "status": status,
        "input": _jsonb(outcome.config),
        "output": _jsonb(done["output"] if done else None),
        "ports": _jsonb(done["ports"] if done else None),
        "ends_run": (done["ends_run"] if done else None) or "",
        "error": _jsonb(error),
        "model": bill.model,
        "input_tokens": bill.input_tokens,
        "output_tokens": bill.output_tokens,
        "cost": bill.cost,
        "run": call["run_id"],
        "node": call["node"],
        "path": Jsonb(call["path"]),
        "attempt": attempt.number,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, values)
        row = cursor.fetchone()
    return row[0] if row else None


def _jsonb(value: JSON) -> Jsonb | None:
    return None if value is None else Jsonb(value)


def _what_counts(call: NodeCall) -> NodeDone:
    """This attempt was given up meanwhile (or written already): the recorded result counts."""
    for attempt in attempts_of(call):
        if attempt.has_result:
            return recorded(attempt)
    raise AttemptGivenUp("the attempt was given up")


def _book(run: HeldRun, call: NodeCall, attempt: Attempt, bill: Bill) -> None:
    for item, priced in bill.items:
        record_usage(
            workspace_id=UUID(run.workspace_id),
            flow_id=UUID(run.flow_id),
            run_id=UUID(run.id),
            node=_booked_to(call),
            path=call["path"],
            attempt=attempt.number,
            model=item.model,
            usage=item.usage,
            price=priced,
            api_key_id=run.api_key_id,
            estimated=item.estimated,
        )


def _booked_to(call: NodeCall) -> str:
    """The node that people know: a step inside a node is booked to that, under its own path."""
    return str(call["path"][-2]) if is_step(call["node"]) else call["node"]


def _book_late(run: HeldRun, call: NodeCall, attempt: Attempt, bill: Bill) -> None:
    """An attempt that came too late was paid for all the same; but book it only once."""
    booked = UsageRecord.objects.filter(
        run_id=run.id, node=_booked_to(call), path=call["path"], attempt=attempt.number
    ).exists()
    if not booked:
        _book(run, call, attempt, bill)
        return
    Run.objects.filter(id=run.id).update(
        input_tokens=F("input_tokens") - bill.input_tokens,
        output_tokens=F("output_tokens") - bill.output_tokens,
        cost=F("cost") - bill.cost,
    )


def _finished_data(attempt: Attempt, status: str, began: datetime, bill: Bill) -> dict[str, JSON]:
    data: dict[str, JSON] = {
        "attempt": attempt.number,
        "status": status,
        "duration_ms": round((timezone.now() - began).total_seconds() * 1000),
    }
    if bill.items:
        data["usage"] = bill.as_dict()
    return data


def _finished(call: NodeCall, attempt: Attempt, data: dict[str, JSON]) -> Event:
    key = node_key("finished", call["node"], call["path"], attempt.number)
    return Event("node.finished", key, call["node"], call["path"], data)
