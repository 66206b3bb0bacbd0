"""The OpenAPI document is valid, complete, and true; the page to try it uses our own files."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import URLResolver, get_resolver
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from flows.tests.fixtures import GREETING, Api
from fluxprompt.api.openapi import document


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return document()


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, calls in schema["paths"].items()
        for method, operation in calls.items()
    ]


def test_it_is_a_valid_openapi_3_1_document(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(schema).validate()


def test_every_address_of_the_api_is_in_it(schema: dict[str, Any]) -> None:
    routes = set()
    for pattern in get_resolver("fluxprompt.api.urls").url_patterns:
        if isinstance(pattern, URLResolver):
            for route in pattern.url_patterns:
                routes.add("/api/v1/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(route.pattern)))
    assert routes == set(schema["paths"])


def test_every_call_has_a_name_a_summary_and_its_errors(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(schema)]
    numbered = [name for name in names if name[-1].isdecimal()]
    assert numbered == [], "two calls have the same name"
    assert len(names) == len(set(names))
    for path, method, operation in operations(schema):
        assert operation["summary"], (path, method)
        assert {"400", "401", "403", "503"} <= operation["responses"].keys(), (path, method)
        assert ("404" in operation["responses"]) == ("{" in path), (path, method)


def test_every_body_and_answer_has_a_schema_and_an_example(schema: dict[str, Any]) -> None:
    without = []
    for path, method, operation in operations(schema):
        for content in operation.get("requestBody", {}).get("content", {}).items():
            if content[0] == "application/json" and "examples" not in content[1]:
                without.append((path, method, "request"))
        for status, answer in operation["responses"].items():
            if status in ("200", "201") and not answer.get("content"):
                without.append((path, method, status))
    assert without == []


def test_answers_fit_their_schemas(schema: dict[str, Any], api: Api) -> None:
    resource = Resource.from_contents(schema, default_specification=DRAFT202012)
    registry = Registry().with_resource("urn:api", resource)

    def check(name: str, value: Any) -> None:
        reference = {"$ref": f"urn:api#/components/schemas/{name}"}
        Draft202012Validator(reference, registry=registry).validate(value)

    check("FlowDetail", api.post("/flows", {"document": GREETING}).json())
    check("Flow", api.get("/flows").json()["results"][0])
    check("FlowDocument", api.get("/flows/greeting/document").json())
    check("FlowVersion", api.post("/flows/greeting/publish").json())
    check("FlowVersionDetail", api.get("/flows/greeting/versions/1").json())
    check("FlowDiff", api.get("/flows/greeting/versions/diff?from=1").json())
    check("Problem", api.get("/flows/nothing").json())
    for row in api.get("/node-types").json()["results"]:
        check("NodeType", row)


def test_answers_about_a_workspace_fit_their_schemas(
    schema: dict[str, Any], make_api: Callable[..., Api]
) -> None:
    resource = Resource.from_contents(schema, default_specification=DRAFT202012)
    registry = Registry().with_resource("urn:api", resource)

    def check(name: str, value: Any) -> None:
        reference = {"$ref": f"urn:api#/components/schemas/{name}"}
        Draft202012Validator(reference, registry=registry).validate(value)

    api = make_api("keys:write", "credentials:write", "variables:write", "audit:read")
    made = api.post("/keys", {"name": "x", "scopes": ["audit:read"], "monthly_budget": 1}).json()
    check("NewApiKey", made)
    check("ApiKey", api("PATCH", f"/keys/{made['id']}", {"requests_per_minute": 9}).json())
    check("ApiKey", api.get("/keys").json()["results"][0])
    asked = {"name": "x", "type": "bearer", "values": {"token": "t"}, "max_concurrent": 2}
    check("Credential", api.post("/credentials", asked).json())
    check("Credential", api.get("/credentials").json()["results"][0])
    check("Variable", api("PUT", "/variables/region", {"value": [1]}).json())
    check("Variable", api.get("/variables").json()["results"][0])
    for event in api.get("/audit").json()["results"]:
        check("AuditEvent", event)


DOCUMENT = "/flows/{flow}/document"
SESSION = "/flows/{flow}/sessions/{session}/memory"
UNREADABLE = {"name": 7}
#: Every kind of answer of the flows' calls: method, address, body, headers, status.
ANSWERS: list[tuple[str, str, Any, dict[str, str], int]] = [
    ("GET", "/flows", None, {}, 200),
    ("GET", "/flows?limit=0", None, {}, 400),
    ("POST", "/flows", {"document": GREETING}, {}, 201),
    ("POST", "/flows", {"document": UNREADABLE}, {}, 422),
    ("POST", "/flows", b"{", {}, 400),
    ("POST", "/flows", b"x", {"content_type": "text/csv"}, 415),
    ("POST", "/flows", {"name": "x" * 3_000}, {}, 413),
    ("POST", "/flows/validate", {"document": UNREADABLE}, {}, 200),
    ("POST", "/flows/validate", {}, {}, 422),
    ("POST", "/flows/import", {"text": json.dumps(GREETING)}, {}, 200),
    ("POST", "/flows/import", {"text": "no flow"}, {}, 422),
    ("GET", "/flows/{flow}", None, {}, 200),
    ("PATCH", "/flows/{flow}", {"name": "Other"}, {}, 200),
    ("PATCH", "/flows/{flow}", {"name": ""}, {}, 422),
    ("DELETE", "/flows/{flow}", None, {}, 204),
    ("DELETE", "/flows/{flow}", None, {"busy": "1"}, 409),
    ("GET", DOCUMENT, None, {}, 200),
    ("GET", DOCUMENT, None, {"Accept": "application/yaml"}, 200),
    ("GET", DOCUMENT, None, {"If_None_Match": '"1"'}, 304),
    ("GET", f"{DOCUMENT}?format=xml", None, {}, 400),
    ("PUT", DOCUMENT, GREETING, {"If_Match": '"1"'}, 200),
    ("PUT", DOCUMENT, GREETING, {"If_Match": '"7"'}, 412),
    ("PUT", DOCUMENT, UNREADABLE, {}, 422),
    ("POST", "/flows/{flow}/publish", None, {}, 200),
    ("POST", "/flows/{flow}/publish", {"note": 7}, {}, 422),
    ("GET", "/flows/{flow}/versions", None, {}, 200),
    ("GET", "/flows/{flow}/versions/{number}", None, {}, 200),
    ("POST", "/flows/{flow}/versions/{number}/restore", None, {}, 200),
    ("GET", "/flows/{flow}/versions/diff", None, {}, 200),
    ("GET", "/flows/{flow}/versions/diff?from=7", None, {}, 404),
    ("GET", "/flows/{flow}/versions/diff?from=x", None, {}, 400),
    ("GET", SESSION, None, {}, 200),
    ("GET", f"{SESSION}?cursor=x", None, {}, 400),
    ("DELETE", SESSION, None, {}, 204),
    ("GET", "/node-types", None, {}, 200),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status"), ANSWERS)
def test_every_answer_of_the_flows_calls_is_in_it(
    schema: dict[str, Any],
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
    status: int,
) -> None:
    api.post("/flows", {"document": GREETING})
    api.post("/flows/greeting/publish")
    sent = dict(headers)
    if sent.pop("busy", ""):
        monkeypatch.setattr("flows.services.deletion_refusal", lambda flow: "A run is open.")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2_000
    answer = api(method, path.format(flow="greeting", number=1, session="ada"), body, **sent)
    assert answer.status_code == status, answer.content
    described = schema["paths"][f"/api/v1{path.split('?')[0]}"][method.lower()]["responses"]
    assert str(status) in described
    found = described[str(status)]
    found = schema["components"]["responses"].get(found.get("$ref", "").split("/")[-1], found)
    kinds = found.get("content", {})
    kind = answer.get("Content-Type", "").split(";")[0] if answer.content else None
    assert kind in kinds if kind else not kinds


def test_every_call_of_flows_is_asked_for_its_answers(schema: dict[str, Any]) -> None:
    asked = {(method.lower(), f"/api/v1{path.split('?')[0]}") for method, path, *_ in ANSWERS}
    described = {
        (method, path)
        for path, method, _ in operations(schema)
        if path.startswith(("/api/v1/flows", "/api/v1/node-types"))
    }
    assert {(method, path) for method, path in described if "runs" not in path} == asked


@pytest.mark.django_db
def test_it_is_served_as_json_and_as_yaml_to_everyone() -> None:
    client = Client()
    as_json = client.get("/api/schema/")
    assert as_json["Content-Type"].startswith("application/vnd.oai.openapi+json")
    as_yaml = client.get("/api/schema/?format=yaml")
    assert yaml.safe_load(as_yaml.content)["paths"].keys() == as_json.json()["paths"].keys()
    weighed = client.get("/api/schema/", headers={"Accept": "text/yaml;q=0.1, application/json"})
    assert weighed["Content-Type"].startswith("application/vnd.oai.openapi+json")
    accepted = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi"})
    assert accepted.status_code == 200


@pytest.mark.django_db
def test_the_page_to_try_it_has_no_inline_script_and_no_foreign_address() -> None:
    response = Client().get("/api/docs/")
    page = response.content.decode()
    assert response.status_code == 200
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)
    assert "style=" not in page
    assert "script-src 'self'" in response["Content-Security-Policy"]
