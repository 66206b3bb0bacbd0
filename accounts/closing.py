"""Endings: a workspace that is closed with all that is in it, a membership that is over."""

from typing import Literal

from django.db import transaction
from django.utils import timezone

from accounts import hooks
from accounts.errors import MembershipRefused
from accounts.models import ApiKey, KeyRate, Membership, Role, Workspace
from accounts.permissions import Actor
from accounts.services import audit

LAST_OWNER = "A workspace keeps an owner. Make another member owner first, or delete the workspace."

#: What becomes of the API keys that somebody made who is in it no more.
type Keys = Literal["revoke", "take"]


def close_workspace(actor: Actor, workspace: Workspace) -> None:
    """Delete a workspace with everything in it, for ever; only its audit trail stays.

    Its runs are stopped at once. Other apps do their part by `hooks.on_workspace_closing`. Raises
    PermissionRefused.
    """
    actor.require("workspace.delete")
    with transaction.atomic():
        # First: whoever records a step holds its run, and then asks for the workspace.
        hooks.workspace_closing(workspace)
        # From here on nothing new is written that belongs to it.
        held = Workspace.objects.select_for_update().get(id=workspace.id)
        audit(actor, "workspace.delete", held, name=held.name, slug=held.slug)
        keys = ApiKey.objects.filter(workspace=held).values_list("id", flat=True)
        KeyRate.objects.filter(key__in=list(keys)).delete()
        held.delete()


def end_membership(actor: Actor, membership: Membership, *, keys: Keys = "revoke") -> None:
    """Take somebody out of a workspace, or leave it oneself.

    Their API keys are revoked, or taken over by who takes them out. An admin does not touch an
    owner, and the last owner stays. Raises MembershipRefused, PermissionRefused.
    """
    own = actor.user_id is not None and membership.user_id == actor.user_id
    if not own:
        actor.require("member.manage")
    with transaction.atomic():
        held = hold_membership(membership)
        if not own:
            check_may_touch(actor, held)
        check_not_last_owner(held)
        made = ApiKey.objects.filter(workspace_id=held.workspace_id, created_by_id=held.user_id)
        taken_over = keys == "take" and not own and actor.user_id is not None
        if taken_over:
            told = made.filter(revoked_at=None).update(created_by_id=actor.user_id)
        else:
            told = made.filter(revoked_at=None).update(revoked_at=timezone.now())
        audit(
            actor,
            "member.leave" if own else "member.remove",
            held,
            email=held.user.email,
            role=held.role,
            keys="taken over" if taken_over else "revoked",
            number_of_keys=told,
        )
        hooks.membership_ended(held.workspace, held.user)
        held.delete()


def hold_membership(membership: Membership) -> Membership:
    """It as it is now, locked with all owners' of its workspace: two of them never both go.

    Raises MembershipRefused where it is over already.
    """
    owners = Membership.objects.filter(workspace_id=membership.workspace_id, role=Role.OWNER)
    list(owners.select_for_update().order_by("id").values_list("id"))
    rows = Membership.objects.select_for_update(of=("self",)).select_related("user", "workspace")
    held = rows.filter(id=membership.id).first()
    if held is None:
        raise MembershipRefused("This person is no member any more.")
    return held


def check_may_touch(actor: Actor, membership: Membership) -> None:
    """Who manages members, but owns nothing, leaves the owners as they are; so does every key."""
    if membership.role == Role.OWNER and not actor.can("workspace.transfer"):
        raise MembershipRefused("Only an owner changes what owners may do, or takes one out.")
    if actor.api_key_id is not None and membership.role == Role.ADMIN:
        raise MembershipRefused("No API key touches admins. Do it in the browser.")


def check_not_last_owner(membership: Membership) -> None:
    """Call with the owners' memberships locked. Raises MembershipRefused."""
    others = Membership.objects.filter(
        workspace_id=membership.workspace_id, role=Role.OWNER
    ).exclude(id=membership.id)
    if membership.role == Role.OWNER and not others.exists():
        raise MembershipRefused(LAST_OWNER)
