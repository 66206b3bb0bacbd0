"""Stop nodes inside containers leave the same record, whoever drives the container."""

from typing import Any

import pytest

from execution.models import NodeRun, Run, RunEvent, RunStatus
from execution.parts_of_graph import HERE
from execution.tests.flows_for_tests import (
    document,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack")
WAIT: JSON = {"id": "pause", "type": "wait", "parent": "rows", "config": {"seconds": 0.01}}
MAP: JSON = {"type": "map", "config": {"items": [1, 2, 3], "concurrency": 1}}
MANY: JSON = {"type": "map", "config": {"items": list(range(HERE + 5)), "concurrency": 1}}
LARGE: JSON = {"type": "map", "config": {"items": list(range(301)), "concurrency": 1}}
LOOP: JSON = {"type": "loop", "config": {"max_iterations": HERE + 5}}
#: Who drives the container → the container, what is in it beside the stop, the run's settings.
WAYS: dict[str, tuple[JSON, list[JSON], JSON]] = {
    "inline": (MAP, [], {"execution": "inline"}),
    "activity": (MAP, [], {}),
    "parts": (LARGE, [], {}),
    "workflow": (MAP, [WAIT], {}),
    "workflows of parts": (MANY, [WAIT], {}),
    "workflows of rounds": (LOOP, [WAIT], {}),
}


def stopped(way: str, status: str, leave: str) -> Run:
    container, beside, settings = WAYS[way]
    config = {"status": status, "message": "Enough.", "leave": leave}
    nodes = [
        start_node("text"),
        {"id": "rows", **container},
        *beside,
        {"id": "enough", "type": "if", "parent": "rows", "config": {"condition": "{{ index==1 }}"}},
        {"id": "halt", "type": "stop", "parent": "rows", "config": config},
        output("{{ rows }}"),
    ]
    edges = ["start>rows", "rows>end", "enough.true>halt"]
    edges += ["pause>enough"] if beside else []
    actor = new_actor()
    return run_to_end(
        actor, published(actor, document(nodes, edges, settings=settings)), {"text": "a"}, 60
    )


@pytest.mark.parametrize("status", ["succeeded", "failed"])
@pytest.mark.parametrize("way", WAYS)
def test_a_container_that_is_left_by_ending_the_run_was_cut_off(way: str, status: str) -> None:
    over = stopped(way, status, "run")
    assert over.status == status
    rows = NodeRun.objects.get(run=over, node="rows")
    assert (rows.status, rows.error) == ("cancelled", None)
    finished = RunEvent.objects.get(run=over, node="rows", type="node.finished")
    assert finished.data["status"] == "cancelled"
    assert NodeRun.objects.get(run=over, node="halt", path=["rows", 1]).status == "succeeded"
    assert not NodeRun.objects.filter(run=over, status__in=["running", "waiting"]).exists()
    if status == "failed":
        assert (over.error or {})["message"] == "Enough."
        assert (over.error or {})["path"] == ["rows", 1]


@pytest.mark.parametrize("way", WAYS)
def test_a_container_that_a_stop_leaves_alone_has_succeeded(way: str) -> None:
    over = stopped(way, "succeeded", "container")
    assert over.status == RunStatus.SUCCEEDED, over.error
    assert NodeRun.objects.get(run=over, node="rows").status == "succeeded"


@pytest.mark.parametrize("way", WAYS)
def test_a_container_is_tried_once_whatever_its_retry(way: str) -> None:
    container, beside, settings = WAYS[way]
    retry = {"max_attempts": 3, "initial_seconds": 0.1}
    nodes = [
        start_node("text"),
        {"id": "rows", **container, "retry": retry},
        *beside,
        {
            "id": "bad",
            "type": "transform",
            "parent": "rows",
            "config": {"fields": {"v": "{{ 1 / 0 }}"}},
        },
    ]
    edges = ["start>rows", *(["pause>bad"] if beside else [])]
    flow_document = document(nodes, edges, settings=settings)
    actor = new_actor()
    over = run_to_end(actor, published(actor, flow_document), {"text": "a"}, 60)
    assert (over.status, (over.error or {})["node"]) == (RunStatus.FAILED, "bad")
    assert [row.attempt for row in NodeRun.objects.filter(run=over, node="rows")] == [1]
    told = RunEvent.objects.filter(run=over, node="rows").order_by("seq")
    assert [event.type for event in told] == ["node.started", "node.finished"]
