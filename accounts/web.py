"""Who a signed-in browser is: the current workspace and the actor that pages hand to services."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from accounts.models import Membership, User, Workspace
from accounts.operators.plans import PlanLimitReached
from accounts.permissions import Actor, PermissionRefused, as_member

#: Session key that holds the id of the chosen workspace.
SESSION_KEY = "workspace"

NO_WORKSPACE = "You are in no workspace. Ask an owner or admin of one to add you."


def _memberships(user: User) -> list[Membership]:
    rows = Membership.objects.filter(user=user).select_related("workspace")
    return list(rows.order_by("created_at"))


def membership_of(user: User, chosen: object = None) -> Membership | None:
    """The person's membership in the chosen workspace (its id), else in their first one."""
    return _chosen(_memberships(user), chosen)


def _chosen(memberships: list[Membership], chosen: object) -> Membership | None:
    for membership in memberships:
        if str(membership.workspace_id) == str(chosen):
            return membership
    return memberships[0] if memberships else None


def member(user: User, chosen: object = None) -> tuple[Workspace, Actor] | None:
    """The workspace and the actor of a signed-in person; one query. Used by sockets too."""
    membership = membership_of(user, chosen)
    return None if membership is None else _as_actor(user, membership)


def _as_actor(user: User, membership: Membership) -> tuple[Workspace, Actor]:
    return membership.workspace, as_member(membership, user)


def _current(request: HttpRequest) -> tuple[Workspace, Actor]:
    found = getattr(request, "_flux_member", None) or find_member(request)
    if found is None:
        raise PermissionDenied(NO_WORKSPACE)
    request._flux_member = found  # type: ignore[attr-defined]
    workspace, actor = found
    return workspace, actor


def find_member(request: HttpRequest) -> tuple[Workspace, Actor] | None:
    """The workspace and actor of the signed-in person; None where they are in none.

    Sets `request.workspaces`, all of theirs, of which the sidebar lets them choose.
    """
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    memberships = _memberships(request.user)
    request.workspaces = [row.workspace for row in memberships]  # type: ignore[attr-defined]
    chosen = _chosen(memberships, request.session.get(SESSION_KEY))
    return None if chosen is None else _as_actor(request.user, chosen)


def workspace_for(request: HttpRequest) -> Workspace:
    """The current workspace of the signed-in person. PermissionDenied where they have none."""
    return _current(request)[0]


def actor_for(request: HttpRequest) -> Actor:
    """The signed-in person as an actor in their current workspace."""
    return _current(request)[1]


def workspace_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page for members: login required; sets `request.workspace` and `request.actor`.

    Who is in no workspace (any more) is sent to make one. What the actor may not do, or the plan
    does not allow, becomes a 403 page with the sentence that says what would help.
    """

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            request.workspace, request.actor = _current(request)  # type: ignore[attr-defined]
        except PermissionDenied:
            if request.method == "GET" and isinstance(request.user, User):
                return redirect("workspace-new")
            raise
        try:
            return view(request, *args, **kwargs)
        except (PermissionRefused, PlanLimitReached) as refused:
            raise PermissionDenied(refused.message) from refused

    guarded: Callable[..., HttpResponseBase] = login_required(page)
    return guarded
