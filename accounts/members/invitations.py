"""Invitations: somebody is asked by e-mail, or by a link that is handed on, to join a workspace."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.errors import InvalidValue, MembershipRefused, TooManyInvitations
from accounts.limits import counted
from accounts.members.changes import check_role
from accounts.models import Invitation, Membership, Role, User, Workspace
from accounts.operators.plans import check_members
from accounts.permissions import Actor
from accounts.services import audit, token_digest

logger = logging.getLogger(__name__)
#: How long a link works, and how many of a workspace may be open at once.
LIFETIME = timedelta(days=7)
MOST = 100
GONE = "This invitation was used, taken back or is over. Ask for a new one."
OTHERS = "This invitation is for another address than the one you are signed in with."


@dataclass(frozen=True)
class Invited:
    """An invitation and its link; `sent`: a mail took it there, so that nobody else need see it."""

    invitation: Invitation
    link: str
    sent: bool


def invite(actor: Actor, *, email: str, role: str) -> Invited:
    """Ask somebody to join; the same address again gets a new link, and the old one stops.

    The mail is sent after the commit; where none reaches people, it fails, or the address had its
    mails of the day, the link is to be handed on. Raises InvalidValue, MembershipRefused,
    PermissionRefused, PlanLimitReached and TooManyInvitations.
    """
    actor.require("member.manage")
    check_role(actor, role)
    if role == Role.OWNER:
        raise InvalidValue("role", "Nobody is invited as an owner: make a member one later.")
    address = _address(email)
    if _is_member(actor.workspace_id, address):
        raise InvalidValue("email", f"{address} is a member already. Change their role instead.")
    check_members(actor.workspace_id)
    if settings.FLUX_MAIL_REACHES_PEOPLE:
        _check_rates(actor, address)
    token = secrets.token_urlsafe(32)
    invitation = _renewed(actor, address, role, token)
    link = settings.FLUX_PUBLIC_URL.rstrip("/") + reverse("invitation", args=[token])
    sent = _mailed(actor, invitation, link)
    if sent:
        # Only while this link is the one that works: who renewed meanwhile may have been shown
        # theirs, and a mailed link stands for the address.
        same = Invitation.objects.filter(id=invitation.id, digest=invitation.digest)
        invitation.mailed = bool(same.update(mailed=True))
    return Invited(invitation, link, sent)


def _check_rates(actor: Actor, address: str) -> None:
    """Count one more mail by what this workspace sent: nobody writes to the whole world."""
    sender = f"{actor.workspace_id}:{actor.person_id or actor.api_key_id}"
    if wait := counted("invitations", sender):
        raise TooManyInvitations(
            f"You have sent as many invitations as one person may. Go on in {_spoken(wait)}.", wait
        )
    # A second click would end the link that is in the mail.
    if wait := counted("invited_address", f"{actor.workspace_id}:{address}"):
        raise TooManyInvitations(
            f"{address} was invited from here a moment ago. Invite them again in {_spoken(wait)}, "
            "if need be: a new link ends the one of before.",
            wait,
        )


def _spoken(seconds: int) -> str:
    """A wait in the largest unit that it fills."""
    units = (("hour", 3600), ("minute", 60), ("second", 1))
    unit, size = next(one for one in units if seconds >= one[1])
    number = ceil(seconds / size)
    return f"{number} {unit}" + ("" if number == 1 else "s")


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise InvalidValue("email", "Write an e-mail address, as in ada@example.com.") from None
    if len(address) > 254:
        raise InvalidValue("email", "An e-mail address has 254 characters at most.")
    return address


def _is_member(workspace_id: UUID, address: str) -> bool:
    rows = Membership.objects.filter(workspace_id=workspace_id, user__email__iexact=address)
    return rows.exists()


def _renewed(actor: Actor, address: str, role: str, token: str) -> Invitation:
    """The row; two who invite the same address at once get one."""
    now = timezone.now()
    values = {
        "role": role,
        "digest": token_digest(token),
        "mailed": False,
        "invited_by_id": actor.user_id,
        "expires_at": now + LIFETIME,
    }
    with transaction.atomic():
        # Held: who invites at the same moment counts what is open after us.
        Workspace.objects.select_for_update(no_key=True).get(id=actor.workspace_id)
        mine = Invitation.objects.filter(
            workspace_id=actor.workspace_id, accepted_at=None, revoked_at=None
        )
        mine.filter(expires_at__lte=now).exclude(email=address).delete()
        known = mine.filter(email=address)
        if known.exists():
            known.update(**values)
            invitation, action = known.get(), "invitation.renew"
        else:
            if mine.count() >= MOST:
                raise MembershipRefused(
                    f"{MOST} invitations are open, which is the limit. Take some back first."
                )
            invitation = Invitation.objects.create(
                workspace_id=actor.workspace_id, email=address, **values
            )
            action = "invitation.create"
        audit(actor, action, invitation, email=address, role=role)
    return invitation


def _mailed(actor: Actor, invitation: Invitation, link: str) -> bool:
    """Whether a mail server took the mail with the link.

    An address is counted over all workspaces, for it is whose address it is that is protected.
    Where it had its mails, nobody is refused and nobody is told: else one workspace could keep the
    others from inviting somebody, and they would learn that it did.
    """
    if not settings.FLUX_MAIL_REACHES_PEOPLE or counted("invited_address_daily", invitation.email):
        return False
    workspace = " ".join(invitation.workspace.name.split())
    who = inviter(invitation)
    shown = {"invitation": invitation, "workspace": workspace, "who": who, "link": link}
    mail = EmailMessage(
        f"Join {workspace} on FluxPrompt",
        render_to_string("accounts/invitation_mail.txt", shown),
        settings.DEFAULT_FROM_EMAIL,
        [invitation.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    try:
        return bool(mail.send())
    except OSError as error:  # smtplib's errors among them
        logger.warning("The mail of invitation %s was not sent: %s", invitation.id, error)
        return False


def inviter(invitation: Invitation) -> str:
    """Who invites, as people read it; with their address, for names are anybody's choice."""
    by = invitation.invited_by
    if by is None:
        return "Somebody"
    return f"{by.name} ({by.email})" if by.name else by.email


def revoke_invitation(actor: Actor, invitation: Invitation) -> None:
    """Take an invitation back: its link stops at once. Twice is the same as once."""
    actor.require("member.manage")
    with transaction.atomic():
        rows = Invitation.objects.filter(id=invitation.id, accepted_at=None, revoked_at=None)
        if rows.update(revoked_at=timezone.now()):
            audit(actor, "invitation.revoke", invitation, email=invitation.email)


def open_invitations(actor: Actor) -> QuerySet[Invitation]:
    """Those that are neither used nor taken back, the newest first; for who manages members."""
    rows = Invitation.objects.select_related("invited_by").order_by("-created_at", "-id")
    if not actor.can("member.manage"):
        return rows.none()
    return rows.filter(workspace_id=actor.workspace_id, accepted_at=None, revoked_at=None)


def live(now: datetime | None = None) -> QuerySet[Invitation]:
    """Those that still let somebody in, of every workspace."""
    rows = Invitation.objects.select_related("workspace", "invited_by")
    return rows.filter(accepted_at=None, revoked_at=None, expires_at__gt=now or timezone.now())


def invitation_of(token: str) -> Invitation | None:
    """The invitation that a link leads to, while it lets somebody in."""
    return live().filter(digest=token_digest(token)).first()


def is_for(invitation: Invitation, email: str) -> bool:
    """Whether it was sent to this address."""
    return invitation.email == email.strip().lower()


def accept_invitation(user: User, invitation: Invitation) -> Membership:
    """Join the workspace; who is in it already stays as they are.

    Raises MembershipRefused, PlanLimitReached.
    """
    if not is_for(invitation, user.email):
        raise MembershipRefused(OTHERS)
    try:
        with transaction.atomic():
            _hold_around(invitation, user)
            held = live().select_for_update(of=("self",)).filter(id=invitation.id).first()
            if held is None:
                raise MembershipRefused(GONE)
            if not held.workspace.memberships.filter(user=user).exists():
                check_members(held.workspace_id)
            Invitation.objects.filter(id=held.id).update(accepted_at=timezone.now())
            membership, joined = Membership.objects.get_or_create(
                workspace=held.workspace,
                user=user,
                defaults={"role": held.role, "invited_by": held.invited_by},
            )
            if joined:
                actor = Actor(held.workspace_id, str(user), frozenset(), user_id=user.id)
                details = {"email": user.email, "role": held.role}
                audit(actor, "member.join", membership, **details)
    except IntegrityError:
        raise MembershipRefused(GONE) from None
    return membership


def _hold_around(invitation: Invitation, user: User) -> None:
    """What is locked before an invitation that is accepted, in the order of everybody else.

    The workspace, as by whoever renews one: two who join at once are counted one after the other,
    and nobody joins what is being closed. Then who joins and who invited, whom the membership will
    name: where an account is deleted, it is held before its invitations go.
    """
    workspaces = Workspace.objects.select_for_update(no_key=True)
    list(workspaces.filter(id=invitation.workspace_id).values_list("id"))
    people = User.objects.select_for_update(no_key=True).order_by("id")
    list(people.filter(id__in=[user.id, invitation.invited_by_id]).values_list("id"))
