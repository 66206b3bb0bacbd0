"""The REST API of flows: every call, its errors, and who may not."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.permissions import Actor
from accounts.services import create_credential
from flows.tests.fixtures import GREETING, Api, assert_problem

YAML = """\
schema: fluxprompt.flow/v1
name: From YAML
nodes:
  - {id: start, type: input, config: {fields: [{name: name, type: string}]}}
  - {id: result, type: output, config: {value: "Hello {{ start.name }}"}}
edges:
  - {from: start, to: result}
"""
BROKEN = {**GREETING, "nodes": [GREETING["nodes"][1]], "edges": []}


@pytest.fixture
def flow(api: Api) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/flows", {"document": GREETING}).json()
    return made


def test_a_flow_is_created_from_a_document(api: Api) -> None:
    response = api.post("/flows", {"document": GREETING})
    assert response.status_code == 201
    body = response.json()
    assert response["Location"] == f"/api/v1/flows/{body['id']}"
    assert (body["name"], body["slug"], body["revision"]) == ("Greeting", "greeting", 1)
    assert body["published_version"] is None
    assert body["problems"] == []


def test_a_flow_is_created_from_a_name_or_from_yaml(api: Api) -> None:
    assert api.post("/flows", {"name": "Named"}).json()["slug"] == "named"
    assert api.post("/flows", {"document": YAML}).json()["name"] == "From YAML"
    sent = api.post("/flows", YAML.encode(), content_type="application/yaml")
    assert sent.status_code == 201
    assert sent.json()["slug"] == "from-yaml-2"


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "name", "required"),
        ({"name": " "}, "name", "required"),
        ({"name": 7}, "name", "type"),
        ({"name": "x" * 201}, "name", "too_long"),
        ({"nmae": "x"}, "nmae", "unknown_field"),
        ({"document": 7}, "document", "type"),
        ([], "", "type"),
    ],
)
def test_a_body_that_cannot_be_used_names_the_field(
    api: Api, body: Any, path: str, code: str
) -> None:
    problem = assert_problem(api.post("/flows", body), 422, code)
    assert problem["errors"][0]["path"] == path


def test_a_document_that_cannot_be_read_lists_its_problems(api: Api) -> None:
    document = {**GREETING, "nodes": [{"id": "Bad Id", "type": "input"}]}
    problem = assert_problem(api.post("/flows", {"document": document}), 422, "document_invalid")
    assert problem["problems"]
    assert problem["errors"]


def test_a_number_that_is_too_large_is_named_and_nothing_is_kept(api: Api) -> None:
    node = {"id": "start", "type": "input", "config": {"max": 1e80}}
    document = {**GREETING, "nodes": [node], "edges": []}
    problem = assert_problem(api.post("/flows", {"document": document}), 422, "document_invalid")
    assert [entry["path"] for entry in problem["errors"]] == ["nodes.start.config.max"]
    assert api.get("/flows").json()["results"] == []


def test_a_draft_with_problems_is_kept_and_shown(api: Api) -> None:
    body = api.post("/flows", {"document": BROKEN}).json()
    assert any(item["severity"] == "error" for item in body["problems"])
    assert api.get(f"/flows/{body['id']}").json()["problems"] == body["problems"]


def test_flows_are_listed_page_by_page_last_changed_first(api: Api) -> None:
    for number in range(5):
        api.post("/flows", {"name": f"Flow {number}"})
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = api.get(f"/flows?limit=2&cursor={cursor}").json()
        seen += [row["name"] for row in page["results"]]
        cursor = page["next"]
    assert seen == [f"Flow {number}" for number in (4, 3, 2, 1, 0)]
    assert cursor is None


def test_flows_are_searched_by_words(api: Api) -> None:
    api.post("/flows", {"name": "Alpha"})
    api.post("/flows", {"name": "Beta"})
    found = api.get("/flows?search=alp").json()["results"]
    assert [row["name"] for row in found] == ["Alpha"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=%F0%9F", "search=%00"])
def test_a_bad_parameter_is_named(api: Api, query: str) -> None:
    problem = assert_problem(api.get(f"/flows?{query}"), 400, "bad_parameter")
    assert problem["errors"][0]["path"] == query.split("=")[0]


@pytest.mark.parametrize("cursor", ["x", "WzEsMl0", "%00", "W10", "bm90IGpzb24", "é", "1" * 5000])
def test_a_cursor_that_is_not_ours_is_refused(api: Api, cursor: str) -> None:
    response = api.get(f"/flows?cursor={cursor}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["path"] == "cursor"


def test_a_flow_is_found_by_id_and_by_slug(api: Api, flow: dict[str, Any]) -> None:
    assert api.get(f"/flows/{flow['id']}").json() == api.get("/flows/greeting").json()


def test_a_flow_is_renamed(api: Api, flow: dict[str, Any]) -> None:
    body = api("PATCH", "/flows/greeting", {"name": "Other", "description": "Now"}).json()
    assert (body["name"], body["description"], body["revision"]) == ("Other", "Now", 2)
    assert api.get("/flows/greeting/document").json()["name"] == "Other"
    assert_problem(api("PATCH", "/flows/greeting", {"name": ""}), 422, "required")
    assert_problem(api("PATCH", "/flows/greeting", {"name": None}), 422, "required")


def test_a_flow_is_deleted(api: Api, flow: dict[str, Any]) -> None:
    assert api("DELETE", "/flows/greeting").status_code == 204
    assert_problem(api.get("/flows/greeting"), 404, "not_found")


def test_the_document_is_read_as_json_and_as_yaml(api: Api, flow: dict[str, Any]) -> None:
    as_json = api.get("/flows/greeting/document")
    assert as_json.json() == GREETING
    assert as_json["ETag"] == '"1"'
    as_yaml = api.get("/flows/greeting/document", Accept="application/yaml")
    assert as_yaml["Content-Type"].startswith("application/yaml")
    assert "name: Greeting" in as_yaml.content.decode()
    assert api.get("/flows/greeting/document?format=yaml").content == as_yaml.content
    assert_problem(api.get("/flows/greeting/document?format=xml"), 400, "bad_parameter")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json, text/yaml;q=0.1", "application/json"),
        ("text/yaml;q=0.1, application/json;q=0.9", "application/json"),
        ("text/yaml;q=0, */*", "application/json"),
        ("application/json;q=0.1, text/yaml", "application/yaml"),
        ("application/json;q=0.5, application/x-yaml;q=0.6", "application/yaml"),
        ("text/x-yaml, */*;q=0.8", "application/yaml"),
        ("text/yaml, application/json", "application/yaml"),
        ("application/json, text/yaml", "application/json"),
        ("*/*", "application/json"),
        ("text/html, application/xhtml+yamlish", "application/json"),
        ("text/yaml;q=nonsense;;=", "application/yaml"),
        ("text/yaml;q*=nonsense'en'1", "application/json"),
        ("text/yaml;" + "x" * 20_000, "application/json"),
        ("", "application/json"),
    ],
)
def test_accept_is_read_by_its_weights(
    api: Api, flow: dict[str, Any], accept: str, kind: str
) -> None:
    answer = api.get("/flows/greeting/document", Accept=accept)
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (200, kind)


def test_an_unchanged_document_is_not_sent_again(api: Api, flow: dict[str, Any]) -> None:
    assert api.get("/flows/greeting/document", If_None_Match='"1"').status_code == 304
    for known in ("*", '"7", W/"1"', ' "1" ,"2"'):
        assert api.get("/flows/greeting/document", If_None_Match=known).status_code == 304
    for other in ('"2"', '"11", "x1"', "1", ""):
        assert api.get("/flows/greeting/document", If_None_Match=other).status_code == 200


def test_what_was_exported_can_be_put_back(api: Api, flow: dict[str, Any]) -> None:
    text = api.get("/flows/greeting/document", Accept="text/yaml").content
    response = api("PUT", "/flows/greeting/document", text, content_type="text/yaml")
    assert response.status_code == 200
    assert response.json()["revision"] == 1


def test_a_stale_write_is_412_and_says_where_the_draft_is(api: Api, flow: dict[str, Any]) -> None:
    path = "/flows/greeting/document"
    first = api("PUT", path, {**GREETING, "name": "One"}, If_Match='"1"')
    assert (first.status_code, first["ETag"]) == (200, '"2"')
    stale = api("PUT", path, {**GREETING, "name": "Two"}, If_Match='"1"')
    problem = assert_problem(stale, 412, "stale_revision")
    assert problem["revision"] == 2
    assert stale["ETag"] == '"2"'
    assert api("PUT", path, GREETING, If_Match='W/"2"').status_code == 200
    assert api("PUT", path, GREETING, If_Match="*").status_code == 200
    assert_problem(api("PUT", path, GREETING, If_Match='"not ours"'), 412, "stale_revision")


def test_the_body_of_a_put_is_a_document(api: Api, flow: dict[str, Any]) -> None:
    assert_problem(api("PUT", "/flows/greeting/document", [1]), 422, "type")
    assert_problem(api("PUT", "/flows/greeting/document", {"name": 7}), 422, "document_invalid")


def test_validate_lists_problems_and_keeps_nothing(api: Api) -> None:
    assert api.post("/flows/validate", {"document": GREETING}).json() == {"problems": []}
    broken = api.post("/flows/validate", {"document": BROKEN})
    assert broken.status_code == 200
    assert {"code", "severity", "node", "path", "message"} == broken.json()["problems"][0].keys()
    unreadable = api.post("/flows/validate", {"document": "a: [1"})
    assert unreadable.status_code == 200
    assert unreadable.json()["problems"]
    sent = api.post("/flows/validate", YAML.encode(), content_type="application/x-yaml")
    assert sent.json() == {"problems": []}
    assert api.get("/flows").json()["results"] == []
    assert_problem(api.post("/flows/validate", {}), 422, "required")


def test_a_flow_is_published_listed_and_restored(api: Api, flow: dict[str, Any]) -> None:
    first = api.post("/flows/greeting/publish", {"note": "First"})
    assert first.status_code == 200
    assert (first.json()["number"], first.json()["note"]) == (1, "First")
    assert api.post("/flows/greeting/publish").json()["number"] == 1
    api("PUT", "/flows/greeting/document", {**GREETING, "name": "Second"})
    assert api.post("/flows/greeting/publish").json()["number"] == 2
    assert api.get("/flows/greeting").json()["published_version"] == 2
    listed = api.get("/flows/greeting/versions?limit=1").json()
    assert [row["number"] for row in listed["results"]] == [2]
    rest = api.get(f"/flows/greeting/versions?cursor={listed['next']}").json()
    assert [row["number"] for row in rest["results"]] == [1]
    assert api.get("/flows/greeting/versions/1").json()["document"] == GREETING
    restored = api.post("/flows/greeting/versions/1/restore")
    assert (restored.json()["name"], restored.json()["published_version"]) == ("Greeting", 2)


def test_publishing_a_broken_draft_is_422_with_every_problem(api: Api) -> None:
    api.post("/flows", {"document": BROKEN})
    problem = assert_problem(api.post("/flows/greeting/publish"), 422, "document_invalid")
    assert problem["problems"]


@pytest.mark.parametrize("number", ["9", "99999999999", "0"])
def test_a_version_that_is_not_there_is_404(api: Api, flow: dict[str, Any], number: str) -> None:
    assert_problem(api.get(f"/flows/greeting/versions/{number}"), 404, "version_missing")
    assert_problem(api.post(f"/flows/greeting/versions/{number}/restore"), 404, "version_missing")


def test_versions_are_compared(api: Api, flow: dict[str, Any]) -> None:
    api.post("/flows/greeting/publish")
    api("PUT", "/flows/greeting/document", {**GREETING, "name": "Second"})
    diff = api.get("/flows/greeting/versions/diff").json()
    assert (diff["from"], diff["to"], diff["flow"]) == ("published", "draft", ["name"])
    assert "+name: Second" in diff["text"]
    assert api.get("/flows/greeting/versions/diff?from=1&to=1").json()["text"] == ""
    missing = api.get("/flows/greeting/versions/diff?from=7")
    assert_problem(missing, 404, "version_missing")
    unknown = api.get("/flows/greeting/versions/diff?from=1&to=drft")
    problem = assert_problem(unknown, 400, "bad_parameter")
    assert "'to' has to be draft, published or the number of a version" in problem["detail"]


def asking(assignees: Any) -> dict[str, Any]:
    """A flow that asks these people."""
    start, result = GREETING["nodes"]
    ask = {"id": "ask", "type": "approval", "config": {"message": "?", "assignees": assignees}}
    edges = [{"from": "start", "to": "ask"}, {"from": "ask.approved", "to": "result"}]
    return {**GREETING, "nodes": [start, ask, result], "edges": edges}


@pytest.mark.parametrize(
    ("assignees", "places"),
    [
        (["Ada@Example.com", "gone@example.com"], ["assignees[1]"]),
        ("gone@example.com", ["assignees"]),
        (["{{ start.name }}", "ada@example.com"], []),
        ([], []),
    ],
)
def test_assignees_who_are_no_members_are_warned_of(
    api: Api, assignees: Any, places: list[str]
) -> None:
    saved = api.post("/flows", {"document": asking(assignees)}).json()
    checked = api.post("/flows/validate", {"document": asking(assignees)}).json()
    for answer in (saved, checked):
        found = [one for one in answer["problems"] if one["code"] == "assignee_unknown"]
        assert [(one["node"], one["path"]) for one in found] == [("ask", at) for at in places]
        assert all(one["severity"] == "warning" for one in found)
    assert api.post(f"/flows/{saved['id']}/publish").status_code == 200


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("Token", None),
        ("{id}", None),
        ("Gone", "credential_missing"),
        ("Model", "credential_unfit"),
        ("{{{{ start.name }}}}", None),
        ("", None),
    ],
)
def test_credentials_that_are_not_there_are_warned_of(
    api: Api, actor: Actor, named: str, code: str | None
) -> None:
    made = create_credential(actor, name="Token", type="bearer", values={"token": "x" * 9})
    create_credential(actor, name="Model", type="openai", values={"api_key": "x" * 9})
    start, result = GREETING["nodes"]
    config = {"url": "https://example.com", "credential": named.format(id=made.id)}
    nodes = [start, {"id": "call", "type": "http", "config": config}, result]
    edges = [{"from": "start", "to": "call"}, {"from": "call", "to": "result"}]
    answer = api.post("/flows/validate", {"document": {**GREETING, "nodes": nodes, "edges": edges}})
    found = [
        (one["code"], one["node"], one["path"], one["severity"])
        for one in answer.json()["problems"]
        if one["code"].startswith("credential_")
    ]
    assert found == ([(code, "call", "credential", "warning")] if code else [])


def test_the_catalogue_has_every_node_type_with_its_schema(api: Api) -> None:
    catalogue = {row["type"]: row for row in api.get("/node-types").json()["results"]}
    assert {"input", "output", "llm", "http", "switch", "note"} <= catalogue.keys()
    llm = catalogue["llm"]
    assert "prompt" in llm["config"]["properties"]
    credential = catalogue["http"]["config"]["properties"]["credential"]
    assert (credential["widget"], credential["types"][0]) == ("credential", "bearer")
    assert llm["streams"]
    assert llm["ports"] == ["out"]
    assert llm["help"]


CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/flows", None),
    ("POST", "/flows", {"name": "x"}),
    ("POST", "/flows/validate", {"document": {}}),
    ("GET", "/flows/greeting", None),
    ("PATCH", "/flows/greeting", {"name": "x"}),
    ("DELETE", "/flows/greeting", None),
    ("GET", "/flows/greeting/document", None),
    ("PUT", "/flows/greeting/document", GREETING),
    ("POST", "/flows/greeting/publish", None),
    ("GET", "/flows/greeting/versions", None),
    ("GET", "/flows/greeting/versions/1", None),
    ("POST", "/flows/greeting/versions/1/restore", None),
    ("GET", "/flows/greeting/versions/diff", None),
    ("GET", "/node-types", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_without_a_key_every_call_is_401(anonymous: Api, method: str, path: str, body: Any) -> None:
    response = anonymous(method, path, body)
    assert_problem(response, 401, "not_authenticated")
    assert "Bearer" in response["WWW-Authenticate"]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_a_key_without_the_scope_is_403(
    make_api: Callable[..., Api], method: str, path: str, body: Any
) -> None:
    make_api().post("/flows", {"document": GREETING})
    scope = "usage:read" if method == "GET" or "validate" in path else "flows:read"
    problem = assert_problem(make_api(scope)(method, path, body), 403, "permission_refused")
    assert "scope" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body"), [call for call in CALLS if "greeting" in call[1]]
)
def test_another_workspaces_flow_is_404(
    api: Api, stranger: Api, flow: dict[str, Any], method: str, path: str, body: Any
) -> None:
    api.post("/flows/greeting/publish")
    by_id = path.replace("greeting", flow["id"])
    for address in (path, by_id):
        assert_problem(stranger(method, address, body), 404, "not_found")
    assert api.get("/flows/greeting").json()["name"] == "Greeting"


def test_another_workspaces_flows_are_not_listed(
    api: Api, stranger: Api, flow: dict[str, Any]
) -> None:
    assert stranger.get("/flows").json()["results"] == []
