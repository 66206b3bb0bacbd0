"""Corners of steering: what is repeated, decided while paused, or cannot be begun."""

import time
from typing import Any

import pytest

from execution.approval_services import Answer, decide
from execution.errors import OptionsInvalid
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
    until,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack")
ROWS: JSON = {"id": "rows", "type": "map", "config": {"items": [1, 2], "result": "{{ sub.end }}"}}


def child_document() -> JSON:
    nodes = [start_node("text"), llm("ask", "<{{ start.text }}>"), output("{{ ask.text }}")]
    return document(nodes, ["start>ask", "ask>end"])


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_a_sub_flow_whose_inputs_cannot_be_evaluated_has_failed_in_the_record(
    execution: str, stack: Any, settings: Any
) -> None:
    actor = new_actor()
    inner = published(actor, child_document())
    config = {"flow": inner.slug, "inputs": {"text": "{{ 1 / (start.n | int) }}"}}
    nodes = [start_node("n"), {"id": "sub", "type": "subflow", "config": config}, output("x")]
    content = document(nodes, ["start>sub", "sub>end"], settings={"execution": execution})
    over = run_to_end(actor, published(actor, content), {"n": "0"})
    assert (over.status, (over.error or {})["node"]) == (RunStatus.FAILED, "sub")
    row = NodeRun.objects.get(run=over, node="sub")
    assert (row.status, (row.error or {})["code"]) == ("failed", (over.error or {})["code"])


def test_sub_flows_inside_a_map_are_taken_over_or_run_anew() -> None:
    actor = new_actor()
    inner = published(actor, child_document())
    config = {"flow": inner.slug, "inputs": {"text": "{{ item }}"}}
    nodes = [
        start_node("text"),
        ROWS,
        {"id": "sub", "type": "subflow", "parent": "rows", "config": config},
        llm("last", "{{ rows.items | join(',') }}"),
        output("{{ last.text }}"),
    ]
    flow = published(actor, document(nodes, ["start>rows", "rows>last", "last>end"]))
    first = run_to_end(actor, flow, {"text": "a"})
    assert first.outputs == {"end": "<1>,<2>"}
    kept = ended(rerun_run(actor, first, start="last").run)
    assert kept.outputs == first.outputs
    assert not Run.objects.filter(parent=kept).exists()
    anew = ended(rerun_run(actor, first, start="sub").run)
    assert anew.outputs == first.outputs
    children = Run.objects.filter(parent=anew).order_by("id")
    assert sorted(child.parent_path for child in children) == [["rows", 0], ["rows", 1]]
    assert anew.cost == sum(child.cost for child in children) + sum(
        row.cost for row in NodeRun.objects.filter(run=anew)
    )


def test_a_run_is_not_repeated_from_a_node_that_it_did_not_have() -> None:
    actor = new_actor()
    flow = published(actor, child_document())
    options = asked_options("ask", None, None)
    first = ended(start_run(actor, flow, {"text": "a"}, options=options).run)
    with pytest.raises(OptionsInvalid):
        rerun_run(actor, first, start="end")
    again = ended(rerun_run(actor, first, start="ask").run)
    assert (again.status, again.outputs) == (RunStatus.SUCCEEDED, {})


def asking() -> JSON:
    ask = {"id": "ask", "type": "approval", "config": {"message": "Go?"}}
    nodes = [start_node("text"), ask, llm("after", "yes"), output("{{ after.text }}")]
    return document(nodes, ["start>ask", "ask.approved>after", "after>end"])


def test_a_decision_while_a_run_is_paused_counts_when_it_goes_on() -> None:
    actor = new_actor()
    run = start_run(actor, published(actor, asking()), {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run=run, node="ask", status="waiting").exists())
    pause_run(actor, run)
    decide(actor, run, "ask", [], Answer("approve"))
    until(lambda: NodeRun.objects.filter(run=run, node="ask", status="succeeded").exists())
    time.sleep(0.7)
    run.refresh_from_db()
    assert run.status == RunStatus.PAUSED
    assert not NodeRun.objects.filter(run=run, node="after").exists()
    resume_run(actor, run)
    assert ended(run).outputs == {"end": "yes"}


def test_a_cancel_right_after_a_resume_wins() -> None:
    actor = new_actor()
    run = start_run(actor, published(actor, asking()), {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run=run, node="ask", status="waiting").exists())
    pause_run(actor, run)
    resume_run(actor, run)
    cancel_run(actor, run)
    over = ended(run)
    assert over.status == RunStatus.CANCELLED
    again = rerun_run(actor, over).run
    until(lambda: NodeRun.objects.filter(run=again, node="ask", status="waiting").exists())
    cancel_run(actor, again)
    assert ended(again).status == RunStatus.CANCELLED
