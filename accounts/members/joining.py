"""The way of an invited person: their invitation waits in the session until they have signed in."""

from uuid import UUID

from django.http import HttpRequest

from accounts.authentication.signing_up import SignupMode, is_open_to_all, signup_mode
from accounts.errors import MembershipRefused
from accounts.members.invitations import accept_invitation, is_for, live
from accounts.models import Invitation, Membership, User
from accounts.operators.plans import PlanLimitReached
from accounts.web import SESSION_KEY

#: Session key that holds the id of the invitation whose link was opened last.
INVITATION_KEY = "invitation"
#: Session key that holds the address to which that link was mailed; empty where it was handed on.
PROVEN_KEY = "invitation_mailed_to"


def remember(request: HttpRequest, invitation: Invitation) -> None:
    """Have what follows in this browser know of the invitation."""
    request.session[INVITATION_KEY] = str(invitation.id)
    # Now, and not when they sign up: inviting again by mail says nothing of this link.
    request.session[PROVEN_KEY] = invitation.email if invitation.mailed else ""


def is_proven(request: HttpRequest, email: str) -> bool:
    """Whether the link that was opened here was mailed to this address: nobody else has it.

    It says whose this address is, and nothing of any other that somebody signs up with.
    """
    told = str(request.session.get(PROVEN_KEY) or "")
    return bool(told) and told.lower() == email.lower()


def remembered(request: HttpRequest | None) -> Invitation | None:
    """The invitation whose link this browser opened, while it lets somebody in."""
    found = getattr(request, "session", {}).get(INVITATION_KEY)
    return live().filter(id=UUID(found)).first() if found else None


def may_sign_up(request: HttpRequest | None, email: str | None = None) -> bool:
    """Whether somebody may make an account, with this address where it is known already."""
    if is_open_to_all():
        return True
    if signup_mode() is not SignupMode.INVITATION:
        return False
    invitation = remembered(request)
    return invitation is not None and (email is None or is_for(invitation, email))


def join_remembered(request: HttpRequest, user: User) -> Membership | None:
    """Have a new person join what they were invited to; None where they were not, or it is full."""
    invitation = remembered(request)
    if invitation is None or not is_for(invitation, user.email):
        return None
    try:
        return join(request, user, invitation)
    except (MembershipRefused, PlanLimitReached):
        return None


def join(request: HttpRequest, user: User, invitation: Invitation) -> Membership:
    """Accept, and have the pages that follow show the workspace.

    Raises MembershipRefused, PlanLimitReached.
    """
    membership = accept_invitation(user, invitation)
    request.session.pop(INVITATION_KEY, None)
    request.session[SESSION_KEY] = str(membership.workspace_id)
    return membership
