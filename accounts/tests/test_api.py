"""Who may call the REST API."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiKey, Role, User, Workspace
from accounts.permissions import Actor
from accounts.services import create_api_key, create_workspace, revoke_api_key
from accounts.tests.conftest import PASSWORD

ME = "/api/v1/me"


def _get(client: Client, token: str, header: str = "Authorization") -> dict[str, object]:
    value = f"Bearer {token}" if header == "Authorization" else token
    answer = client.get(ME, headers={header: value})
    return {"status": answer.status_code, **answer.json()}


def test_me_names_the_workspace_the_scopes_and_the_key(
    client: Client, actor: Actor, workspace: Workspace
) -> None:
    key, token = create_api_key(actor, name="ci", scopes=["runs:read"])
    for header in ("Authorization", "api-key"):
        assert _get(client, token, header) == {
            "status": 200,
            "workspace": {
                "id": str(workspace.id),
                "name": "Analytical Engines",
                "slug": "analytical-engines",
            },
            "scopes": ["runs:read"],
            "key": {"id": str(key.id), "name": "ci", "prefix": key.prefix, "expires_at": None},
        }


def test_nobody_gets_401_with_a_challenge(client: Client, db: None) -> None:
    answer = client.get(ME)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    "token",
    ["", "x", "flux_", "flux_aaaaaaaa_" + "b" * 43, "flux_aaaaaaaa_" + "b" * 42, "\u00e9"],
)
def test_what_is_no_key_gets_401(client: Client, workspace: Workspace, token: str) -> None:
    answer = client.get(ME, headers={"api-key": token})
    assert answer.status_code == 401
    assert "not a valid API key" in answer.content.decode()


def test_a_key_with_one_letter_changed_gets_401(client: Client, actor: Actor) -> None:
    _, token = create_api_key(actor, name="ci")
    changed = token[:-1] + ("a" if token[-1] != "a" else "b")
    assert _get(client, changed)["status"] == 401


def test_a_revoked_key_stops_at_the_next_request(client: Client, actor: Actor) -> None:
    key, token = create_api_key(actor, name="ci")
    assert _get(client, token)["status"] == 200
    revoke_api_key(actor, key)
    answer = client.get(ME, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert "was revoked" in answer.content.decode()


def test_a_key_of_somebody_who_may_not_sign_in_any_more_stops(client: Client, actor: Actor) -> None:
    _, token = create_api_key(actor, name="ci")
    assert _get(client, token)["status"] == 200
    assert actor.user_id is not None
    User.objects.filter(id=actor.user_id).update(is_active=False)
    assert _get(client, token)["status"] == 401


def test_an_expired_key_says_when_it_expired(client: Client, actor: Actor) -> None:
    key, token = create_api_key(actor, name="ci")
    ApiKey.objects.filter(id=key.id).update(expires_at=timezone.now() - timedelta(days=1))
    answer = client.get(ME, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert "expired on" in answer.content.decode()


def test_the_last_use_is_written_once_a_minute_and_else_a_request_reads_the_key_alone(
    client: Client, actor: Actor
) -> None:
    key, token = create_api_key(actor, name="ci")
    _get(client, token)
    first = ApiKey.objects.get(id=key.id).last_used_at
    assert first is not None
    with CaptureQueriesContext(connection) as queries:
        _get(client, token)
    asked = [q["sql"] for q in queries if "SAVEPOINT" not in q["sql"]]
    # The second one is this view's: the name of the workspace.
    assert ["accounts_apikey" in asked[0], "accounts_workspace" in asked[1]] == [True, True]
    assert len(asked) == 2
    assert ApiKey.objects.get(id=key.id).last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    _get(client, token)
    again = ApiKey.objects.get(id=key.id).last_used_at
    assert again is not None
    assert again >= first


def test_a_signed_in_browser_is_its_member(
    client: Client, owner: User, workspace: Workspace
) -> None:
    assert client.login(email=owner.email, password=PASSWORD)
    answer = client.get(ME).json()
    assert answer["user"] == {"id": str(owner.id), "name": "Ada", "email": owner.email}
    assert "runs:write" in answer["scopes"]
    owner.memberships.update(role=Role.VIEWER)
    scopes = client.get(ME).json()["scopes"]
    assert scopes == ["flows:read", "runs:read", "knowledge:read", "usage:read", "members:read"]


def test_a_browser_needs_the_csrf_token_to_change_anything(
    owner: User, workspace: Workspace
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    answer = client.post("/api/v1/flows", {"name": "x"}, content_type="application/json")
    assert answer.status_code == 403
    assert "CSRF" in answer.content.decode()


def test_a_browser_acts_in_the_workspace_it_chose(
    client: Client, owner: User, workspace: Workspace, other_workspace: Workspace
) -> None:
    second = create_workspace(owner, name="Second")
    client.force_login(owner)
    client.post("/settings/switch/", {"workspace": str(second.id)})
    assert client.get(ME).json()["workspace"]["slug"] == "second"
    # Not a member there: the choice is ignored.
    client.post("/settings/switch/", {"workspace": str(other_workspace.id)})
    assert client.get(ME).json()["workspace"]["slug"] == "second"


def test_a_method_that_does_not_exist_is_405(client: Client, actor: Actor) -> None:
    _, token = create_api_key(actor, name="ci")
    assert client.delete(ME, headers={"api-key": token}).status_code == 405
