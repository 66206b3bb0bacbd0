"""Every read of approvals: in the shape of the REST API, those to be decided, and how many."""

from typing import Any

from accounts.permissions import Actor
from execution.approval_models import Approval, ApprovalQuerySet, ApprovalState
from execution.approval_people import Person, decidable_by

JSON = Any
#: Open ones that are counted; beyond it people are shown "99+".
COUNTED = 100


def approval_payload(approval: Approval) -> dict[str, JSON]:
    """An approval as the API shows it; its run and flow are loaded."""
    return {
        "id": str(approval.id),
        "run": str(approval.run_id),
        "flow": str(approval.run.flow_id),
        "node": approval.node,
        "path": approval.path,
        "message": approval.message,
        "fields": approval.fields,
        "assignees": approval.assignees,
        "state": approval.state,
        "created_at": approval.created_at.isoformat(),
        "deadline": _time(approval.deadline),
        "on_timeout": approval.on_timeout,
        "decision": approval.decision or None,
        "comment": approval.comment,
        "data": approval.data,
        "by": approval.decider,
        "decided_at": _time(approval.decided_at),
    }


def _time(value: Any) -> str | None:
    return value.isoformat() if value else None


def approvals_of(actor: Actor) -> ApprovalQuerySet:
    """The workspace's approvals with what is shown of them."""
    rows = Approval.objects.visible_to(actor).select_related("run__flow")
    return rows.defer("run__inputs", "run__outputs", "run__flow__description")


def for_decision(actor: Actor, person: Person) -> ApprovalQuerySet:
    """Those that this actor may decide or might have decided, whatever became of them."""
    return approvals_of(actor).filter(decidable_by(actor, person))


def open_count(actor: Actor, person: Person) -> int:
    """How many wait for this actor's decision, COUNTED at most; one query on a small index."""
    rows = Approval.objects.visible_to(actor).filter(
        decidable_by(actor, person), state=ApprovalState.OPEN
    )
    return rows.order_by()[:COUNTED].count()
