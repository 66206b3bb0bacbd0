"""Opens and closes what a run waits for people to decide: each in one transaction, once.

The engine calls `open_approval` when a run comes to the node and `settle_approval` whenever it was
woken or the deadline has come; both find what an earlier call of theirs has written. How a person
decides is in `approval_services`.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.ids import new_id
from execution.approval_models import (
    Approval,
    ApprovalQuerySet,
    ApprovalState,
    Decision,
    OnTimeout,
)
from execution.attempts import RunOver, recorded
from execution.blobs import save_blobs
from execution.ending import load_run_document
from execution.models import NodeRun, NodeStatus
from execution.payloads import Externalizer, resolve_references
from execution.recording import (
    Event,
    HeldRun,
    hold_run,
    node_key,
    preview,
    record_events,
    write_events,
    write_records,
)
from execution.shapes import NodeCall, NodeDone
from flows.engine.errors import NodeError
from flows.engine.inputs import validate_inputs
from flows.engine.node_call import check_config
from flows.engine.registry import registry

JSON = Any
#: The engine's timer and the database's clock may differ by so much.
CLOCKS_DIFFER = timedelta(seconds=1)
_OUTCOMES = {OnTimeout.APPROVE: Decision.APPROVED, OnTimeout.REJECT: Decision.REJECTED}


def open_approval(call: NodeCall, resolved: dict[str, JSON]) -> dict[str, str | None]:
    """Write that a run waits for a decision: `{"deadline": ISO time or None}`.

    `resolved` is the evaluated config, large values by reference. Called again it answers with the
    deadline of the first time. Raises RunOver, RunMissing, and NodeError `config_invalid` before
    anything is written.
    """
    asked = None if _approvals(call).exists() else _question(call, resolved)
    out = Externalizer(trusted=True)
    given = out.shrink_object(resolved)
    events = record_events(call["records"])
    with transaction.atomic():
        run = hold_run(call["run_id"], events=len(events) + 2, started_at=call["started_at"])
        if run.ended:
            raise RunOver(run.status)
        write_records(run, call["records"])
        if run.may_begin:
            events.insert(0, Event("run.started", "run.started"))
        if asked is not None:
            save_blobs(run.workspace_id, out.blobs)
            Approval.objects.bulk_create([asked], ignore_conflicts=True)
            _wait(call, given, asked.created_at)
        key = node_key("started", call["node"], call["path"], 1)
        data = {"attempt": 1, "waiting_for": "approval"}
        events.append(Event("node.started", key, call["node"], call["path"], data))
        write_events(run, events)
        deadline = _approvals(call).values_list("deadline", flat=True).get()
    return {"deadline": deadline.isoformat() if deadline else None}


def _approvals(call: NodeCall) -> ApprovalQuerySet:
    return Approval.objects.filter(run_id=call["run_id"], node=call["node"], path=call["path"])


def _question(call: NodeCall, resolved: dict[str, JSON]) -> Approval:
    """The row, its values whole: people read them."""
    node_type = registry().get("approval")
    assert node_type is not None, "the approval node is built in"
    config: Any = check_config(node_type, resolve_references(call["workspace_id"], resolved))
    now = timezone.now()
    seconds = config.timeout_seconds
    label = call.get("label")
    if label is None:
        nodes = load_run_document(call["run_id"])["nodes"]
        spec: dict[str, JSON] = next((node for node in nodes if node["id"] == call["node"]), {})
        label = str(spec.get("label") or "")
    return Approval(
        run_id=call["run_id"],
        workspace_id=call["workspace_id"],
        node=call["node"],
        path=call["path"],
        label=label[:200],
        message=config.message,
        fields=[field.model_dump() for field in config.fields],
        assignees=config.assignees,
        deadline=None if seconds is None else now + timedelta(seconds=seconds),
        on_timeout=config.on_timeout,
        created_at=now,
    )


def _wait(call: NodeCall, given: dict[str, JSON], now: datetime) -> None:
    row = NodeRun(
        id=new_id(),
        run_id=call["run_id"],
        node=call["node"],
        type=call["type"],
        path=call["path"],
        attempt=1,
        status=NodeStatus.WAITING,
        input=given,
        started_at=now,
    )
    NodeRun.objects.bulk_create([row], ignore_conflicts=True)


def settle_approval(call: NodeCall, timed_out: bool) -> NodeDone | None:
    """Close the node if it is decided, or due; None: keep waiting.

    `timed_out` says that the deadline's timer has fired; the row's own deadline decides. Called
    again it hands back what is recorded. Raises NodeError `approval_timeout` where that fails the
    node (recorded before), RunOver, RunMissing.
    """
    events = record_events(call["records"])
    with transaction.atomic():
        run = hold_run(call["run_id"], events=len(events) + 1)
        if run.ended:
            raise RunOver(run.status)
        write_records(run, call["records"])
        row = NodeRun.objects.select_for_update().get(
            run_id=run.id, node=call["node"], path=call["path"], attempt=1
        )
        approval: Approval = _approvals(call).select_for_update().get()
        if row.status == NodeStatus.WAITING and _is_due(approval, timed_out):
            events.append(_close(run, call, approval, row))
        write_events(run, events)
    if row.status == NodeStatus.FAILED:
        raise _failure(row)
    return None if row.status == NodeStatus.WAITING else recorded(row)


def _is_due(approval: Approval, timed_out: bool) -> bool:
    """Whether there is an outcome; the deadline's is set here."""
    if approval.state == ApprovalState.DECIDED:
        return True
    if not (timed_out and approval.is_open and approval.deadline):
        return False
    now = timezone.now()
    if now < approval.deadline - CLOCKS_DIFFER:
        return False
    approval.state = ApprovalState.EXPIRED
    approval.decision = _OUTCOMES.get(OnTimeout(approval.on_timeout), "")
    approval.decided_at = now
    approval.data = validate_inputs(approval.fields, {})[0]
    return True


def _close(run: HeldRun, call: NodeCall, approval: Approval, row: NodeRun) -> Event:
    """The node's row, the approval and the event of its end."""
    now = timezone.now()
    row.finished_at = now
    data: dict[str, JSON] = {"attempt": 1}
    if approval.decision:
        # What people wrote is data, whatever it looks like.
        out = Externalizer(limit=call["value_limit"])
        row.output = out.shrink_object(output_of(approval))
        row.ports, row.status = [approval.decision], NodeStatus.SUCCEEDED
        save_blobs(run.workspace_id, out.blobs)
        if shown := preview(row.output):
            data["preview"] = shown
    else:
        row.error, row.status = _timeout(approval).as_dict(), NodeStatus.FAILED
        data["error"] = row.error
    row.save(update_fields=["status", "finished_at", "output", "ports", "error"])
    approval.delivered_at = now
    approval.save(update_fields=["state", "decision", "data", "decided_at", "delivered_at"])
    assert row.started_at is not None
    waited = round((now - row.started_at).total_seconds() * 1000)
    data |= {"status": str(row.status), "duration_ms": waited}
    key = node_key("finished", call["node"], call["path"], 1)
    return Event("node.finished", key, call["node"], call["path"], data)


def output_of(approval: Approval) -> dict[str, JSON]:
    """What the node hands on: decision, comment, data, by."""
    return {
        "decision": str(approval.decision),
        "comment": approval.comment,
        "data": approval.data,
        "by": approval.decider,
    }


def _timeout(approval: Approval) -> NodeError:
    assert approval.deadline is not None
    return NodeError(
        "approval_timeout",
        f"Nobody had decided '{approval.title}' by {approval.deadline:%Y-%m-%d %H:%M} UTC. Give "
        "people more time (timeout_seconds), or say with on_timeout what counts then.",
    )


def _failure(row: NodeRun) -> NodeError:
    error = row.error or {}
    return NodeError(str(error.get("code", "failed")), str(error.get("message", "")))
