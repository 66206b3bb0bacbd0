"""Who a signed-in browser is: the current workspace and the actor that pages hand to services."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from accounts.models import Membership, User, Workspace
from accounts.permissions import ROLE_ACTIONS, Actor, PermissionRefused
from accounts.plans import PlanLimitReached

#: Session key that holds the id of the chosen workspace.
SESSION_KEY = "workspace"

NO_WORKSPACE = "You are in no workspace. Ask an owner or admin of one to add you."


def membership_of(user: User, chosen: object = None) -> Membership | None:
    """The person's membership in the chosen workspace (its id), else in their first one."""
    memberships = list(
        Membership.objects.filter(user=user).select_related("workspace").order_by("created_at")
    )
    for membership in memberships:
        if str(membership.workspace_id) == str(chosen):
            return membership
    return memberships[0] if memberships else None


def member(user: User, chosen: object = None) -> tuple[Workspace, Actor] | None:
    """The workspace and the actor of a signed-in person; one query. Used by sockets too."""
    membership = membership_of(user, chosen)
    if membership is None:
        return None
    actor = Actor(
        membership.workspace_id, str(user), ROLE_ACTIONS[membership.role], user_id=user.id
    )
    return membership.workspace, actor


def _current(request: HttpRequest) -> tuple[Workspace, Actor]:
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    found = getattr(request, "_flux_member", None)
    if found is None:
        found = member(request.user, request.session.get(SESSION_KEY))
        if found is None:
            raise PermissionDenied(NO_WORKSPACE)
        request._flux_member = found  # type: ignore[attr-defined]
    workspace, actor = found
    return workspace, actor


def workspace_for(request: HttpRequest) -> Workspace:
    """The current workspace of the signed-in person. PermissionDenied where they have none."""
    return _current(request)[0]


def actor_for(request: HttpRequest) -> Actor:
    """The signed-in person as an actor in their current workspace."""
    return _current(request)[1]


def workspace_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page for members: login required; sets `request.workspace` and `request.actor`.

    What the actor may not do, or the plan does not allow, becomes a 403 page with the sentence
    that says what would help.
    """

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.workspace, request.actor = _current(request)  # type: ignore[attr-defined]
        try:
            return view(request, *args, **kwargs)
        except (PermissionRefused, PlanLimitReached) as refused:
            raise PermissionDenied(refused.message) from refused

    guarded: Callable[..., HttpResponseBase] = login_required(page)
    return guarded
