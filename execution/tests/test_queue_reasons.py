"""A queued run says why it waits: to programs, on its page and in the lists."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Workspace
from execution.models import Run
from execution.queue_reasons import queued_of
from flows.tests.fixtures import Api, assert_problem

pytestmark = pytest.mark.usefixtures("dispatched")


@pytest.fixture
def start(api: Api) -> Callable[..., dict[str, Any]]:
    """Start the greeting; nobody works, so what is admitted stays at its start."""
    content = {
        "schema": "fluxprompt.flow/v1",
        "name": "Greeting",
        "nodes": [
            {"id": "start", "type": "input", "config": {"fields": []}},
            {"id": "end", "type": "output", "config": {"value": "hello"}},
        ],
        "edges": [{"from": "start", "to": "end"}],
    }

    def go(flow: str = "greeting", **more: Any) -> dict[str, Any]:
        answer = api.post(f"/flows/{flow}/runs", {"inputs": {}, **more})
        assert answer.status_code == 201, answer.content
        found: dict[str, Any] = answer.json()
        return found

    for name, settings in (("Greeting", {}), ("Careful", {"concurrency": 1})):
        made = api.post("/flows", {"document": {**content, "name": name, "settings": settings}})
        api.post(f"/flows/{made.json()['id']}/publish")
    return go


def test_a_run_that_is_about_to_start_says_so(start: Callable[..., Any], api: Api) -> None:
    run = start()
    assert run["priority"] == 3
    assert run["queue"]["reason"] == "starting"
    Run.objects.update(status="running")
    assert api.get(f"/runs/{run['id']}").json()["queue"] is None


def test_the_limit_of_the_workspace_is_told_with_what_is_ahead(
    start: Callable[..., Any], workspace: Workspace, api: Api
) -> None:
    Workspace.objects.update(max_running=1)
    start()
    second, third = start(), start()
    assert second["queue"] == {
        "reason": "workspace_limit",
        "message": "The workspace is limited to 1 run at once, and 1 is at work.",
        "limit": 1,
        "running": 1,
        "ahead": 0,
    }
    assert third["queue"]["ahead"] == 1
    assert third["queue"]["message"].endswith("1 starts before it.")
    urgent = start(priority=1)
    assert (urgent["priority"], urgent["queue"]["ahead"]) == (1, 0)
    listed = {run["id"]: run["queue"] for run in api.get("/runs").json()["results"]}
    assert listed[third["id"]]["ahead"] == 2


def test_the_limit_of_a_flow_is_told(start: Callable[..., Any]) -> None:
    first, second = start("careful"), start("careful")
    Run.objects.filter(id=first["id"]).update(admitted_at=timezone.now(), status="running")
    (queued,) = queued_of([Run.objects.get(id=second["id"])]).values()
    assert (queued.reason, queued.limit, queued.running) == ("flow_limit", 1, 1)
    assert start("greeting")["queue"]["reason"] == "starting"


def test_an_engine_that_does_not_answer_and_a_pause_are_told(start: Callable[..., Any]) -> None:
    run = Run.objects.get(id=start()["id"])
    run.admitted_at = timezone.now() - timedelta(minutes=1)
    assert queued_of([run])[run.id].reason == "engine_unreachable"
    run.pause_requested_at = timezone.now()
    assert queued_of([run])[run.id].reason == "paused"


@pytest.mark.parametrize("wrong", [0, 6, "1", True, 1.5])
def test_a_priority_is_a_number_from_one_to_five(
    start: Callable[..., Any], api: Api, wrong: Any
) -> None:
    answer = api.post("/flows/greeting/runs", {"inputs": {}, "priority": wrong})
    problem = assert_problem(answer, 422, "value")
    assert problem["errors"][0]["path"] == "priority"


def test_a_priority_belongs_to_what_an_idempotency_key_stands_for(
    start: Callable[..., Any], api: Api
) -> None:
    def again(**body: Any) -> int:
        answer = api.post("/flows/greeting/runs", {"inputs": {}, **body}, Idempotency_Key="k")
        return int(answer.status_code)

    assert [again(), again(), again(priority=1)] == [201, 200, 422]


def test_the_pages_say_why_a_run_waits(
    start: Callable[..., Any], visitor: Client, workspace: Workspace
) -> None:
    Workspace.objects.update(max_running=1)
    start()
    held = start()
    sentence = "The workspace is limited to 1 run at once, and 1 is at work."
    for page in (f"/runs/{held['id']}/", "/runs/", f"/runs/{held['id']}/queue/"):
        assert sentence in visitor.get(page).content.decode(), page
    Run.objects.update(status="running")
    assert sentence not in visitor.get(f"/runs/{held['id']}/queue/").content.decode()
