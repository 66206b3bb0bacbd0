"""The page on which a flow's maker, owners and admins say who sees it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.errors import InvalidValue
from accounts.models import Membership
from accounts.permissions import can
from accounts.web import actor_for, workspace_page
from flows.models import Flow, FlowShare, ShareLevel, Visibility
from flows.sharing import may_share, share_flow
from flows.views.actions import visible_flow
from flows.views.page_request import PageRequest

_LEVEL = "level-"


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page
def sharing(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """Everybody who sees the flow sees who else does; changes come back as 422 where refused."""
    flow = visible_flow(request, flow_id)
    refusal = ""
    if request.method == "POST":
        try:
            share_flow(
                actor_for(request),
                flow,
                visibility=request.POST.get("visibility"),
                shares=_asked(request),
            )
        except InvalidValue as refused:
            refusal = refused.message
        else:
            messages.success(request, "Who sees the flow is saved.")
            return redirect("flow-detail", flow.id)
    shown = {**_context(request, flow), "refusal": refusal}
    status = 422 if refusal else 200
    # On the flow's page it stands in a dialog, without the page around it.
    template = "flows/_sharing.html" if request.htmx else "flows/sharing.html"
    return render(request, template, shown, status=status)


def _asked(request: PageRequest) -> dict[UUID, str]:
    """Person → level, of those that a level was chosen for."""
    wanted: dict[UUID, str] = {}
    for name, level in request.POST.items():
        if name.startswith(_LEVEL) and level:
            try:
                wanted[UUID(name.removeprefix(_LEVEL))] = str(level)
            except ValueError:
                raise InvalidValue("shares", "Choose people of the list.") from None
    return wanted


def _context(request: PageRequest, flow: Flow) -> dict[str, Any]:
    levels = dict(FlowShare.objects.filter(flow=flow).values_list("user_id", "level"))
    members = (
        Membership.objects.filter(workspace_id=flow.workspace_id)
        .select_related("user")
        .order_by("created_at", "id")
    )
    return {
        "flow": flow,
        "may_share": may_share(actor_for(request), flow),
        "visibilities": Visibility.choices,
        "levels": ShareLevel.choices,
        "people": [
            {
                "user": member.user,
                "role": member.get_role_display(),
                "is_maker": member.user_id == flow.created_by_id,
                "sees_all": can(member.role, "flow.all"),
                "level": levels.get(member.user_id, ""),
                "level_word": ShareLevel(levels[member.user_id]).label
                if member.user_id in levels
                else "",
            }
            for member in members
        ],
    }
