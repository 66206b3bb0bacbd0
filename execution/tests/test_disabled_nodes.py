"""Runs of flows with disabled nodes, by every driver: what is recorded, and what goes on."""

from typing import Any

import pytest

from execution.models import NodeRun, Run, RunEvent
from execution.options import asked_options
from execution.services import OptionsInvalid, start_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    start_node,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack", "models")


def rows(run: Run) -> dict[str, NodeRun]:
    return {row.node: row for row in NodeRun.objects.filter(run=run)}


def around_what_is_off(execution: str) -> dict[str, JSON]:
    """A model call, an approval and a map, all disabled, and a map with a disabled step in it."""
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", model="error-400", disabled=True),
        {"id": "check", "type": "approval", "config": {"message": "Go?"}, "disabled": True},
        {"id": "rows", "type": "map", "config": {"items": [1, 2]}},
        llm("inner", "{{ item }}", model="error-400", parent="rows", disabled=True),
        {
            "id": "last",
            "type": "transform",
            "parent": "rows",
            "config": {"fields": {"v": "{{ item }}{{ inner.text | default('-') }}"}},
        },
        {"id": "never", "type": "map", "config": {"items": [1]}, "disabled": True},
        llm("unseen", "x", parent="never"),
        output("{{ [ask, never, rows.items] }}"),
    ]
    edges = ["start>ask", "ask>check", "check.approved>rows", "inner>last", "rows>never"]
    return document(nodes, [*edges, "never>end"], settings={"execution": execution})


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_what_is_disabled_is_skipped_and_the_run_goes_on_behind_it(execution: str) -> None:
    actor = new_actor()
    flow = published(actor, around_what_is_off(execution))
    run = ended(start_run(actor, flow, {"text": "a"}).run)
    assert run.status == "succeeded", run.error
    assert run.outputs == {"end": [None, None, [{"v": "1-"}, {"v": "2-"}]]}
    found = rows(run)
    assert {name: row.status for name, row in found.items() if row.status != "succeeded"} == {
        name: "skipped" for name in ("ask", "check", "inner", "never")
    }
    assert (found["ask"].ports, found["check"].ports) == (["out"], ["approved"])
    assert found["ask"].output is None
    assert found["ask"].started_at is None
    assert "unseen" not in found
    events = RunEvent.objects.filter(run=run, type="node.skipped").order_by("seq")
    assert {event.node: event.data for event in events} == {
        name: {"reason": "disabled"} for name in ("ask", "check", "inner", "never")
    }


def test_what_no_path_leads_to_is_skipped_without_that_reason() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        {"id": "fork", "type": "if", "config": {"condition": "{{ true }}"}},
        output("x", "off"),
        output("y"),
    ]
    nodes[2]["disabled"] = True
    edges = ["start>fork", "fork.false>off", "off>end"]
    run = ended(start_run(actor, published(actor, document(nodes, edges)), {"text": "a"}).run)
    assert {name: row.status for name, row in rows(run).items()} == {
        "start": "succeeded",
        "fork": "succeeded",
        "off": "skipped",
        "end": "skipped",
    }
    assert not RunEvent.objects.filter(run=run, data__has_key="reason").exists()
    assert rows(run)["off"].ports == []


def test_a_disabled_node_is_not_run_alone_nor_up_to() -> None:
    actor = new_actor()
    flow = published(actor, around_what_is_off("durable"))
    for name in ("ask", "unseen"):
        with pytest.raises(OptionsInvalid, match="is disabled"):
            start_run(actor, flow, {"text": "a"}, options=asked_options(name, None, None))
    with pytest.raises(OptionsInvalid, match="is disabled"):
        start_run(actor, flow, {}, options=asked_options(None, "ask", None))
