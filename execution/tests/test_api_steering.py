"""The REST API of steering: pause, resume, run again, run a part; and their refusals."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from execution.models import NodeRun, Run, RunEvent
from execution.telling import tell, untold
from execution.temporal_client import TemporalUnreachable
from flows.tests.fixtures import GREETING, Api, assert_problem


@pytest.fixture
def run(api: Api, dispatched: list[Run]) -> dict[str, Any]:
    """A run that nobody takes."""
    api.post("/flows", {"document": GREETING})
    api.post("/flows/greeting/publish")
    made: dict[str, Any] = api.post("/flows/greeting/runs", {"inputs": {"name": "Ada"}}).json()
    return made


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Signals that were sent to workflows, instead of sending them."""
    sent: list[str] = []

    def send(run: UUID, signal: str) -> bool:
        sent.append(f"{signal} {run}")
        return True

    monkeypatch.setattr("execution.telling.signal_run", send)
    return sent


def end(run: dict[str, Any], status: str = "succeeded") -> None:
    Run.objects.filter(pk=run["id"]).update(status=status, finished_at=datetime.now(UTC))


def test_a_run_is_paused_and_resumed_and_twice_is_the_same_as_once(
    api: Api, run: dict[str, Any], signals: list[str]
) -> None:
    for _ in range(2):
        paused = api.post(f"/runs/{run['id']}/pause")
        assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    for _ in range(2):
        resumed = api.post(f"/runs/{run['id']}/resume")
        assert (resumed.status_code, resumed.json()["status"]) == (200, "queued")
    events = RunEvent.objects.filter(run=run["id"]).order_by("seq").values_list("type", "data")
    assert list(events)[1:] == [
        ("run.paused", {"status": "paused"}),
        ("run.resumed", {"status": "queued"}),
    ]
    assert signals == [f"pause {run['id']}", f"resume {run['id']}"]


@pytest.mark.parametrize("call", ["pause", "resume"])
def test_a_run_that_has_ended_is_not_steered(
    api: Api, run: dict[str, Any], signals: list[str], call: str
) -> None:
    end(run)
    assert_problem(api.post(f"/runs/{run['id']}/{call}"), 409, "run_state_conflict")
    assert signals == []


def test_an_inline_run_is_not_paused(api: Api, run: dict[str, Any], signals: list[str]) -> None:
    Run.objects.filter(pk=run["id"]).update(execution="inline")
    assert api.get(f"/runs/{run['id']}").json()["execution"] == "inline"
    assert_problem(api.post(f"/runs/{run['id']}/pause"), 409, "run_state_conflict")


def test_a_pause_while_temporal_is_away_is_kept_and_told_later(
    api: Api, run: dict[str, Any], signals: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> bool:
        raise TemporalUnreachable("nobody there")

    with monkeypatch.context() as away:
        away.setattr("execution.telling.signal_run", refuse)
        response = api.post(f"/runs/{run['id']}/pause")
    assert (response.status_code, response.json()["status"]) == (200, "paused")
    assert untold() == []  # not at once again
    Run.objects.update(signal_due_at=datetime.now(UTC))
    assert [str(found) for found in untold()] == [run["id"]]
    assert tell(UUID(run["id"]))
    assert signals == [f"pause {run['id']}"]
    assert untold() == []


def test_a_run_that_has_not_begun_is_told_when_it_has(
    api: Api, run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution.telling.signal_run", lambda *_: False)
    api.post(f"/runs/{run['id']}/pause")
    assert Run.objects.get(pk=run["id"]).signal_due_at is not None
    end(run)
    Run.objects.filter(pk=run["id"]).update(signal_due_at=datetime.now(UTC))
    assert tell(UUID(run["id"]))
    assert Run.objects.get(pk=run["id"]).signal_due_at is None


def test_a_run_that_ended_is_run_again_from_a_node(api: Api, run: dict[str, Any]) -> None:
    end(run)
    response = api.post(f"/runs/{run['id']}/rerun", {"from": "result"})
    assert response.status_code == 201
    again = response.json()
    assert response["Location"] == f"/api/v1/runs/{again['id']}"
    assert (again["rerun_of"], again["trigger"]) == (run["id"], "rerun")
    assert (again["inputs"], again["version"]) == ({"name": "Ada"}, 1)
    asked = Run.objects.get(pk=again["id"]).options["rerun"]
    assert asked == {
        "run": run["id"],
        "start": "result",
        "only_failed": False,
        "edited": False,
    }


def test_inputs_and_version_of_a_rerun_may_be_others(api: Api, run: dict[str, Any]) -> None:
    end(run, "failed")
    body = {"inputs": {"name": "Grace"}, "version": "draft"}
    again = api.post(f"/runs/{run['id']}/rerun", body).json()
    assert (again["inputs"], again["version"]) == ({"name": "Grace"}, "draft")
    assert Run.objects.get(pk=again["id"]).options["rerun"]["edited"] is True


def test_a_rerun_is_made_once_for_each_key(api: Api, run: dict[str, Any]) -> None:
    end(run)
    first = api.post(f"/runs/{run['id']}/rerun", {"from": "result"}, Idempotency_Key="k1")
    second = api.post(f"/runs/{run['id']}/rerun", {"from": "result"}, Idempotency_Key="k1")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    other = api.post(f"/runs/{run['id']}/rerun", {"from": "start"}, Idempotency_Key="k1")
    assert_problem(other, 422, "idempotency_key_reused")


def test_a_rerun_waits_for_its_end_where_that_is_preferred(
    api: Api, run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    end(run)

    def over(run_id: UUID, seconds: float) -> None:
        Run.objects.filter(pk=run_id).update(status="succeeded")

    monkeypatch.setattr("execution.api.start_views.wait_until_ended", over)
    # The test's own transaction is on it.
    monkeypatch.setattr("execution.api.start_views.connection.close", lambda: None)
    response = api.post(f"/runs/{run['id']}/rerun", {}, Prefer="wait=5")
    assert response["Preference-Applied"] == "wait=5"
    assert response.json()["status"] == "succeeded"


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"from": "nobody"}, "options_invalid", "from"),
        ({"from": "result", "only_failed": True}, "options_invalid", "only_failed"),
        ({"only_failed": "yes"}, "type", "only_failed"),
        ({"from": 3}, "type", "from"),
        ({"inputs": []}, "type", "inputs"),
        ({"version": "newest"}, "value", "version"),
        ({"inputs": {"nome": "x"}}, "inputs_invalid", "inputs.name"),
        ({"start": "result"}, "unknown_field", "start"),
    ],
)
def test_a_rerun_that_cannot_be_names_the_field(
    api: Api, run: dict[str, Any], body: dict[str, Any], code: str, path: str
) -> None:
    end(run)
    problem = assert_problem(api.post(f"/runs/{run['id']}/rerun", body), 422, code)
    assert path in [error["path"] for error in problem["errors"]]
    assert path.split(".")[-1] in problem["detail"]


def test_a_run_under_way_is_not_run_again(api: Api, run: dict[str, Any]) -> None:
    assert_problem(api.post(f"/runs/{run['id']}/rerun", {}), 409, "run_state_conflict")
    end(run)
    problem = api.post(f"/runs/{run['id']}/rerun", {"version": 7})
    assert_problem(problem, 409, "not_published")


def test_a_part_of_a_flow_is_run(api: Api, run: dict[str, Any]) -> None:
    body = {"inputs": {"name": "Ada"}, "until": "start"}
    made = api.post("/flows/greeting/runs", body)
    assert made.status_code == 201
    assert Run.objects.get(pk=made.json()["id"]).options == {"until": "start"}
    given = {"start": {"name": "Grace"}}
    body = {"inputs": {"name": "Ada"}, "only": "result", "given": given}
    made = api.post("/flows/greeting/runs", body).json()
    assert Run.objects.get(pk=made["id"]).options == {"only": "result", "given": given}


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"until": "nobody"}, "options_invalid", "until"),
        ({"only": "nobody"}, "options_invalid", "only"),
        ({"until": "start", "only": "start"}, "options_invalid", "until"),
        ({"given": {"nobody": {}}}, "options_invalid", "given.nobody"),
        ({"given": {"start": "text"}}, "options_invalid", "given.start"),
        ({"given": {"start": {"name": "x" * 40_000}}}, "options_invalid", "given"),
        ({"given": []}, "type", "given"),
        ({"until": ["start"]}, "type", "until"),
    ],
)
def test_a_part_that_cannot_be_run_names_the_option(
    api: Api, run: dict[str, Any], body: dict[str, Any], code: str, path: str
) -> None:
    response = api.post("/flows/greeting/runs", {"inputs": {"name": "Ada"}, **body})
    problem = assert_problem(response, 422, code)
    assert [error["path"] for error in problem["errors"]] == [path]


def test_the_runs_of_sub_flows_are_found_by_the_run_above(
    api: Api, run: dict[str, Any], stranger: Api
) -> None:
    child = api.post("/flows/greeting/runs", {"inputs": {"name": "Eve"}}).json()
    assert child["parent"] is None
    Run.objects.filter(pk=child["id"]).update(
        parent=run["id"], parent_node="sub", parent_path=["rows", 3]
    )
    found = api.get(f"/runs?parent={run['id']}").json()["results"]
    assert [entry["id"] for entry in found] == [child["id"]]
    assert found[0]["parent"] == {"run": run["id"], "node": "sub", "path": ["rows", 3]}
    assert stranger.get(f"/runs?parent={run['id']}").json()["results"] == []
    assert_problem(api.get("/runs?parent=nonsense"), 400, "bad_parameter")


def test_a_node_run_tells_its_iteration_and_whether_it_was_taken_over(
    api: Api, run: dict[str, Any]
) -> None:
    NodeRun.objects.create(
        run_id=run["id"], node="ask", type="llm", path=["rows", 3], status="succeeded", reused=True
    )
    row = api.get(f"/runs/{run['id']}/nodes").json()["results"][0]
    assert (row["path"], row["reused"]) == (["rows", 3], True)
