"""Pause, resume, repeat from any node, run to here, run one node; sub-flows."""

import time
from typing import Any

import pytest

from execution.errors import OptionsInvalid, RunStateConflict
from execution.models import NodeRun, Run, RunStatus
from execution.options import asked_options
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
    statuses,
    until,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack")


def chain(**more: JSON) -> dict[str, JSON]:
    nodes = [
        start_node("text"),
        llm("one", "{{ start.text }}1", "echo+slow-300ms"),
        llm("two", "{{ one.text }}2", "echo+slow-300ms"),
        llm("three", "{{ two.text }}3"),
        output("{{ three.text }}"),
    ]
    return document(nodes, ["start>one", "one>two", "two>three", "three>end"], **more)


def calls(run: Run) -> dict[str, bool]:
    """Node → whether it was taken over."""
    return dict(NodeRun.objects.filter(run=run, status="succeeded").values_list("node", "reused"))


def test_a_paused_run_starts_nothing_until_it_is_resumed() -> None:
    actor = new_actor()
    run = start_run(actor, published(actor, chain()), {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run=run, node="one").exists())
    assert pause_run(actor, run).status == RunStatus.PAUSED
    assert pause_run(actor, run).status == RunStatus.PAUSED
    until(lambda: statuses(run)["one"] == "succeeded")
    time.sleep(0.8)
    assert statuses(run) == {"start": "succeeded", "one": "succeeded"}
    run.refresh_from_db()
    assert run.status == RunStatus.PAUSED
    resume_run(actor, run)
    over = ended(run, 20)
    assert (over.status, over.outputs) == (RunStatus.SUCCEEDED, {"end": "a123"})
    with pytest.raises(RunStateConflict):
        pause_run(actor, run)


def test_a_paused_run_can_be_cancelled() -> None:
    actor = new_actor()
    run = start_run(actor, published(actor, chain()), {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run=run, node="one").exists())
    pause_run(actor, run)
    time.sleep(0.8)
    cancel_run(actor, run)
    assert ended(run, 20).status == RunStatus.CANCELLED
    assert not NodeRun.objects.filter(run=run, status__in=["running", "waiting"]).exists()


def test_repeated_from_a_node_a_run_takes_over_what_came_before_unpaid() -> None:
    actor = new_actor()
    first = run_to_end(actor, published(actor, chain()), {"text": "a"})
    again = ended(rerun_run(actor, first, start="three").run, 20)
    assert (again.status, again.outputs) == (RunStatus.SUCCEEDED, {"end": "a123"})
    assert calls(again) == {
        "start": False,
        "one": True,
        "two": True,
        "three": False,
        "end": False,
    }
    assert again.rerun_of_id == first.id
    assert again.input_tokens < first.input_tokens


def test_edited_inputs_are_seen_behind_the_node() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        llm("one", "{{ start.text }}"),
        llm("two", "{{ one.text }} {{ start.text }}"),
        output("{{ two.text }}"),
    ]
    flow = published(actor, document(nodes, ["start>one", "one>two", "two>end"]))
    first = run_to_end(actor, flow, {"text": "a"})
    again = ended(rerun_run(actor, first, start="two", inputs={"text": "b"}).run, 20)
    assert again.outputs == {"end": "a b"}


def test_only_the_failed_items_are_called_again() -> None:
    actor = new_actor()
    rows = {
        "id": "rows",
        "type": "map",
        "config": {"items": "{{ start.text | split(',') }}", "on_item_error": "collect"},
    }
    half = {"id": "half", "type": "transform", "config": {"fields": {"n": "{{ 1 / index }}"}}}
    nodes = [
        start_node("text"),
        rows,
        {**llm("ask", "{{ item }}"), "parent": "rows"},
        {**half, "parent": "rows"},
        output("{{ rows.count }}"),
    ]
    flow = published(actor, document(nodes, ["start>rows", "rows>end", "ask>half"]))
    first = run_to_end(actor, flow, {"text": "a,b,c"})
    again = ended(rerun_run(actor, first, start="rows", only_failed=True).run, 20)
    rows_then = NodeRun.objects.filter(run=again, node="ask").order_by("path")
    assert [(r.path, r.reused) for r in rows_then] == [(["rows", n], True) for n in range(3)]
    halves = NodeRun.objects.filter(run=again, node="half").order_by("path")
    assert [(r.reused, r.status) for r in halves] == [
        (False, "failed"),
        (True, "succeeded"),
        (True, "succeeded"),
    ]


def test_what_cannot_be_repeated_says_why() -> None:
    actor = new_actor()
    flow = published(actor, chain())
    run = start_run(actor, flow, {"text": "a"}).run
    with pytest.raises(RunStateConflict):
        rerun_run(actor, run)
    over = ended(run, 20)
    with pytest.raises(OptionsInvalid):
        rerun_run(actor, over, start="nobody")
    with pytest.raises(OptionsInvalid):
        rerun_run(actor, over, start="one", only_failed=True)


def test_a_flow_runs_up_to_a_node_and_a_node_runs_alone() -> None:
    actor = new_actor()
    flow = published(actor, chain())
    here = start_run(actor, flow, {"text": "a"}, options=asked_options("two", None, None)).run
    assert set(statuses(ended(here, 20))) == {"start", "one", "two"}
    given = {"two": {"text": "given"}}
    alone = start_run(actor, flow, {"text": "a"}, options=asked_options(None, "three", given)).run
    over = ended(alone, 20)
    assert over.status == RunStatus.SUCCEEDED, over.error
    assert calls(over) == {"two": True, "three": False}
    assert "given3" in str(NodeRun.objects.get(run=over, node="three").output)
    pinned = start_run(actor, flow, {"text": "a"}, options=asked_options("three", None, given)).run
    assert calls(ended(pinned, 20))["two"] is True


def test_a_node_alone_without_what_it_reads_says_what_is_missing() -> None:
    actor = new_actor()
    flow = published(actor, chain())
    alone = start_run(actor, flow, {"text": "a"}, options=asked_options(None, "three", None)).run
    over = ended(alone, 20)
    assert over.error is not None
    assert over.error["node"] == "three"
    assert "two" in over.error["message"]


def sub(flow: str, **config: JSON) -> dict[str, JSON]:
    return {"id": "sub", "type": "subflow", "config": {"flow": flow, **config}}


def test_a_sub_flow_is_a_run_of_its_own_and_gives_its_outputs() -> None:
    actor = new_actor()
    inner = published(actor, chain())
    nodes = [start_node("text"), sub(inner.slug, inputs={"text": "{{ start.text }}x"})]
    flow = published(actor, document([*nodes, output("{{ sub.end }}")], ["start>sub", "sub>end"]))
    over = run_to_end(actor, flow, {"text": "a"})
    assert over.outputs == {"end": "ax123"}
    child = Run.objects.get(parent=over)
    assert (child.status, child.trigger, child.lineage) == ("succeeded", "subflow", [str(over.id)])
    assert (child.parent_node, child.parent_path) == ("sub", [])
    assert child.input_tokens > 0
    assert (over.input_tokens, over.cost) == (child.input_tokens, child.cost)


def test_a_cancel_reaches_into_a_sub_flow() -> None:
    actor = new_actor()
    hang = [start_node("text"), llm("ask", "x", "hang"), output("{{ ask.text }}")]
    inner = published(actor, document(hang, ["start>ask", "ask>end"]))
    nodes = [start_node("text"), sub(str(inner.id), inputs={"text": "a"}), output("x")]
    flow = published(actor, document(nodes, ["start>sub", "sub>end"]))
    run = start_run(actor, flow, {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run__parent=run, node="ask").exists())
    cancel_run(actor, run)
    assert ended(run, 20).status == RunStatus.CANCELLED
    child = Run.objects.get(parent=run)
    assert child.status == RunStatus.CANCELLED
    assert NodeRun.objects.get(run=child, node="ask").status == "cancelled"


def test_a_sub_flow_that_takes_too_long_is_cancelled() -> None:
    actor = new_actor()
    hang = [start_node("text"), llm("ask", "x", "hang"), output("{{ ask.text }}")]
    inner = published(actor, document(hang, ["start>ask", "ask>end"]))
    step = {**sub(str(inner.id), inputs={"text": "a"}), "timeout_seconds": 0.7}
    flow = published(
        actor, document([start_node("text"), step, output("x")], ["start>sub", "sub>end"])
    )
    over = run_to_end(actor, flow, {"text": "a"})
    assert over.error is not None
    assert (over.error["code"], over.error["node"]) == ("timeout", "sub")
    assert Run.objects.get(parent=over).status == RunStatus.CANCELLED


def test_a_failed_sub_flow_says_where() -> None:
    actor = new_actor()
    bad = {"id": "bad", "type": "transform", "config": {"fields": {"x": "{{ 1 / 0 }}"}}}
    inner = published(actor, document([start_node("text"), bad], ["start>bad"]))
    nodes = [start_node("text"), sub(inner.slug, inputs={"text": "a"}), output("x")]
    flow = published(actor, document(nodes, ["start>sub", "sub>end"]))
    over = run_to_end(actor, flow, {"text": "a"})
    assert over.error is not None
    assert (over.error["code"], over.error["node"]) == ("subflow_failed", "sub")
    assert "'bad'" in over.error["message"]


def test_a_flow_that_calls_itself_ends_at_the_limit() -> None:
    actor = new_actor()
    nodes = [start_node("text"), sub("test", inputs={"text": "{{ start.text }}"}), output("x")]
    flow = published(actor, document(nodes, ["start>sub", "sub>end"]))
    assert flow.slug == "test"
    over = run_to_end(actor, flow, {"text": "a"}, 60)
    assert over.status == RunStatus.FAILED
    assert "subflow_failed" in str(over.error)
    assert Run.objects.filter(flow=flow).count() == 10
