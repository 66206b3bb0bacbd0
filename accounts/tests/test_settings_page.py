"""The page of the workspace's settings."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.credentials.vault import open_newest
from accounts.models import ApiKey, AuditEvent, Credential, Role, User, Variable, Workspace
from accounts.permissions import Actor, member_actor
from accounts.services import create_api_key, create_credential, set_variable
from accounts.tests.secrets_for_tests import credential_secret

CANARY = "sk-canary-31337"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def visitor(client: Client, owner: User, workspace: Workspace) -> Client:
    client.force_login(owner)
    return client


def test_nobody_is_sent_to_sign_in(client: Client, db: None) -> None:
    for path in ("/settings/", "/settings/keys/"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")


def test_somebody_in_no_workspace_is_sent_to_make_one(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("lone@example.com", "x"))
    assert client.get("/settings/")["Location"] == "/workspaces/new/"
    assert client.get("/workspaces/new/").status_code == 200
    answer = client.post("/settings/keys/", {"name": "x"})
    assert answer.status_code == 403
    assert "You are in no workspace" in answer.content.decode()


def test_a_credential_is_added_listed_without_its_secret_and_deleted(
    visitor: Client, workspace: Workspace
) -> None:
    answer = visitor.post("/settings/credentials/", {"type": "anthropic", "api_key": CANARY})
    assert (answer.status_code, answer["Location"]) == (302, "/settings/#credentials")
    assert credential_secret(workspace.id, "anthropic") == ({}, {"api_key": CANARY})
    page = visitor.get("/settings/").content.decode()
    assert "Anthropic" in page
    assert CANARY not in page
    made = Credential.objects.get()
    swapped = visitor.post(f"/settings/credentials/{made.id}/delete/", headers=HTMX)
    assert swapped.content.decode().startswith('<section class="panel" id="credentials"')
    assert not Credential.objects.exists()


def test_the_limits_of_a_credential_are_set_shown_and_checked(
    visitor: Client, workspace: Workspace
) -> None:
    filled = {"type": "anthropic", "api_key": CANARY, "max_concurrent": "5"}
    visitor.post("/settings/credentials/", filled)
    made = Credential.objects.get()
    assert (made.max_concurrent, made.requests_per_minute) == (5, None)
    address = f"/settings/credentials/{made.id}/limits/"
    saved = visitor.post(address, {"max_concurrent": "", "requests_per_minute": "60"}, headers=HTMX)
    assert "60 a minute" in saved.content.decode()
    made.refresh_from_db()
    assert (made.max_concurrent, made.requests_per_minute) == (None, 60)
    refused = visitor.post(address, {"max_concurrent": "0"}, headers=HTMX)
    assert refused.status_code == 422
    assert "a number from 1" in refused.content.decode()
    opened = open_newest(workspace.id, "anthropic")
    assert opened is not None
    assert (opened.max_concurrent, opened.requests_per_minute) == (None, 60)


def test_a_credential_without_its_key_shows_the_error_and_keeps_the_rest(visitor: Client) -> None:
    filled = {"type": "openai_compatible", "base_url": "https://models.example/v1", "name": ""}
    answer = visitor.post("/settings/credentials/", {**filled, "base_url": "nonsense"})
    assert answer.status_code == 422
    assert "https://" in answer.content.decode()
    assert visitor.post("/settings/credentials/", filled, headers=HTMX).status_code == 200
    again = visitor.post("/settings/credentials/", filled, headers=HTMX)
    assert again.status_code == 422
    assert "exists already" in again.content.decode()


def test_a_rejected_secret_is_not_sent_back(visitor: Client) -> None:
    filled = {"type": "basic", "username": "", "password": CANARY}
    answer = visitor.post("/settings/credentials/", filled)
    assert answer.status_code == 422
    assert CANARY not in answer.content.decode()


def test_choosing_a_type_brings_its_fields(visitor: Client) -> None:
    fields = visitor.get("/settings/credentials/fields/?type=header").content.decode()
    assert re.findall(r'name="(\w+)"', fields) == [
        *("name", "header", "value"),
        *("max_concurrent", "requests_per_minute"),
    ]


def test_a_database_is_added_with_its_usual_port_and_shown_with_its_host(visitor: Client) -> None:
    fields = visitor.get("/settings/credentials/fields/?type=postgresql").content.decode()
    assert '<option value="verify" selected>' in fields
    filled = {"host": "db.example.com", "database": "shop", "username": "ada"}
    filled |= {"type": "postgresql", "password": CANARY, "tls": "verify", "port": "", "ca": ""}
    answer = visitor.post("/settings/credentials/", filled, headers=HTMX)
    assert answer.status_code == 200
    assert "PostgreSQL database · db.example.com" in answer.content.decode()
    assert Credential.objects.get().settings["port"] == "5432"


def test_a_new_key_is_shown_once_and_never_cached(visitor: Client) -> None:
    filled = {"name": "ci", "expires": "30", "scopes": ["runs:read"]}
    answer = visitor.post("/settings/keys/", filled, headers=HTMX)
    token = re.search(r"flux_[a-z0-9]{8}_[\w-]{43}", answer.content.decode())
    assert token is not None
    assert "no-store" in answer["Cache-Control"]
    assert visitor.get("/api/v1/me", headers={"api-key": token[0]}).json()["scopes"] == [
        "runs:read"
    ]
    page = visitor.get("/settings/").content.decode()
    assert token[0] not in page
    key = ApiKey.objects.get()
    assert key.expires_at is not None
    visitor.post(f"/settings/keys/{key.id}/revoke/")
    assert key.prefix not in visitor.get("/settings/").content.decode()


def test_a_key_without_scopes_is_refused_at_the_field(visitor: Client) -> None:
    answer = visitor.post("/settings/keys/", {"name": "ci", "expires": "0"})
    assert answer.status_code == 422
    assert "Choose at least one." in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_variable_is_set_as_text_or_json_and_deleted(visitor: Client) -> None:
    visitor.post("/settings/variables/", {"name": "a", "kind": "text", "value": "1"})
    visitor.post("/settings/variables/", {"name": "b", "kind": "json", "value": '{"x": [1]}'})
    assert dict(Variable.objects.values_list("name", "value")) == {"a": "1", "b": {"x": [1]}}
    page = visitor.get("/settings/").content.decode()
    assert "{{ vars.b }}" in page
    visitor.post(f"/settings/variables/{Variable.objects.get(name='a').id}/delete/")
    assert not Variable.objects.filter(name="a").exists()


@pytest.mark.parametrize("value", ["{", "NaN", "[" * 100_000])
def test_a_variable_that_is_no_json_is_refused(visitor: Client, value: str) -> None:
    answer = visitor.post("/settings/variables/", {"name": "a", "kind": "json", "value": value})
    assert answer.status_code == 422
    assert not Variable.objects.exists()


def test_how_long_runs_are_kept_is_set_shown_and_audited(
    visitor: Client, workspace: Workspace
) -> None:
    page = visitor.get("/settings/").content.decode()
    assert "Left empty, runs are kept for ever." in page
    filled = {"name": workspace.name, "default_model": "", "retention_days": "90"}
    visitor.post("/settings/workspace/", filled)
    workspace.refresh_from_db()
    assert workspace.retention_days == 90
    assert AuditEvent.objects.filter(action="workspace.edit").latest("at").details == {
        "name": workspace.name,
        "default_model": "",
        "retention_days": 90,
    }
    for given in ("0", "-1", "36501", "soon"):
        refused = visitor.post("/settings/workspace/", {**filled, "retention_days": given})
        assert refused.status_code == 422
    workspace.refresh_from_db()
    assert workspace.retention_days == 90
    visitor.post("/settings/workspace/", {**filled, "retention_days": ""})
    workspace.refresh_from_db()
    assert workspace.retention_days is None


def test_who_may_not_change_the_workspace_sees_how_long_runs_are_kept(
    client: Client, workspace: Workspace, settings: Any
) -> None:
    viewer = User.objects.create_user("viewer@example.com", "x")
    workspace.memberships.create(user=viewer, role=Role.VIEWER)
    client.force_login(viewer)
    settings.FLUX_RETENTION_DAYS = 14
    assert "As everywhere: runs are kept for 14 days" in client.get("/settings/").content.decode()
    filled = {"name": "x", "default_model": "", "retention_days": "1"}
    assert client.post("/settings/workspace/", filled).status_code == 403
    Workspace.objects.update(retention_days=7)
    assert "Kept for 7 days after their end" in client.get("/settings/").content.decode()


def test_the_workspace_is_renamed(visitor: Client, workspace: Workspace) -> None:
    visitor.post("/settings/workspace/", {"name": "Renamed", "default_model": "local/smollm2"})
    workspace.refresh_from_db()
    assert (workspace.name, workspace.default_model) == ("Renamed", "local/smollm2")
    refused = visitor.post("/settings/workspace/", {"name": "", "default_model": ""}, headers=HTMX)
    assert refused.status_code == 422


def test_what_belongs_to_another_workspace_is_404(
    visitor: Client, other_workspace: Workspace
) -> None:
    eve = other_workspace.members.get()
    foreign = member_actor(eve, other_workspace)
    assert foreign is not None
    key, _ = create_api_key(foreign, name="k")
    credential = create_credential(foreign, name="c", type="bearer", values={"token": CANARY})
    variable = set_variable(foreign, "v", 1)
    for path in (
        f"credentials/{credential.id}/delete/",
        f"keys/{key.id}/revoke/",
        f"variables/{variable.id}/delete/",
    ):
        assert visitor.post(f"/settings/{path}").status_code == 404


def test_a_viewer_sees_variables_and_changes_nothing(
    visitor: Client, owner: User, actor: Actor
) -> None:
    key, _ = create_api_key(actor, name="deploy key")
    set_variable(actor, "region", "eu")
    owner.memberships.update(role=Role.VIEWER)
    page = visitor.get("/settings/").content.decode()
    assert "region" in page
    assert "deploy key" not in page
    for path, filled in (
        ("workspace/", {"name": "x"}),
        ("credentials/", {"type": "anthropic", "api_key": "x"}),
        ("keys/", {"name": "x", "expires": "0", "scopes": ["runs:read"]}),
        ("variables/", {"name": "x", "kind": "text"}),
    ):
        answer = visitor.post(f"/settings/{path}", filled)
        assert answer.status_code == 403, path
        assert "Ask an owner or admin" in answer.content.decode()
    assert visitor.post(f"/settings/keys/{key.id}/revoke/").status_code == 404
    assert (Credential.objects.count(), ApiKey.objects.count(), Variable.objects.count()) == (
        0,
        1,
        1,
    )


def test_switching_never_leaves_the_site(visitor: Client, workspace: Workspace) -> None:
    filled = {"workspace": str(workspace.id), "next": "https://evil.example/"}
    assert visitor.post("/settings/switch/", filled)["Location"] == "/"
