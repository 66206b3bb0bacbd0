"""Members and invitations by the API, and keys that lose what their maker loses."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Invitation, Membership, Role, User, Workspace
from accounts.permissions import SCOPE_ACTIONS, Actor, key_actor, still_may
from accounts.services import create_api_key

API = "/api/v1/"


@pytest.fixture
def grace(workspace: Workspace) -> Membership:
    user = User.objects.create_user("grace@example.com", "x", name="Grace")
    return Membership.objects.create(workspace=workspace, user=user, role=Role.BUILDER)


def client_with(actor: Actor, *scopes: str) -> Client:
    _, token = create_api_key(actor, name="k", scopes=scopes or tuple(SCOPE_ACTIONS))
    return Client(headers={"Authorization": f"Bearer {token}"})


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(API + path, body, content_type="application/json")


def test_members_are_listed_changed_and_taken_out(actor: Actor, grace: Membership) -> None:
    client = client_with(actor, "members:write")
    listed = client.get(f"{API}members").json()["results"]
    assert [row["email"] for row in listed] == ["grace@example.com", "ada@example.com"]
    assert listed[0]["role"] == "builder"
    changed = send(client, "patch", f"members/{grace.id}", {"role": "viewer"})
    assert changed.json()["role"] == "viewer"
    assert client.delete(f"{API}members/{grace.id}").status_code == 204
    assert client.delete(f"{API}members/{grace.id}").status_code == 404


def test_a_key_makes_no_admin_and_touches_neither_admins_nor_owners(
    actor: Actor, grace: Membership
) -> None:
    client = client_with(actor, "members:write")
    answer = send(client, "patch", f"members/{grace.id}", {"role": "admin"})
    assert (answer.status_code, answer.json()["code"]) == (409, "membership_refused")
    Membership.objects.filter(id=grace.id).update(role=Role.ADMIN)
    assert client.delete(f"{API}members/{grace.id}").status_code == 409
    own = Membership.objects.get(workspace_id=actor.workspace_id, role=Role.OWNER)
    assert client.delete(f"{API}members/{own.id}").status_code == 409
    assert send(client, "patch", f"members/{own.id}", {"role": "viewer"}).status_code == 409


def test_invitations_are_made_listed_and_taken_back(actor: Actor, settings: Any) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = False
    client = client_with(actor, "members:write")
    body = {"email": "new@example.com", "role": "viewer"}
    made = send(client, "post", "invitations", body)
    assert made.status_code == 201
    assert "/invitations/" in made.json()["link"]
    assert "link" not in client.get(f"{API}invitations").json()["results"][0]
    assert client.delete(f"{API}invitations/{made.json()['id']}").status_code == 204
    assert client.get(f"{API}invitations").json()["results"] == []
    assert Invitation.objects.get().revoked_at is not None
    wrong = send(client, "post", "invitations", {"email": "nobody", "role": "viewer"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["path"] == "email"


def test_default_keys_manage_no_members(actor: Actor) -> None:
    _, token = create_api_key(actor, name="plain")
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.get(f"{API}members").status_code == 403
    reading = client_with(actor, "members:read")
    assert reading.get(f"{API}members").status_code == 200
    assert send(reading, "post", "invitations", {}).status_code == 403


def test_a_key_loses_what_its_maker_loses_at_once(actor: Actor, workspace: Workspace) -> None:
    client = client_with(actor, "credentials:write", "flows:read")
    mine = workspace.memberships.get()
    other = User.objects.create_user("o@example.com")
    Membership.objects.create(workspace=workspace, user=other, role=Role.OWNER)
    assert client.get(f"{API}credentials").status_code == 200
    Membership.objects.filter(id=mine.id).update(role=Role.VIEWER)
    assert client.get(f"{API}credentials").status_code == 403
    assert client.get(f"{API}flows").status_code == 200
    Membership.objects.filter(id=mine.id).delete()
    answer = client.get(f"{API}flows")
    assert answer.status_code == 401
    assert "no member any more" in answer.json()["detail"]


def test_what_is_open_for_long_hears_of_it_too(actor: Actor, workspace: Workspace) -> None:
    key, _ = create_api_key(actor, name="k", scopes=["runs:write"])
    asked = key_actor(workspace.id, key.id, "k", key.scopes, role="owner", maker=actor.user_id)
    assert still_may(asked, "run.start")
    workspace.memberships.update(role=Role.VIEWER)
    assert not still_may(asked, "run.start")
    assert still_may(asked, "run.read")
    workspace.memberships.all().delete()
    assert not still_may(asked, "run.read")


def test_finding_a_key_with_its_makers_role_is_one_query(
    actor: Actor, django_assert_num_queries: Any
) -> None:
    client = client_with(actor, "members:read")
    client.get(f"{API}members")
    # The key, and the page of members; the time of its last use is written once a minute.
    with django_assert_num_queries(2):
        client.get(f"{API}members")
