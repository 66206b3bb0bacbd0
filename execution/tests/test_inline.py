"""Inline runs: the same rows and events without Temporal, and what a crash leaves."""

import time
from typing import Any

import pytest

from execution.errors import RunStateConflict
from execution.models import NodeRun, Run, RunEvent, RunStatus
from execution.services import cancel_run, start_run
from execution.steering import pause_run, rerun_run, resume_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)
from flows.engine.errors import DocumentInvalid

JSON = Any
pytestmark = pytest.mark.usefixtures("stack", "models")
INLINE: JSON = {"settings": {"execution": "inline"}}


def logic() -> tuple[list[dict[str, JSON]], list[str]]:
    nodes = [
        start_node("text"),
        {"id": "long", "type": "if", "config": {"condition": "{{ start.text | length > 2 }}"}},
        {"id": "up", "type": "transform", "config": {"fields": {"t": "{{ start.text | upper }}"}}},
        output("{{ up.t }}"),
        output("short", "short"),
    ]
    return nodes, ["start>long", "long.true>up", "up>end", "long.false>short"]


def test_a_run_that_only_computes_is_over_when_it_is_started() -> None:
    actor = new_actor()
    flow = published(actor, document(*logic(), **INLINE))
    run = start_run(actor, flow, {"text": "abc"}).run
    assert (run.status, run.outputs) == (RunStatus.SUCCEEDED, {"end": "ABC"})
    kept = Run.objects.get(id=run.id)
    assert (kept.status, kept.outputs, kept.execution) == ("succeeded", {"end": "ABC"}, "inline")
    assert kept.started_at is not None
    assert kept.finished_at is not None


def what_is_recorded(run: Run) -> tuple[list[JSON], list[JSON]]:
    """Rows and events without ids and times."""
    rows = NodeRun.objects.filter(run=run).order_by("node", "path", "attempt")
    shown = [
        (r.node, r.type, r.path, r.attempt, r.status, r.input, r.output, r.ports, r.error, r.model)
        for r in rows
    ]
    events = RunEvent.objects.filter(run=run).order_by("seq")
    kinds = [
        (e.type, e.node, e.path, e.data.get("status"), e.data.get("preview"))
        for e in events
        if e.type != "node.delta"
    ]
    return shown, kinds


def mixed() -> tuple[list[dict[str, JSON]], list[str]]:
    config = {"items": "{{ start.text | split(',') }}", "concurrency": 1}
    rows = {"id": "rows", "type": "map", "config": config}
    nodes, edges = logic()
    nodes += [
        rows,
        {**llm("ask", "say {{ item }}"), "parent": "rows"},
        llm("bad", "x", "error-400", on_error="continue"),
        output("{{ rows.items | map('text') }}", "all"),
    ]
    return nodes, [*edges, "start>rows", "rows>all", "rows>bad"]


@pytest.mark.parametrize("shape", [logic, mixed])
def test_the_same_run_durable_and_inline_gives_the_same_rows(shape: Any) -> None:
    actor = new_actor()
    nodes, edges = shape()
    durable = run_to_end(actor, published(actor, document(nodes, edges)), {"text": "a,b"})
    flow = published(actor, document(nodes, edges, **INLINE))
    inline = run_to_end(actor, flow, {"text": "a,b"})
    assert inline.status == durable.status == "succeeded"
    assert inline.outputs == durable.outputs
    rows, events = what_is_recorded(inline)
    rows_then, events_then = what_is_recorded(durable)
    assert rows == rows_then
    assert sorted(map(repr, events)) == sorted(map(repr, events_then))
    assert (inline.input_tokens, inline.cost) == (durable.input_tokens, durable.cost)


def test_a_call_in_flight_is_aborted_when_an_inline_run_is_cancelled() -> None:
    actor = new_actor()
    nodes = [start_node("text"), llm("ask", "x", "hang"), output("{{ ask.text }}")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"], **INLINE))
    run = start_run(actor, flow, {"text": "a"}).run
    time.sleep(0.4)
    for steer in (pause_run, resume_run):
        with pytest.raises(RunStateConflict, match="inline"):
            steer(actor, run)
    cancel_run(actor, run)
    over = ended(run, 10)
    assert over.status == RunStatus.CANCELLED
    assert NodeRun.objects.get(run=run, node="ask").status == "cancelled"


def test_an_inline_run_ends_at_its_time() -> None:
    actor = new_actor()
    nodes = [start_node("text"), llm("ask", "x", "hang"), output("{{ ask.text }}")]
    settings = {"settings": {"execution": "inline", "timeout_seconds": 0.5}}
    flow = published(actor, document(nodes, ["start>ask", "ask>end"], **settings))
    over = ended(start_run(actor, flow, {"text": "a"}).run, 10)
    assert over.status == RunStatus.TIMED_OUT


def test_a_run_whose_process_is_gone_is_interrupted_and_goes_on_from_there() -> None:
    actor = new_actor()
    nodes = [start_node("text"), llm("one", "1"), llm("ask", "x", "hang"), output("{{ one.text }}")]
    flow = published(actor, document(nodes, ["start>one", "one>ask", "ask>end"], **INLINE))
    run = start_run(actor, flow, {"text": "a"}).run
    time.sleep(0.6)
    # As if another process had carried it out, and were gone.
    Run.objects.filter(id=run.id).update(held_by=1)
    over = ended(run, 15)
    assert (over.status, (over.error or {})["code"]) == (RunStatus.FAILED, "interrupted")
    cancel_marks = Run.objects.filter(id=run.id).update(cancel_requested_at=over.finished_at)
    assert cancel_marks == 1
    again = rerun_run(actor, over).run
    time.sleep(0.6)
    reused = NodeRun.objects.get(run=again, node="one")
    assert (reused.reused, reused.status, reused.input_tokens) == (True, "succeeded", 0)
    assert NodeRun.objects.get(run=again, node="ask").status == "running"
    cancel_run(actor, again)
    assert ended(again, 10).status == RunStatus.CANCELLED


def test_what_waits_cannot_be_in_an_inline_flow() -> None:
    actor = new_actor()
    nodes = [start_node("text"), {"id": "w", "type": "wait", "config": {"seconds": 1}}]
    with pytest.raises(DocumentInvalid) as caught:
        published(actor, document([*nodes, output("x")], ["start>w", "w>end"], **INLINE))
    assert [p.code for p in caught.value.problems] == ["not_inline"]


def test_a_map_with_too_many_items_says_what_to_do() -> None:
    actor = new_actor()
    rows = {"id": "rows", "type": "map", "config": {"items": "{{ start.text | split(',') }}"}}
    nodes = [start_node("text"), rows, output("{{ rows.count }}")]
    inner = {"id": "t", "type": "transform", "config": {"fields": {"x": 1}}, "parent": "rows"}
    flow = published(actor, document([*nodes, inner], ["start>rows", "rows>end"], **INLINE))
    over = ended(start_run(actor, flow, {"text": "," * 1_000}).run, 10)
    assert over.error is not None
    assert over.error["code"] == "too_many_items"
    assert "durable" in over.error["message"]
