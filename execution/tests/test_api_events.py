"""The REST API of a run's events: lists, pages, the live stream."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from execution.models import Run, RunEvent
from flows.tests.fixtures import GREETING, Api, assert_problem


@pytest.fixture
def run(api: Api, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A queued run that nobody takes."""
    monkeypatch.setattr("execution.services.dispatch", lambda *args: None)
    api.post("/flows", {"document": GREETING})
    api.post("/flows/greeting/publish")
    made: dict[str, Any] = api.post("/flows/greeting/runs", {"inputs": {"name": "Ada"}}).json()
    return made


def end(run_id: str) -> None:
    Run.objects.filter(pk=run_id).update(status="succeeded", finished_at=datetime.now(UTC))


def add_events(run_id: str, *types: str) -> None:
    for seq, kind in enumerate(types, start=2):
        RunEvent.objects.create(
            run_id=run_id,
            seq=seq,
            key=f"{kind}:{seq}",
            at=datetime.now(UTC),
            type=kind,
            data={"n": seq},
        )
    Run.objects.filter(pk=run_id).update(last_seq=len(types) + 1)


def test_events_are_paged_by_cursor_like_any_list(api: Api, run: dict[str, Any]) -> None:
    add_events(run["id"], *["node.started"] * 6, "run.finished")
    seen, cursor = [], "0"
    while cursor:
        page = api.get(f"/runs/{run['id']}/events?limit=3&cursor={cursor}").json()
        seen += [event["seq"] for event in page["results"]]
        cursor = page["next"]
    assert seen == list(range(1, 9))


def test_events_are_listed_in_order_from_where_one_was(api: Api, run: dict[str, Any]) -> None:
    add_events(run["id"], "run.started", "run.finished")
    path = f"/runs/{run['id']}/events"
    every = api.get(path).json()
    assert [event["type"] for event in every["results"]] == [
        "run.queued",
        "run.started",
        "run.finished",
    ]
    assert every["next"] is None
    page = api.get(f"{path}?limit=2").json()
    rest = api.get(f"{path}?limit=2&after={page['next']}").json()
    assert [event["seq"] for event in rest["results"]] == [3]
    assert_problem(api.get(f"{path}?after=-1"), 400, "bad_parameter")
    assert_problem(api.get(f"{path}?after={2**31}"), 400, "bad_parameter")


def test_the_stream_of_a_run_that_was_read_to_its_end_is_over(
    api: Api, run: dict[str, Any]
) -> None:
    add_events(run["id"], "run.finished")
    end(run["id"])
    response = api.get(f"/runs/{run['id']}/events", Accept="text/event-stream", Last_Event_ID="2")
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-store"
    assert asyncio.run(read(response)).startswith(b":")


async def read(response: Any) -> bytes:
    return b"".join([part async for part in response])
