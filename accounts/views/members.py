"""Who is in a workspace: its members, their roles, and who is invited."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import queries
from accounts.errors import InvalidValue, MembershipRefused, TooManyInvitations
from accounts.members import changes as members
from accounts.members import closing, invitations
from accounts.members.forms import InviteForm, RemovalForm
from accounts.members.role_words import roles_table
from accounts.models import ApiKey, Membership
from accounts.operators.plans import PlanLimitReached
from accounts.web import SESSION_KEY, workspace_page


@workspace_page
@require_GET
def members_page(request: Any) -> HttpResponse:
    """Everybody sees who is there; who manages members changes it."""
    return _page(request)


@workspace_page
@require_POST
@never_cache
def invite(request: Any) -> HttpResponse:
    """Where no mail takes it there, the link is in this one answer and never again."""
    request.actor.require("member.manage")
    form = InviteForm(request.actor, request.POST)
    if not form.is_valid():
        return _page(request, {"invite_form": form}, status=422)
    try:
        invited = invitations.invite(request.actor, **form.cleaned_data)
    except InvalidValue as refused:
        form.refuse(refused)
    except (MembershipRefused, PlanLimitReached, TooManyInvitations) as refused:
        form.add_error(None, refused.message)
    else:
        return _invited(request, invited)
    return _page(request, {"invite_form": form}, status=422)


@workspace_page
@require_POST
@never_cache
def renew_invitation(request: Any, invitation_id: UUID) -> HttpResponse:
    """The same address and role with a new link; the old one stops."""
    request.actor.require("member.manage")
    rows = invitations.open_invitations(request.actor)
    found = get_object_or_404(rows, id=invitation_id)
    try:
        invited = invitations.invite(request.actor, email=found.email, role=found.role)
    except (InvalidValue, MembershipRefused, PlanLimitReached, TooManyInvitations) as refused:
        return _page(request, {"refusal": refused.message}, status=422)
    return _invited(request, invited)


@workspace_page
@require_POST
def revoke_invitation(request: Any, invitation_id: UUID) -> HttpResponse:
    request.actor.require("member.manage")
    rows = invitations.open_invitations(request.actor)
    found = get_object_or_404(rows, id=invitation_id)
    invitations.revoke_invitation(request.actor, found)
    messages.success(request, f"The invitation of {found.email} is taken back.")
    return redirect("members")


@workspace_page
@require_POST
def change_role(request: Any, member_id: int) -> HttpResponse:
    request.actor.require("member.manage")
    membership = _member(request, member_id)
    try:
        members.change_role(request.actor, membership, request.POST.get("role", ""))
    except (InvalidValue, MembershipRefused) as refused:
        return _page(request, {"refusal": refused.message}, status=422)
    messages.success(request, f"The role of {membership.user} is changed.")
    return redirect("members")


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page
def remove_member(request: Any, member_id: int) -> HttpResponse:
    """Asks what becomes of their API keys, and takes them out."""
    request.actor.require("member.manage")
    membership = _member(request, member_id)
    keys = ApiKey.objects.filter(
        workspace=request.workspace, created_by=membership.user, revoked_at=None
    ).count()
    form = RemovalForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            closing.end_membership(
                request.actor, membership, keys=form.cleaned_data["keys"] or "revoke"
            )
        except MembershipRefused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, f"{membership.user} is no member any more.")
            return redirect("members")
    shown = {"membership": membership, "number_of_keys": keys, "form": form}
    status = 422 if form.errors else 200
    return render(request, "accounts/members/remove.html", shown, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page
def leave(request: Any) -> HttpResponse:
    """Leave the workspace oneself."""
    request.actor.require("workspace.read")
    refusal = ""
    if request.method == "POST":
        membership = get_object_or_404(Membership, workspace=request.workspace, user=request.user)
        try:
            closing.end_membership(request.actor, membership)
        except MembershipRefused as refused:
            refusal = refused.message
        else:
            request.session.pop(SESSION_KEY, None)
            messages.success(request, f"You have left {request.workspace.name}.")
            return redirect("/")
    shown = {"refusal": refusal, "workspace": request.workspace}
    status = 422 if refusal else 200
    return render(request, "accounts/members/leave.html", shown, status=status)


def _member(request: Any, member_id: int) -> Membership:
    return get_object_or_404(queries.members(request.actor), id=member_id)


def _invited(request: Any, invited: invitations.Invited) -> HttpResponse:
    if invited.sent:
        messages.success(request, f"A mail is on its way to {invited.invitation.email}.")
        return redirect("members")
    return _page(request, {"invited": invited})


def _page(request: Any, shown: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    actor = request.actor
    context = {
        "members": queries.members(actor),
        "invitations": invitations.open_invitations(actor),
        "may_manage": actor.can("member.manage"),
        "roles": members.roles_given_by(actor),
        "may_touch_owners": actor.can("workspace.transfer"),
        "invite_form": InviteForm(actor),
        "roles_table": roles_table(),
        "workspace": request.workspace,
        **(shown or {}),
    }
    return render(request, "accounts/members/page.html", context, status=status)
