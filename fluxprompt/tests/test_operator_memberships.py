"""Memberships in the console end and change as in the product: keys stop, and an owner stays."""

from typing import Any

import pytest
from django.test import Client

from accounts.members.closing import LAST_OWNER
from accounts.models import ApiKey, AuditEvent, Membership, Role, User, Workspace
from flows.models import FlowShare
from fluxprompt.tests.rows_for_tests import World

TABLE = "/admin/accounts/membership/"


@pytest.fixture
def owner(world: World) -> Membership:
    """Who has a key and whom a flow is shared with."""
    found = Membership.objects.get(workspace=world.workspace)
    assert FlowShare.objects.filter(user=found.user).exists()
    assert ApiKey.objects.filter(created_by=found.user, revoked_at=None).exists()
    return found


def _another(world: World, role: str) -> Membership:
    user = User.objects.create_user("second@example.com", "x")
    return Membership.objects.create(workspace=world.workspace, user=user, role=role)


def _inline(*rows: Membership, **changed: Any) -> dict[str, str]:
    """The rows as the form below a workspace or person sends them; `changed` by number and name."""
    sent = {
        "memberships-TOTAL_FORMS": str(len(rows)),
        "memberships-INITIAL_FORMS": str(len(rows)),
    }
    for number, row in enumerate(rows):
        own = {"id": row.pk, "workspace": row.workspace_id, "user": row.user_id, "role": row.role}
        sent |= {f"memberships-{number}-{name}": str(value) for name, value in own.items()}
    return sent | {f"memberships-{name[1:]}": value for name, value in changed.items()}


def _below(desk: Client, workspace: Workspace, sent: dict[str, str]) -> str:
    page = f"/admin/accounts/workspace/{workspace.id}/change/"
    form = desk.get(page).context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    own = {name: str(value) for name, value in shown.items() if value not in (None, False)}
    answer = desk.post(page, {**own, **sent}, follow=True)
    assert answer.redirect_chain, answer.context["errors"]
    return str(answer.content.decode())


def _is_over(row: Membership) -> bool:
    gone = not Membership.objects.filter(id=row.id).exists()
    keys = ApiKey.objects.filter(workspace=row.workspace_id, created_by=row.user_id)
    stopped = not keys.filter(revoked_at=None).exists()
    forgotten = not FlowShare.objects.filter(user=row.user_id).exists()
    assert gone == stopped == forgotten
    return gone


def _ways_out(desk: Client, row: Membership) -> dict[str, Any]:
    chosen = {"action": "delete_selected", "_selected_action": str(row.id), "post": "yes"}
    others = [one for one in Membership.objects.filter(workspace=row.workspace) if one != row]
    below = _inline(row, *others, **{"_0-DELETE": "on"})
    return {
        "page": lambda: desk.post(f"{TABLE}{row.id}/delete/", {"post": "yes"}, follow=True),
        "action": lambda: desk.post(TABLE, chosen, follow=True),
        "below the workspace": lambda: _below(desk, row.workspace, below),
    }


WAYS = ("page", "action", "below the workspace")


@pytest.mark.parametrize("way", WAYS)
def test_a_membership_that_ends_stops_its_keys_and_shares(
    desk: Client, world: World, owner: Membership, way: str
) -> None:
    _another(world, Role.OWNER)
    _ways_out(desk, owner)[way]()
    assert _is_over(owner)
    event = AuditEvent.objects.get(action="member.remove")
    assert (event.actor, event.workspace_id) == ("operator root@example.com", world.workspace.id)


@pytest.mark.parametrize("way", WAYS)
def test_the_last_owner_stays_and_the_page_says_so(
    desk: Client, world: World, owner: Membership, way: str
) -> None:
    _another(world, Role.BUILDER)
    answer = _ways_out(desk, owner)[way]()
    text = answer if isinstance(answer, str) else answer.content.decode()
    assert LAST_OWNER in text
    assert "uccessfully" not in text
    assert not _is_over(owner)
    written = AuditEvent.objects.filter(target_type="accounts.membership")
    assert not written.filter(target_id=str(owner.id)).exists()


def test_the_last_owner_stays_one(desk: Client, world: World, owner: Membership) -> None:
    page, sent = f"{TABLE}{owner.id}/change/", {"role": "viewer"}
    assert LAST_OWNER in desk.post(page, sent, follow=True).content.decode()
    below = _inline(owner, **{"_0-role": "viewer"})
    assert LAST_OWNER in _below(desk, world.workspace, below)
    owner.refresh_from_db()
    assert owner.role == Role.OWNER


def test_one_owner_follows_another_in_one_form(
    desk: Client, world: World, owner: Membership
) -> None:
    other = _another(world, Role.BUILDER)
    below = _inline(owner, other, **{"_0-role": "viewer", "_1-role": "owner"})
    _below(desk, world.workspace, below)
    here = Membership.objects.filter(workspace=world.workspace)
    roles = dict(here.values_list("user__email", "role"))
    assert roles == {owner.user.email: "viewer", other.user.email: "owner"}
    told = AuditEvent.objects.filter(action="member.change")
    assert {event.actor for event in told} == {"operator root@example.com"}


def test_a_membership_is_not_handed_to_somebody_else(
    desk: Client, world: World, owner: Membership
) -> None:
    other = User.objects.create_user("other@example.com", "x")
    filled = {"user": str(other.id), "workspace": str(owner.workspace_id), "role": "owner"}
    desk.post(f"{TABLE}{owner.id}/change/", filled)
    _below(desk, world.workspace, _inline(owner, **{"_0-user": str(other.id)}))
    assert Membership.objects.get(id=owner.id).user_id == owner.user_id
