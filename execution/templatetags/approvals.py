"""Tags of what waits: approvals for the reader, and a step's way to its question."""

from typing import Any

from django import template
from django.core.exceptions import PermissionDenied
from django.template.context import RequestContext

from accounts.models import User
from accounts.web import actor_for
from execution.approval_models import Approval, ApprovalState
from execution.approval_people import Person, may_decide
from execution.approval_queries import COUNTED, open_count
from execution.models import Run
from flows.sharing import on

register = template.Library()


def reader(user: User) -> Person:
    """The signed-in person as one who decides; no query."""
    return Person(user.name or user.email, user.id, user.email.lower())


@register.simple_tag(takes_context=True)
def open_approvals(context: RequestContext) -> str:
    """How many approvals wait for the signed-in person; empty: none. Asked once a request."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or not isinstance(user, User):
        return ""
    found: str | None = getattr(request, "_flux_open_approvals", None)
    if found is None:
        try:
            count = open_count(actor_for(request), reader(user))
        except PermissionDenied:
            count = 0
        found = f"{COUNTED - 1}+" if count >= COUNTED else str(count or "")
        request._flux_open_approvals = found
    return found


@register.inclusion_tag("execution/_waiting.html", takes_context=True)
def waiting_approval(
    context: RequestContext, run: Run, node: str, *, inside: bool = False
) -> dict[str, Any]:
    """What a step of a run waits for people to decide, where it does; `inside`: its own steps."""
    rows = Approval.objects.filter(run=run, state=ApprovalState.OPEN).order_by("created_at")
    where = "left(node, 1) = '.' AND path->>-2 = %s" if inside else "node = %s"
    found = list(rows.extra(where=[where], params=[node])[:2])
    request = context["request"]
    actor = on(actor_for(request), run.flow)
    mine = bool(found) and may_decide(actor, reader(request.user), found[0])
    return {"run": run, "found": found, "mine": mine}
