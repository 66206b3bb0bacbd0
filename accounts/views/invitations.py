"""The page behind the link of an invitation. Public: the token is the gate.

Mail scanners follow links, so a GET joins nobody; it only remembers who is expected.
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.errors import MembershipRefused
from accounts.limits import counts_failures
from accounts.members.invitations import GONE, invitation_of, inviter, is_for
from accounts.members.joining import join, may_sign_up, remember
from accounts.models import Invitation, User
from accounts.operators.plans import PlanLimitReached


@login_not_required
@counts_failures("invitation", 404)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_page(request: HttpRequest, token: str) -> HttpResponse:
    """Who invites where, and the way in; 404 for a link that does not work."""
    invitation = invitation_of(token)
    if invitation is None:
        response = render(request, "accounts/invitation_dead.html", {"reason": GONE}, status=404)
    elif request.method == "POST":
        response = _answered(request, invitation)
    else:
        response = _page(request, invitation)
    # Nobody who finds the address should find it again by searching.
    response["X-Robots-Tag"] = "noindex"
    return response


def _answered(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Join, or sign out to come back as somebody else."""
    if not isinstance(request.user, User):
        return _page(request, invitation)
    if not is_for(invitation, request.user.email):
        logout(request)
        return redirect(request.path)
    try:
        membership = join(request, request.user, invitation)
    except (MembershipRefused, PlanLimitReached) as refused:
        shown = {"reason": refused.message}
        return render(request, "accounts/invitation_dead.html", shown, status=404)
    messages.success(request, f"Welcome to {membership.workspace.name}.")
    return redirect("/")


def _page(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    shown: dict[str, Any] = {
        "invitation": invitation,
        "who": inviter(invitation),
        "next": request.path,
    }
    if isinstance(request.user, User):
        shown["way"] = "join" if is_for(invitation, request.user.email) else "other"
    elif User.objects.filter(email__iexact=invitation.email).exists():
        shown["way"] = "sign in"
    else:
        remember(request, invitation)
        shown["way"] = "sign up" if may_sign_up(request, invitation.email) else "closed"
    return render(request, "accounts/invitation.html", shown)
