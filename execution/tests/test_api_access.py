"""Who may call the REST API of runs, and what others see: nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from execution.models import Run
from flows.tests.fixtures import GREETING, Api, assert_problem

NOBODY = "0192f3a5-11aa-7c3d-8e4f-5a6b7c8d9e0f"


@pytest.fixture
def run(api: Api, dispatched: list[Run]) -> dict[str, Any]:
    """A run of the owner's; nobody takes it."""
    api.post("/flows", {"document": GREETING})
    api.post("/flows/greeting/publish")
    made: dict[str, Any] = api.post("/flows/greeting/runs", {"inputs": {"name": "Ada"}}).json()
    return made


CALLS = [
    ("POST", "/flows/greeting/runs"),
    ("GET", "/runs"),
    ("GET", "/runs/RUN"),
    ("GET", "/runs/RUN/nodes"),
    ("GET", "/runs/RUN/document"),
    ("GET", "/runs/RUN/events"),
    ("POST", "/runs/RUN/cancel"),
    ("POST", "/runs/RUN/pause"),
    ("POST", "/runs/RUN/resume"),
    ("POST", "/runs/RUN/rerun"),
    ("GET", f"/runs/RUN/values/{'0' * 64}"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_without_a_key_every_call_is_401(anonymous: Api, method: str, path: str) -> None:
    response = anonymous(method, path.replace("RUN", NOBODY))
    assert_problem(response, 401, "not_authenticated")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_key_without_the_scope_is_403(
    make_api: Callable[..., Api], method: str, path: str
) -> None:
    scope = "flows:read" if method == "GET" else "runs:read"
    response = make_api(scope)(method, path.replace("RUN", NOBODY))
    assert_problem(response, 403, "permission_refused")


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[1] != "/runs"])
def test_another_workspaces_objects_are_404(
    stranger: Api, run: dict[str, Any], method: str, path: str
) -> None:
    response = stranger(method, path.replace("RUN", run["id"]), {} if method == "POST" else None)
    assert_problem(response, 404, "not_found")
    assert Run.objects.get(pk=run["id"]).cancel_requested_at is None


def test_another_workspaces_runs_are_not_listed(stranger: Api, run: dict[str, Any]) -> None:
    assert stranger.get("/runs").json()["results"] == []
    assert stranger.get(f"/runs?search={run['id']}").json()["results"] == []
