"""Changes of who may do what in a workspace: roles, and the handing over of it."""

from django.db import transaction

from accounts.errors import InvalidValue, MembershipRefused
from accounts.members.closing import check_may_touch, check_not_last_owner, hold_membership
from accounts.models import Membership, Role
from accounts.permissions import Actor
from accounts.services import audit

#: From the least to the most.
RANKS = [Role.VIEWER, Role.BUILDER, Role.ADMIN, Role.OWNER]


def change_role(actor: Actor, membership: Membership, role: str) -> Membership:
    """Give a member another role; the same one changes nothing.

    Nobody raises themselves, admins leave owners as they are, and one owner stays. Raises
    InvalidValue, MembershipRefused, PermissionRefused.
    """
    actor.require("member.manage")
    check_role(actor, role)
    with transaction.atomic():
        held = hold_membership(actor, membership)
        check_may_touch(actor, held)
        before = held.role
        if before == role:
            return held
        if held.user_id == actor.user_id and RANKS.index(Role(role)) > RANKS.index(Role(before)):
            raise MembershipRefused("Nobody gives themselves a higher role. Ask an owner.")
        if role != Role.OWNER:
            check_not_last_owner(held)
        held.role = role
        held.save(update_fields=["role"])
        audit(actor, "member.change", held, email=held.user.email, role=role, before=before)
    return held


def roles_given_by(actor: Actor) -> list[Role]:
    """The roles that this actor gives to others, the highest first."""
    given = []
    for role in reversed(RANKS):
        try:
            check_role(actor, role)
        except MembershipRefused:
            continue
        given.append(role)
    return given


def check_role(actor: Actor, role: str) -> None:
    """Whether this actor gives this role to anybody. Raises InvalidValue, MembershipRefused."""
    if role not in Role.values:
        raise InvalidValue("role", f"Choose one of {', '.join(Role.values)}.")
    if role == Role.OWNER and not actor.can("workspace.transfer"):
        raise MembershipRefused("Only an owner makes somebody an owner.")
    if actor.api_key_id is not None and role == Role.ADMIN:
        # A key that manages members would else make one who may what the key may not.
        raise MembershipRefused("No API key makes somebody an admin. Do it in the browser.")


def transfer_workspace(actor: Actor, membership: Membership) -> None:
    """Make another member the owner in one's own place; who hands over stays as an admin.

    Raises MembershipRefused, PermissionRefused.
    """
    actor.require("workspace.transfer")
    with transaction.atomic():
        held = hold_membership(actor, membership)
        owners = Membership.objects.filter(workspace_id=held.workspace_id, role=Role.OWNER)
        mine = next((row for row in owners if row.user_id == actor.user_id), None)
        if mine is None:
            raise MembershipRefused("Only an owner hands a workspace over.")
        if mine.id == held.id:
            raise MembershipRefused("Choose another member: this is you.")
        Membership.objects.filter(id=held.id).update(role=Role.OWNER)
        Membership.objects.filter(id=mine.id).update(role=Role.ADMIN)
        audit(actor, "workspace.transfer", held.workspace, email=held.user.email, before=held.role)
