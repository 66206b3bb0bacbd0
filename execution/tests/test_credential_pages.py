"""Credentials by the API and on their pages: written and never read, tried, asked about uses."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.credentials.vault import open_credential
from accounts.models import AuditEvent, Credential, Variable, Workspace
from accounts.permissions import Actor
from accounts.services import create_credential
from flows.services import create_flow, publish_flow
from flows.tests.fixtures import Api, assert_problem

CANARY = "sk-canary-77"
pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(make_api: Callable[..., Api]) -> Api:
    return make_api("credentials:write", "variables:write")


def stored(actor: Actor, kind: str = "bearer", name: str = "Shop", **values: str) -> Credential:
    return create_credential(actor, name=name, type=kind, values=values or {"token": CANARY})


def test_s12_what_is_secret_goes_in_by_the_api_and_never_comes_out(
    manager: Api, actor: Actor, workspace: Workspace
) -> None:
    values = {"base_url": "https://models.example/v1", "api_key": CANARY}
    asked = {"name": "Models", "type": "openai_compatible", "values": values}
    made = manager.post("/credentials", asked)
    assert made.status_code == 201
    shown = made.json()
    assert shown["settings"] == {"base_url": "https://models.example/v1"}
    assert shown["secrets"] == ["api_key"]
    address = f"/credentials/{shown['id']}"
    limited = manager("PATCH", address, {"requests_per_minute": 5, "name": "Mine"})
    assert (limited.json()["requests_per_minute"], limited.json()["name"]) == (5, "Mine")
    # The key stays where it is left out, and is asked for where it would go elsewhere.
    kept = manager("PATCH", address, {"values": {"default_model": "tiny"}})
    assert kept.json()["settings"] == {**shown["settings"], "default_model": "tiny"}
    moved = manager("PATCH", address, {"values": {"base_url": "https://evil.example/v1"}})
    assert_problem(moved, 422, "invalid_value")
    opened = open_credential(workspace.id, "Mine")
    assert opened is not None
    assert opened.secret == {"api_key": CANARY}
    answers = [made, limited, kept, moved, manager.get("/credentials")]
    assert not any(CANARY in answer.content.decode() for answer in answers)
    assert CANARY not in str(list(AuditEvent.objects.values()))
    assert manager("DELETE", address).status_code == 204
    assert manager.get("/credentials").json() == {"results": [], "next": None}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"name": "x", "type": "bearer"}, "required"),
        ({"name": "x", "type": "nonsense", "values": {}}, "invalid_value"),
        ({"name": "x", "type": "bearer", "values": []}, "type"),
        ({"name": "x", "type": "bearer", "values": {"token": {"a": 1}}}, "type"),
        ({"name": "x", "type": "bearer", "values": {"token": "a", "user": "b"}}, "unknown_field"),
        ({"name": "x", "type": "bearer", "values": {"token": ""}}, "invalid_value"),
        ({"name": "x", "type": "oauth2", "values": {"client_id": "a"}}, "invalid_value"),
        ({"name": "Shop", "type": "bearer", "values": {"token": "a"}}, "invalid_value"),
    ],
)
def test_what_cannot_be_stored_is_told_by_field(
    manager: Api, actor: Actor, asked: dict[str, Any], code: str
) -> None:
    stored(actor)
    problem = assert_problem(manager.post("/credentials", asked), 422, code)
    assert problem["errors"][0]["path"]
    assert Credential.objects.count() == 1


def test_variables_are_set_read_and_deleted_by_the_api(
    manager: Api, api: Api, workspace: Workspace
) -> None:
    for value in ({"a": [1]}, "eu"):
        answer = manager("PUT", "/variables/region", {"value": value})
        assert answer.json() == {"name": "region", "value": value}
    assert_problem(manager("PUT", "/variables/Not-A-Name", {"value": 1}), 422, "invalid_value")
    assert_problem(manager("PUT", "/variables/region", {}), 422, "required")
    assert manager("PUT", "/variables/region", {"value": "\u0000"}).status_code in (400, 422)
    assert api.get("/variables").json()["results"] == [{"name": "region", "value": "eu"}]
    assert_problem(api("PUT", "/variables/region", {"value": 1}), 403, "permission_refused")
    assert manager("DELETE", "/variables/region").status_code == 204
    assert manager("DELETE", "/variables/region").status_code == 404
    assert not Variable.objects.filter(workspace=workspace).exists()


def _flow(actor: Actor, name: str, reference: str) -> Any:
    call = {"kind": "http", "name": "call", "description": "x", "url": "https://x.example"}
    tool = {**call, "credential": reference}
    document = {
        "schema": "fluxprompt.flow/v1",
        "name": name,
        "nodes": [
            {"id": "ask", "type": "http", "config": {"url": "https://x.example"}},
            {
                "id": "work",
                "type": "agent",
                "config": {"tools": [{**tool, "credential": reference}]},
            },
        ],
        "edges": [{"from": "ask", "to": "work"}],
    }
    return create_flow(actor, document=document)


def test_uses_are_found_in_drafts_and_versions_and_deleting_asks(
    manager: Api, visitor: Client, actor: Actor
) -> None:
    credential, other = stored(actor), stored(actor, name="Other")
    _flow(actor, "By name", "Shop")
    _flow(actor, "By id", str(credential.id))
    _flow(actor, "None of it", "Shopping")
    page = visitor.get(f"/settings/credentials/{credential.id}/")
    uses = [(use.flow_name, use.nodes, use.by_name) for use in page.context["uses"]]
    assert uses == [("By id", ("work",), False), ("By name", ("work",), True)]
    problem = assert_problem(
        manager("DELETE", f"/credentials/{credential.id}"), 409, "credential_in_use"
    )
    assert problem["flows"] == ["By id", "By name"]
    renamed = manager("PATCH", f"/credentials/{credential.id}", {"name": "New"})
    assert "By name" in assert_problem(renamed, 422, "invalid_value")["detail"]
    assert visitor.post(f"/settings/credentials/{credential.id}/remove/").status_code == 409
    listed = visitor.post(f"/settings/credentials/{credential.id}/delete/")
    assert (listed.status_code, b"By name" in listed.content) == (422, True)
    assert Credential.objects.count() == 2
    answer = visitor.post(f"/settings/credentials/{credential.id}/remove/", {"used": "on"})
    assert answer.status_code == 302
    assert manager("DELETE", f"/credentials/{other.id}").status_code == 204


def test_a_published_version_uses_it_also_when_the_draft_does_not(
    visitor: Client, actor: Actor
) -> None:
    credential = stored(actor)
    config = {"url": "https://x.example", "credential": "Shop"}
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": []}},
        {"id": "ask", "type": "http", "config": config},
        {"id": "end", "type": "output", "config": {"value": "x"}},
    ]
    edges = [{"from": "start", "to": "ask"}, {"from": "ask", "to": "end"}]
    document = {"schema": "fluxprompt.flow/v1", "name": "F", "nodes": nodes, "edges": edges}
    flow = create_flow(actor, document=document)
    publish_flow(actor, flow)
    flow.nodes.filter(key="ask").update(config={"url": "https://x.example"})
    page = visitor.get(f"/settings/credentials/{credential.id}/")
    assert [(use.version, use.nodes) for use in page.context["uses"]] == [(1, ("ask",))]


def test_s12_a_credential_is_changed_on_its_page_without_being_shown(
    visitor: Client, actor: Actor, workspace: Workspace
) -> None:
    credential = stored(actor, "basic", username="ada", password=CANARY)
    address = f"/settings/credentials/{credential.id}/"
    assert CANARY not in visitor.get(address).content.decode()
    kept = visitor.post(f"{address}change/", {"name": "Shop", "username": "bob", "password": ""})
    assert kept.status_code == 302
    opened = open_credential(workspace.id, "Shop")
    assert opened is not None
    assert (opened.settings, opened.secret) == ({"username": "bob"}, {"password": CANARY})
    visitor.post(f"{address}change/", {"name": "Shop", "username": "bob", "password": "next-one"})
    opened = open_credential(workspace.id, "Shop")
    assert opened is not None
    assert opened.secret == {"password": "next-one"}
    wrong = visitor.post(f"{address}change/", {"name": "", "username": "bob"})
    assert (wrong.status_code, b"next-one" in wrong.content) == (422, False)


def test_s12_an_oauth2_client_moves_only_with_its_secrets(manager: Api, actor: Actor) -> None:
    client = {"token_url": "https://a.example", "client_id": "x", "client_secret": CANARY}
    credential = stored(actor, "oauth2", **client)
    address = f"/credentials/{credential.id}"
    moved = {"token_url": "https://b.example"}
    assert_problem(manager("PATCH", address, {"values": moved}), 422, "invalid_value")
    answer = manager("PATCH", address, {"values": {**moved, "client_secret": "another"}})
    assert answer.json()["settings"]["token_url"] == "https://b.example"


def test_s9_a_credential_of_another_workspace_is_not_found(
    manager: Api, visitor: Client, actor: Actor, stranger: Api
) -> None:
    theirs = Workspace.objects.exclude(id=actor.workspace_id).get()
    row = Credential.objects.create(workspace=theirs, name="x", type="bearer", secret=b"")
    for method in ("PATCH", "DELETE"):
        assert manager(method, f"/credentials/{row.id}", {}).status_code == 404
    address = f"/settings/credentials/{row.id}/"
    assert visitor.get(address).status_code == 404
    for part in ("change/", "try/", "remove/", "delete/"):
        assert visitor.post(f"{address}{part}").status_code == 404
    assert Credential.objects.filter(id=row.id).exists()
