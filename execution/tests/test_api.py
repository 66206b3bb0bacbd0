"""The REST API of runs: start, look, follow, stop; and its errors."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from execution.blobs import save_blobs
from execution.ending import end_from_outside
from execution.models import NodeRun, Run
from execution.payloads import Externalizer
from execution.temporal_client import TemporalUnreachable
from flows.models import Flow
from flows.tests.fixtures import GREETING, Api, assert_problem

NOBODY = "0192f3a5-11aa-7c3d-8e4f-5a6b7c8d9e0f"


@pytest.fixture(autouse=True)
def dispatched(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Runs handed to Temporal; here nobody takes them."""
    runs: list[Run] = []
    monkeypatch.setattr("execution.services.dispatch", lambda run, *rest: runs.append(run))
    monkeypatch.setattr("execution.services.request_cancel", lambda run: False)
    return runs


@pytest.fixture
def flow(api: Api) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/flows", {"document": GREETING}).json()
    api.post("/flows/greeting/publish")
    return made


@pytest.fixture
def run(api: Api, flow: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = start(api).json()
    return made


def start(api: Api, name: str = "Ada", **headers: str) -> Any:
    return api.post("/flows/greeting/runs", {"inputs": {"name": name}}, **headers)


def end(run_id: str, status: str = "succeeded", **fields: Any) -> None:
    now = datetime.now(UTC)
    Run.objects.filter(pk=run_id).update(status=status, finished_at=now, **fields)


def test_a_run_is_started_and_answered_at_once(
    api: Api, flow: dict[str, Any], dispatched: list[Run]
) -> None:
    response = start(api)
    assert response.status_code == 201
    body = response.json()
    assert response["Location"] == f"/api/v1/runs/{body['id']}"
    assert (body["status"], body["version"], body["flow"]) == ("queued", 1, flow["id"])
    assert body["inputs"] == {"name": "Ada"}
    assert body["trigger"] == "api"
    assert [str(run.id) for run in dispatched] == [body["id"]]
    assert api.get(f"/runs/{body['id']}").json() == body


def test_starting_takes_few_queries(api: Api, flow: dict[str, Any]) -> None:
    start(api)
    with CaptureQueriesContext(connection) as captured:
        start(api)
    statements = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    # The key, the flow, the run and its first event.
    assert len(statements) <= 4, statements
    assert not any('"flows_flowversion"."document"' in sql for sql in statements)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"inputs": {}}, "inputs.name"),
        ({}, "inputs.name"),
        ({"inputs": {"name": "x", "nmae": 1}}, "inputs.nmae"),
        ({"inputs": []}, "inputs"),
        ({"inputs": {"name": "x"}, "session_id": 7}, "session_id"),
        ({"inputs": {"name": "x"}, "session_id": "x" * 201}, "session_id"),
        ({"inputs": {"name": "x"}, "version": "latest"}, "version"),
        ({"inputs": {"name": "x"}, "version": True}, "version"),
        ({"inputs": {"name": "x"}, "version": 0}, "version"),
        ({"inputs": {"name": "x"}, "version": 2**40}, "version"),
        ({"inputs": {"name": "x"}, "version": ["draft"]}, "version"),
        ({"input": {"name": "x"}}, "input"),
    ],
)
def test_what_does_not_fit_is_422_and_named(
    api: Api, flow: dict[str, Any], body: Any, path: str
) -> None:
    response = api.post("/flows/greeting/runs", body)
    assert response.status_code == 422, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert path in [error["path"] for error in response.json()["errors"]]
    assert not Run.objects.exists()


def test_a_flow_that_is_not_published_is_409_but_its_draft_runs(api: Api) -> None:
    api.post("/flows", {"document": GREETING})
    assert_problem(start(api), 409, "not_published")
    body = {"inputs": {"name": "Ada"}, "version": "draft"}
    drafted = api.post("/flows/greeting/runs", body)
    assert drafted.status_code == 201
    api.post("/flows/greeting/publish")
    assert api.post("/flows/greeting/runs", {**body, "version": 1}).status_code == 201
    assert_problem(api.post("/flows/greeting/runs", {**body, "version": 7}), 409, "not_published")


def test_a_draft_with_errors_does_not_run(api: Api) -> None:
    broken = {**GREETING, "nodes": [GREETING["nodes"][1]], "edges": []}
    api.post("/flows", {"document": broken})
    response = api.post("/flows/greeting/runs", {"version": "draft"})
    assert_problem(response, 422, "document_invalid")


def test_the_same_idempotency_key_gives_the_same_run(
    api: Api, flow: dict[str, Any], dispatched: list[Run]
) -> None:
    first = start(api, Idempotency_Key="order-7")
    again = start(api, Idempotency_Key="order-7")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert len(dispatched) == 1
    other = start(api, "Grace", Idempotency_Key="order-7")
    problem = assert_problem(other, 422, "idempotency_key_reused")
    assert problem["errors"][0]["path"] == "Idempotency-Key"
    assert start(api, Idempotency_Key="order-8").status_code == 201


def test_an_idempotency_key_belongs_to_its_workspace(
    api: Api, stranger: Api, flow: dict[str, Any]
) -> None:
    stranger.post("/flows", {"document": GREETING})
    stranger.post("/flows/greeting/publish")
    mine = start(api, Idempotency_Key="same")
    theirs = start(stranger, Idempotency_Key="same")
    assert theirs.status_code == 201
    assert mine.json()["id"] != theirs.json()["id"]


@pytest.mark.parametrize("key", ["x" * 201, "caf\xe9", "tab\tinside"])
def test_an_idempotency_key_that_cannot_be_kept_is_400(
    api: Api, flow: dict[str, Any], key: str
) -> None:
    assert_problem(start(api, Idempotency_Key=key), 400, "bad_idempotency_key")


def test_prefer_wait_answers_when_the_run_has_ended(
    api: Api, flow: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(run_id: Any, seconds: float) -> bool:
        assert seconds == 60
        end(run_id, outputs={"result": "Hello Ada"})
        return True

    monkeypatch.setattr("execution.api.start_views.wait_until_ended", ends)
    monkeypatch.setattr("execution.api.start_views.connection.close", lambda: None)
    response = start(api, Prefer="respond-async, wait=900")
    assert response.status_code == 201
    assert response["Preference-Applied"] == "wait=60"
    assert (response.json()["status"], response.json()["version"]) == ("succeeded", 1)
    assert response.json()["outputs"] == {"result": "Hello Ada"}


def test_prefer_wait_zero_and_nonsense_do_not_wait(api: Api, flow: dict[str, Any]) -> None:
    assert start(api, Prefer="wait=0")["Preference-Applied"] == "wait=0"
    assert "Preference-Applied" not in start(api, Prefer="wait=soon")
    assert "Preference-Applied" not in start(api, Prefer="handling=lenient")


def test_a_start_while_temporal_is_away_is_kept(
    api: Api, flow: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any) -> None:
        raise TemporalUnreachable("no answer")

    monkeypatch.setattr("execution.services.dispatch", away)
    response = start(api)
    assert (response.status_code, response.json()["status"]) == (201, "queued")


def test_runs_are_listed_page_by_page_newest_first(api: Api, flow: dict[str, Any]) -> None:
    started = [start(api, f"n{number}").json()["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = api.get(f"/runs?limit=2&cursor={cursor}").json()
        seen += [run["id"] for run in page["results"]]
        cursor = page["next"]
    assert seen == started[::-1]


def test_runs_made_at_the_same_moment_are_all_on_some_page(api: Api, flow: dict[str, Any]) -> None:
    for number in range(5):
        start(api, f"n{number}")
    Run.objects.update(created_at=datetime.now(UTC))
    first = api.get("/runs?limit=3").json()
    second = api.get(f"/runs?limit=3&cursor={first['next']}").json()
    ids = [run["id"] for run in [*first["results"], *second["results"]]]
    assert len(set(ids)) == 5


def test_a_page_of_runs_takes_as_many_queries_as_one_run(api: Api, flow: dict[str, Any]) -> None:
    for number in range(12):
        start(api, f"n{number}")
    with CaptureQueriesContext(connection) as few:
        api.get("/runs?limit=1")
    with CaptureQueriesContext(connection) as many:
        api.get("/runs?limit=12")
    assert len(few) == len(many) <= 2
    assert not any('"flows_flowversion"."document"' in query["sql"] for query in many)


def test_runs_are_filtered(api: Api, flow: dict[str, Any]) -> None:
    body = {"inputs": {"name": "Ada"}, "session_id": "visitor 42"}
    old = api.post("/flows/greeting/runs", body).json()["id"]
    new = start(api).json()["id"]
    long_ago = datetime.now(UTC) - timedelta(days=3)
    Run.objects.filter(pk=old).update(created_at=long_ago)
    end_from_outside(old, "failed", {"code": "odd", "message": "Something odd"})

    def found(query: str) -> list[str]:
        return [run["id"] for run in api.get(f"/runs?{query}").json()["results"]]

    assert found("status=failed") == [old]
    assert found("status=failed,queued") == [new, old]
    assert found("status=succeeded") == []
    assert found(f"flow={flow['id']}") == [new, old]
    assert found("flow=greeting") == [new, old]
    assert found("flow=other") == []
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    assert found(f"since={yesterday}") == [new]
    assert found(f"until={yesterday}T00:00:00Z") == [old]
    assert found(f"until={yesterday}T00:00:00+02:00") == [old]
    assert found("search=visitor") == [old]
    assert found(f"search={new}") == [new]
    assert found("search=GREET") == [new, old]


@pytest.mark.parametrize(
    "query",
    ["status=done", "since=yesterday", "until=2026-13-45", "flow=%00", "search=%00", "limit=999"],
)
def test_a_bad_filter_is_named(api: Api, query: str) -> None:
    problem = assert_problem(api.get(f"/runs?{query}"), 400, "bad_parameter")
    assert problem["errors"][0]["path"] == query.split("=")[0]


def test_the_nodes_of_a_run_are_listed_with_every_attempt(api: Api, run: dict[str, Any]) -> None:
    for attempt in (1, 2, 3):
        NodeRun.objects.create(
            run_id=run["id"], node="ask", type="llm", attempt=attempt, status="failed"
        )
    first = api.get(f"/runs/{run['id']}/nodes?limit=2").json()
    second = api.get(f"/runs/{run['id']}/nodes?limit=2&cursor={first['next']}").json()
    attempts = [row["attempt"] for row in [*first["results"], *second["results"]]]
    assert attempts == [1, 2, 3]
    assert second["next"] is None
    assert {"node", "path", "attempt", "status", "input", "output", "error", "reused"} <= first[
        "results"
    ][0].keys()
    problem = api.get(f"/runs/{run['id']}/nodes?cursor=x")
    assert_problem(problem, 400, "cursor_invalid")


def test_a_run_of_a_draft_says_so(api: Api, run: dict[str, Any]) -> None:
    body = {"inputs": {"name": "Ada"}, "version": "draft"}
    assert api.post("/flows/greeting/runs", body).json()["version"] == "draft"
    assert run["version"] == 1


def test_a_flow_that_is_deleted_while_its_run_starts_is_not_there(
    api: Api, run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def deleted_meanwhile(row: Run, *given: Any) -> None:
        Flow.objects.filter(id=row.flow_id).delete()
        raise IntegrityError("the flow is gone")

    monkeypatch.setattr("execution.services.begin_run", deleted_meanwhile)
    answer = api.post("/flows/greeting/runs", {"inputs": {"name": "Ada"}})
    assert_problem(answer, 404, "not_found")
    assert "deleted" in answer.json()["detail"]


def test_a_run_is_cancelled_and_twice_is_the_same(api: Api, run: dict[str, Any]) -> None:
    path = f"/runs/{run['id']}/cancel"
    first, again = api.post(path), api.post(path)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["status"] == "cancelled"
    assert first.json() == again.json()


def test_a_run_that_ended_cannot_be_cancelled(api: Api, run: dict[str, Any]) -> None:
    end(run["id"])
    problem = api.post(f"/runs/{run['id']}/cancel")
    assert_problem(problem, 409, "run_state_conflict")


def test_a_cancel_while_temporal_is_away_is_kept(
    api: Api, run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any) -> None:
        raise TemporalUnreachable("no answer")

    monkeypatch.setattr("execution.services.request_cancel", away)
    response = api.post(f"/runs/{run['id']}/cancel")
    assert (response.status_code, response.json()["status"]) == (200, "queued")
    assert Run.objects.get(pk=run["id"]).cancel_requested_at is not None


def test_a_large_value_is_whole_in_the_run_and_can_be_fetched_alone(
    api: Api, run: dict[str, Any]
) -> None:
    text = "long " * 20_000
    out = Externalizer()
    row = Run.objects.get(pk=run["id"])
    outputs = {"result": out.shrink(text), "data": out.shrink(["x" * 40_000])}
    save_blobs(row.workspace_id, out.blobs)
    end(run["id"], outputs=outputs)
    assert api.get(f"/runs/{run['id']}").json()["outputs"]["result"] == text
    listed = api.get("/runs").json()["results"][0]["outputs"]["result"]
    assert listed["size"] == len(text)
    value = api.get(f"/runs/{run['id']}/values/{listed['$blob']}")
    assert value.content.decode() == text
    assert value["Content-Type"].startswith("text/plain")
    assert value["Content-Disposition"].startswith("attachment")
    assert value["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("digest", ["0" * 64, "x", "a" * 500])
def test_a_value_that_is_not_there_is_404(api: Api, run: dict[str, Any], digest: str) -> None:
    assert_problem(api.get(f"/runs/{run['id']}/values/{digest}"), 404, "not_found")


def test_a_flow_with_an_open_run_is_not_deleted(api: Api, run: dict[str, Any]) -> None:
    problem = assert_problem(api("DELETE", "/flows/greeting"), 409, "flow_in_use")
    assert "1 run has not ended" in problem["detail"]
    end(run["id"])
    assert api("DELETE", "/flows/greeting").status_code == 204
    assert not Run.objects.exists()


@pytest.mark.parametrize("name", ["x", NOBODY[:-1], "1", "A744DC68-AF24-40E4-AC5E-F02CF353EA1C"])
def test_a_run_that_is_not_there_is_404(api: Api, name: str) -> None:
    assert_problem(api.get(f"/runs/{name}"), 404, "not_found")


def test_a_10_mb_input_is_taken(api: Api, flow: dict[str, Any]) -> None:
    response = start(api, "x" * 10_000_000)
    assert response.status_code == 201
    assert len(response.json()["inputs"]["name"]) == 10_000_000
    assert len(json.dumps(Run.objects.get().inputs)) < 2_000
