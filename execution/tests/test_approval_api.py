"""The REST API of approvals: what waits, those of a run, and the decision."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User, Workspace
from accounts.permissions import Actor
from execution.approvals import open_approval
from execution.models import Run
from execution.tests.approvals_for_tests import (
    approval_of,
    ask,
    asking,
    call_for,
    person,
    waiting_run,
)
from execution.tests.flows_for_tests import published
from execution.tests.pages_for_tests import make_run
from flows.tests.fixtures import Api, assert_problem

pytestmark = pytest.mark.usefixtures("woken")
FIELDS = [{"name": "amount", "type": "number", "required": True}]
NOBODY = "0192f3a5-11aa-7c3d-8e4f-5a6b7c8d9e0f"


@pytest.fixture
def run(actor: Actor) -> Run:
    return waiting_run(actor, {"message": "Pay?", "fields": FIELDS})


def decide(api: Api, run: Run, **body: Any) -> Any:
    return api.post(f"/runs/{run.id}/approvals/ask", body)


def test_what_waits_is_listed_and_decided(api: Api, run: Run) -> None:
    listed = api.get("/approvals").json()["results"]
    assert [(each["run"], each["node"], each["state"]) for each in listed] == [
        (str(run.id), "ask", "open")
    ]
    assert listed[0]["message"] == "Pay?"
    assert listed[0]["fields"][0]["name"] == "amount"
    answer = decide(api, run, decision="approve", comment=" Fine ", data={"amount": 7})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["decision"], body["comment"]) == ("decided", "approved", "Fine")
    assert body["data"] == {"amount": 7}
    assert body["by"]["email"] == "ada@example.com"
    assert body["by"]["via"] == "api"
    assert api.get("/approvals").json()["results"] == []
    assert api.get("/approvals?state=decided").json()["results"] == [body]
    assert api.get(f"/runs/{run.id}/approvals").json()["results"] == [body]


def test_the_same_decision_is_answered_again_and_another_is_409(api: Api, run: Run) -> None:
    first = decide(api, run, decision="reject").json()
    assert decide(api, run, decision="reject").json() == first
    problem = assert_problem(decide(api, run, decision="approve"), 409, "run_state_conflict")
    assert "rejected this" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "decision"),
        ({"decision": "maybe"}, "decision"),
        ({"decision": True}, "decision"),
        ({"decision": "approve"}, "data.amount"),
        ({"decision": "approve", "data": {"amount": "x"}}, "data.amount"),
        ({"decision": "approve", "data": []}, "data"),
        ({"decision": "reject", "comment": 7}, "comment"),
        ({"decision": "reject", "comment": "x" * 10_001}, "comment"),
        ({"decision": "reject", "path": "rows"}, "path"),
        ({"decision": "reject", "path": [True]}, "path"),
        ({"decision": "reject", "path": [1.5]}, "path"),
        ({"decision": "reject", "path": [1] * 101}, "path"),
        ({"decision": "reject", "verdict": 1}, "verdict"),
    ],
)
def test_what_does_not_fit_is_422_and_named(
    api: Api, run: Run, body: dict[str, Any], path: str
) -> None:
    response = decide(api, run, **body)
    assert response.status_code == 422, response.content
    assert path in [error["path"] for error in response.json()["errors"]]
    assert approval_of(run).state == "open"


def test_a_place_without_an_approval_is_404(api: Api, run: Run) -> None:
    body = {"decision": "reject"}
    for path in (f"/runs/{run.id}/approvals/start", f"/runs/{NOBODY}/approvals/ask"):
        assert_problem(api.post(path, body), 404, "not_found")
    there = decide(api, run, decision="reject", path=["rows", 0])
    assert_problem(there, 404, "not_found")


def test_what_a_step_of_an_agent_asks_is_decided_by_its_name(api: Api, run: Run) -> None:
    path: list[str | int] = ["helper", 3]
    call = {**call_for(run, path, ".pay"), "label": "Call of 'pay'"}
    open_approval(call, {"message": "May it?"})  # type: ignore[arg-type]
    answer = api.post(f"/runs/{run.id}/approvals/.pay", {"decision": "approve", "path": path})
    assert answer.status_code == 200
    assert (answer.json()["node"], answer.json()["decision"]) == (".pay", "approved")


def test_an_iteration_is_named_by_its_path(api: Api, actor: Actor) -> None:
    run = make_run(published(actor, asking()), "running", last_seq=1)
    for index in (0, 1):
        ask(run, path=["rows", index])
    assert decide(api, run, decision="approve", path=["rows", 1]).json()["path"] == ["rows", 1]
    states = {tuple(a["path"]): a["state"] for a in api.get("/approvals").json()["results"]}
    assert states == {("rows", 0): "open"}


def test_lists_are_paged_and_states_checked(api: Api, actor: Actor) -> None:
    runs = [waiting_run(actor) for _ in range(3)]
    page = api.get("/approvals?limit=2").json()
    rest = api.get(f"/approvals?limit=2&cursor={page['next']}").json()
    seen = [each["run"] for each in page["results"] + rest["results"]]
    assert seen == [str(run.id) for run in reversed(runs)]
    assert rest["next"] is None
    assert_problem(api.get("/approvals?state=shut"), 400, "bad_parameter")


CALLS = [
    ("GET", "/approvals"),
    ("GET", "/runs/RUN/approvals"),
    ("POST", "/runs/RUN/approvals/ask"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_without_a_key_every_call_is_401(anonymous: Api, method: str, path: str) -> None:
    assert_problem(anonymous(method, path.replace("RUN", NOBODY)), 401, "not_authenticated")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_key_without_the_scope_is_403(
    make_api: Callable[..., Api], run: Run, method: str, path: str
) -> None:
    api = make_api("flows:read" if method == "GET" else "runs:write")
    body = {"decision": "reject"} if method == "POST" else None
    response = api(method, path.replace("RUN", str(run.id)), body)
    assert_problem(response, 403, "permission_refused")
    assert approval_of(run).state == "open"


@pytest.mark.parametrize(("method", "path"), CALLS[1:])
def test_another_workspaces_approvals_are_404(
    stranger: Api, run: Run, method: str, path: str
) -> None:
    body = {"decision": "reject"} if method == "POST" else None
    response = stranger(method, path.replace("RUN", str(run.id)), body)
    assert_problem(response, 404, "not_found")
    assert stranger.get("/approvals?state=open").json()["results"] == []
    assert approval_of(run).state == "open"


@pytest.mark.parametrize(
    ("role", "named", "status"),
    [
        ("owner", False, 200),
        ("admin", False, 200),
        ("builder", False, 200),
        ("viewer", False, 403),
        ("viewer", True, 200),
    ],
)
def test_members_decide_in_a_browser_by_their_role(
    actor: Actor, workspace: Workspace, role: str, named: bool, status: int
) -> None:
    user, _ = person(workspace, role)
    run = waiting_run(actor, {"message": "Go?", "assignees": [user.email] if named else []})
    assert _browser(user, run).status_code == status


def _browser(user: User, run: Run) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(
        f"/api/v1/runs/{run.id}/approvals/ask", {"decision": "approve"}, "application/json"
    )
