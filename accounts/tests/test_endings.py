"""Memberships that end, and whom nobody takes out."""

import pytest

from accounts import hooks
from accounts.errors import MembershipRefused
from accounts.members.closing import LAST_OWNER, end_membership
from accounts.models import ApiKey, AuditEvent, Membership, Role, User, Workspace
from accounts.permissions import Actor, PermissionRefused, key_actor, member_actor, system_actor
from accounts.services import create_api_key


def joined(workspace: Workspace, role: Role, name: str = "") -> tuple[Membership, Actor]:
    user = User.objects.create_user(f"{name or role}@example.com", "x")
    membership = Membership.objects.create(workspace=workspace, user=user, role=role)
    actor = member_actor(user, workspace)
    assert actor is not None
    return membership, actor


def test_somebody_is_taken_out_and_their_keys_stop(
    workspace: Workspace, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(hooks, "_membership_ended", [])
    hooks.on_membership_ended(lambda where, who: told.append(f"{who.email} of {where.name}"))
    membership, theirs = joined(workspace, Role.ADMIN)
    key, _ = create_api_key(theirs, name="ci")
    end_membership(actor, membership)
    assert not Membership.objects.filter(id=membership.id).exists()
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert told == ["admin@example.com of Analytical Engines"]
    event = AuditEvent.objects.get(action="member.remove")
    assert event.user_id == actor.user_id
    assert event.details == {
        "email": "admin@example.com",
        "role": "admin",
        "keys": "revoked",
        "number_of_keys": 1,
    }


def test_keys_are_taken_over_where_whoever_takes_out_says_so(
    workspace: Workspace, actor: Actor
) -> None:
    membership, theirs = joined(workspace, Role.ADMIN)
    key, _ = create_api_key(theirs, name="ci")
    end_membership(actor, membership, keys="take")
    key = ApiKey.objects.get(id=key.id)
    assert (key.revoked_at, key.created_by_id) == (None, actor.user_id)


def test_a_key_that_is_taken_over_gets_back_nothing_that_a_demotion_took(
    workspace: Workspace, actor: Actor
) -> None:
    membership, theirs = joined(workspace, Role.ADMIN)
    key, _ = create_api_key(theirs, name="ci", scopes=["flows:read", "flows:write", "keys:write"])
    writing, _ = create_api_key(theirs, name="writes", scopes=["runs:write", "audit:read"])
    Membership.objects.filter(id=membership.id).update(role=Role.VIEWER)
    end_membership(actor, membership, keys="take")
    key = ApiKey.objects.get(id=key.id)
    assert (key.scopes, key.revoked_at, key.created_by_id) == (["flows:read"], None, actor.user_id)
    assert ApiKey.objects.get(id=writing.id).revoked_at is not None
    details = AuditEvent.objects.get(action="member.remove").details
    assert (details["number_of_keys"], details["number_of_revoked_keys"]) == (1, 1)


def test_a_key_that_manages_is_not_taken_over_for_who_leaves_still_knows_it(
    workspace: Workspace, actor: Actor
) -> None:
    membership, theirs = joined(workspace, Role.ADMIN)
    key, _ = create_api_key(theirs, name="ci", scopes=["flows:read", "members:write"])
    end_membership(actor, membership, keys="take")
    key = ApiKey.objects.get(id=key.id)
    assert key.revoked_at is not None
    assert key.created_by_id == membership.user_id


def test_everybody_may_leave_but_the_last_owner(workspace: Workspace, actor: Actor) -> None:
    membership, theirs = joined(workspace, Role.VIEWER)
    end_membership(theirs, membership)
    own = workspace.memberships.get(role=Role.OWNER)
    with pytest.raises(MembershipRefused, match="keeps an owner"):
        end_membership(actor, own)
    joined(workspace, Role.OWNER)
    end_membership(actor, own)
    assert Membership.objects.get(workspace=workspace).user.email == "owner@example.com"


def test_not_even_the_system_takes_out_the_last_owner(workspace: Workspace) -> None:
    with pytest.raises(MembershipRefused) as refused:
        end_membership(system_actor(workspace.id), workspace.memberships.get())
    assert refused.value.message == LAST_OWNER


def test_an_admin_takes_out_no_owner_and_a_key_no_admin(workspace: Workspace) -> None:
    _, admin = joined(workspace, Role.ADMIN)
    other, _ = joined(workspace, Role.OWNER)
    with pytest.raises(MembershipRefused, match="Only an owner"):
        end_membership(admin, other)
    made, _ = create_api_key(admin, name="ci")
    key = key_actor(workspace.id, made.id, "ci", ["keys:write"])
    with pytest.raises(PermissionRefused):
        end_membership(key, other)


@pytest.mark.parametrize("role", [Role.BUILDER, Role.VIEWER])
def test_who_manages_no_members_takes_nobody_out(workspace: Workspace, role: Role) -> None:
    _, theirs = joined(workspace, role)
    other, _ = joined(workspace, Role.VIEWER, "other")
    with pytest.raises(PermissionRefused):
        end_membership(theirs, other)


def test_a_membership_that_is_over_says_so(workspace: Workspace, actor: Actor) -> None:
    membership, _ = joined(workspace, Role.VIEWER)
    end_membership(actor, membership)
    with pytest.raises(MembershipRefused, match="no member any more"):
        end_membership(actor, membership)
