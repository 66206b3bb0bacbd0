"""Whatever is sent, the API answers with less than 500, and in trouble with a problem."""

import os
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.tests.fixtures import GREETING, Api

texts = st.text(max_size=12) | st.sampled_from(
    ["start", "start.out", "{{ start.name }}", "{{", "\0", "fluxprompt.flow/v1", "input", "1e999"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
node_keys = st.sampled_from(
    ["id", "type", "config", "label", "parent", "retry", "timeout_seconds", "on_error", "version"]
)
kinds = st.sampled_from(["input", "output", "llm", "if", "switch", "http", "merge", "note", "x"])
nodes = st.fixed_dictionaries(
    {"id": st.sampled_from(["start", "result", "a", "b"]) | texts, "type": kinds},
    optional={"config": values, "parent": texts, "retry": values, "on_error": values},
) | st.dictionaries(node_keys, values, max_size=4)
edges = st.fixed_dictionaries({"from": texts, "to": texts}) | values
documents = st.fixed_dictionaries(
    {
        "schema": st.just("fluxprompt.flow/v1") | values,
        "name": texts | values,
        "nodes": st.lists(nodes, max_size=5) | values,
    },
    optional={
        "edges": st.lists(edges, max_size=4) | values,
        "layout": values,
        "settings": values,
        "description": values,
    },
)
bodies = (
    st.fixed_dictionaries({"document": documents})
    | st.dictionaries(st.sampled_from(["name", "document", "other"]), values, max_size=3)
    | values
)
starts = (
    st.fixed_dictionaries(
        {"inputs": st.dictionaries(st.just("name") | texts, values, max_size=3)},
        optional={"version": values | st.just("draft"), "session_id": values},
    )
    | values
)
often = settings(
    max_examples=int(os.environ.get("FLUX_TEST_FUZZ", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def nobody_takes_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution.services.dispatch", lambda *args: None)


@pytest.fixture
def greeting(api: Api) -> None:
    api.post("/flows", {"document": GREETING})
    api.post("/flows/greeting/publish")


def answered(response: Any) -> None:
    assert response.status_code < 500, response.content
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["detail"]


@often
@given(body=bodies)
def test_any_json_to_create_a_flow(api: Api, body: Any) -> None:
    answered(api.post("/flows", body))


@often
@given(body=bodies)
def test_any_json_to_validate(api: Api, body: Any) -> None:
    answered(api.post("/flows/validate", body))


@often
@given(body=starts)
def test_any_json_to_start_a_run(api: Api, greeting: None, body: Any) -> None:
    answered(api.post("/flows/greeting/runs", body))


@often
@given(document=documents)
def test_any_draft_is_kept_or_refused_and_can_be_read_again(
    api: Api, greeting: None, document: Any
) -> None:
    put = api("PUT", "/flows/greeting/document", document)
    answered(put)
    read = api.get("/flows/greeting/document")
    assert read.status_code == 200
    if put.status_code == 200:
        again = api("PUT", "/flows/greeting/document", read.content)
        assert again.json()["revision"] == put.json()["revision"]
    answered(api.post("/flows/greeting/publish"))


@often
@given(raw=st.binary(max_size=200), path=st.sampled_from(["/flows", "/flows/validate"]))
def test_any_bytes_as_json_and_as_yaml(api: Api, raw: bytes, path: str) -> None:
    answered(api.post(path, raw))
    answered(api.post(path, raw, content_type="application/yaml"))


@often
@given(text=st.text(max_size=120))
def test_any_text_as_yaml(api: Api, text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    answered(api.post("/flows/validate", raw, content_type="application/yaml"))
    answered(api.post("/flows/validate", {"document": text}))


@often
@given(
    name=st.sampled_from(["limit", "cursor", "search", "flow", "status", "since", "until"]),
    value=st.text(max_size=30),
)
def test_any_query(api: Api, name: str, value: str) -> None:
    query = f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}"
    for path in ("/flows", "/runs"):
        answered(api.get(f"{path}?{query}"))
