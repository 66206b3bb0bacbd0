"""What flows hold of people: what they made, and their names in the history of drafts."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from accounts.hooks import Made
from accounts.models import User
from accounts.people.forgetting import SOMEBODY
from flows.models import Flow, FlowChange, FlowVersion


def made_flows(user: User, workspaces: Collection[UUID], most: int) -> Mapping[str, Sequence[Made]]:
    """Flows, and versions that they published."""
    own = Flow.objects.filter(created_by=user, workspace__in=workspaces).order_by("-created_at")
    versions = FlowVersion.objects.filter(created_by=user, flow__workspace__in=workspaces)
    rows = versions.order_by("-created_at").values("id", "flow_id", "flow__name", "number")
    return {
        "flows": list(own.values("id", "name", "workspace_id")[:most]),
        "versions": [
            {"id": row["id"], "flow": row["flow__name"], "flow_id": row["flow_id"]}
            | {"number": row["number"]}
            for row in rows[:most]
        ],
    }


def forget_name(user: User) -> None:
    """Who changed a draft is nobody in particular any more."""
    FlowChange.objects.filter(user=user).update(actor=SOMEBODY)
