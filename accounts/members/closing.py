"""Endings: a workspace that is closed with all that is in it, a membership that is over."""

from typing import Literal
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import hooks
from accounts.errors import MembershipRefused
from accounts.models import ApiKey, Membership, RateCount, Role, Workspace
from accounts.permissions import (
    MANAGING_SCOPES,
    ROLE_ACTIONS,
    SCOPE_ACTIONS,
    Actor,
    still_may,
)
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
        rows = Workspace.objects.filter(id=workspace.id)
        # First without its key: whoever starts a run or records a step holds rows that go now, and
        # asks for the key at their commit.
        list(rows.select_for_update(no_key=True).values_list("id"))
        hooks.workspace_closing(workspace)
        # From here on nothing new is written that belongs to it.
        held = rows.select_for_update().get()
        members = held.memberships.count()
        audit(actor, "workspace.delete", held, name=held.name, slug=held.slug, members=members)
        keys = ApiKey.objects.filter(workspace=held).values_list("id", flat=True)
        RateCount.objects.filter(key__in=list(keys)).delete()
        held.delete()


def end_membership(actor: Actor, membership: Membership, *, keys: Keys = "revoke") -> None:
    """Take somebody out of a workspace, or leave it oneself.

    Their API keys are revoked, or taken over by who takes them out: with what their role allows
    now, and none that manages the workspace, for they still know the tokens. An admin does not
    touch an owner, and the last owner stays. Raises MembershipRefused, PermissionRefused.
    """
    own = actor.user_id is not None and membership.user_id == actor.user_id
    if not own:
        actor.require("member.manage")
    with transaction.atomic():
        held = hold_membership(actor, membership)
        if not own:
            check_may_touch(actor, held)
        check_not_last_owner(held)
        taker = actor.user_id if keys == "take" and not own else None
        audit(
            actor,
            "member.leave" if own else "member.remove",
            held,
            email=held.user.email,
            role=held.role,
            **_end_keys(held, taker),
        )
        hooks.membership_ended(held.workspace, held.user)
        held.delete()


def _end_keys(membership: Membership, taker: UUID | None) -> dict[str, str | int]:
    """Hand their keys over to the taker, and revoke the others; what the trail says of it."""
    made = ApiKey.objects.filter(
        workspace_id=membership.workspace_id, created_by_id=membership.user_id, revoked_at=None
    )
    taken = _take_over(made, taker, ROLE_ACTIONS[membership.role]) if taker else 0
    revoked = made.update(revoked_at=timezone.now())
    if taker is None:
        return {"keys": "revoked", "number_of_keys": revoked}
    return {"keys": "taken over", "number_of_keys": taken, "number_of_revoked_keys": revoked}


def _take_over(keys: QuerySet[ApiKey], taker: UUID, allowed: frozenset[str]) -> int:
    """How many keys go on as the taker's; the others are left as they are, to be revoked.

    A key reaches as far as its maker's role: with a higher one it would get back what a demotion
    took from it.
    """
    taken = 0
    for key in keys.select_for_update():
        known = [name for name in key.scopes if name in SCOPE_ACTIONS]
        kept = [name for name in known if SCOPE_ACTIONS[name] <= allowed]
        if not kept or MANAGING_SCOPES & set(kept):
            continue
        key.scopes, key.created_by_id = kept, taker
        key.save(update_fields=["scopes", "created_by"])
        taken += 1
    return taken


def hold_membership(actor: Actor, membership: Membership) -> Membership:
    """It as it is now, while nobody else joins, leaves or gets another role in its workspace.

    The workspace is held first, as where an account is deleted. Raises MembershipRefused where the
    membership is over already, or the actor came to manage no members while they waited.
    """
    workspaces = Workspace.objects.select_for_update(no_key=True)
    list(workspaces.filter(id=membership.workspace_id).values_list("id"))
    rows = Membership.objects.select_for_update(of=("self",)).select_related("user", "workspace")
    held = rows.filter(id=membership.id).first()
    if held is None:
        raise MembershipRefused("This person is no member any more.")
    # Operators act from outside, without a membership that could have changed.
    is_other = actor.person_id is not None and held.user_id != actor.user_id
    if is_other and not still_may(actor, "member.manage"):
        raise MembershipRefused("You manage these members no more. Ask an owner.")
    return held


def check_may_touch(actor: Actor, membership: Membership) -> None:
    """Who manages members, but owns nothing, leaves the owners as they are; so does every key."""
    if membership.role == Role.OWNER and not actor.can("workspace.transfer"):
        raise MembershipRefused("Only an owner changes what owners may do, or takes one out.")
    if actor.api_key_id is not None and membership.role == Role.ADMIN:
        raise MembershipRefused("No API key touches admins. Do it in the browser.")


def check_not_last_owner(membership: Membership) -> None:
    """Call with the membership held. Raises MembershipRefused."""
    others = Membership.objects.filter(
        workspace_id=membership.workspace_id, role=Role.OWNER
    ).exclude(id=membership.id)
    if membership.role == Role.OWNER and not others.exists():
        raise MembershipRefused(LAST_OWNER)
