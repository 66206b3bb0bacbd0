"""Runs up to a node that is in containers: they end well, whoever drives them."""

from typing import Any

import pytest

from execution.errors import InputsInvalid, OptionsInvalid
from execution.models import NodeRun, RunStatus
from execution.options import asked_options
from execution.services import start_run
from execution.tests.flows_for_tests import document, ended, new_actor, published, start_node

JSON = Any
pytestmark = pytest.mark.usefixtures("stack")
WAIT: JSON = {"id": "pause", "type": "wait", "config": {"seconds": 0.01}}
WAYS: dict[str, tuple[JSON, JSON]] = {
    "inline": ({"execution": "inline"}, []),
    "activity": ({}, []),
    "workflow": ({}, [WAIT]),
}


def step(name: str, parent: str, value: str) -> JSON:
    return {
        "id": name,
        "type": "transform",
        "parent": parent,
        "config": {"fields": {"v": value}},
    }


def nested(settings: JSON, beside: JSON) -> JSON:
    """A loop in a map, each of which reads what its last step gives."""
    rows = {"items": [10, 20], "result": "{{ last.v }}"}
    rounds = {
        "state": {"n": "{{ item }}"},
        "while": "{{ state.n < 100 }}",
        "update": {"n": "{{ state.n + late.v }}"},
        "max_iterations": 70,
    }
    nodes = [
        start_node("text"),
        {"id": "rows", "type": "map", "config": rows},
        {"id": "rounds", "type": "loop", "parent": "rows", "config": rounds},
        *({**node, "parent": "rounds"} for node in beside),
        step("early", "rounds", "{{ state.n + 1 }}"),
        step("late", "rounds", "{{ early.v * 2 }}"),
        step("last", "rows", "{{ rounds.state.n }}"),
        {"id": "end", "type": "output", "config": {"value": "{{ rows.items }}"}},
    ]
    edges = ["start>rows", "rows>end", "early>late", "rounds>last"]
    edges += [f"{node['id']}>early" for node in beside]
    return document(nodes, edges, settings=settings)


@pytest.mark.parametrize("way", WAYS)
def test_containers_end_well_though_they_read_what_is_not_run(way: str) -> None:
    actor = new_actor()
    flow = published(actor, nested(*WAYS[way]))
    run = start_run(actor, flow, {"text": "a"}, options=asked_options("early", None, None)).run
    over = ended(run, 30)
    assert (over.status, over.outputs) == (RunStatus.SUCCEEDED, {}), over.error
    rows = NodeRun.objects.filter(run=over, node="early").order_by("path")
    assert [(row.path, row.output) for row in rows] == [
        (["rows", 0, "rounds", 0], {"v": 11}),
        (["rows", 1, "rounds", 0], {"v": 21}),
    ]
    assert not NodeRun.objects.filter(run=over, node__in=["late", "last", "end"]).exists()
    loop = NodeRun.objects.get(run=over, node="rounds", path=["rows", 0])
    assert loop.output == {"state": {"n": 10}, "iterations": 1}
    whole = NodeRun.objects.get(run=over, node="rows")
    assert [item["iterations"] for item in (whole.output or {})["items"]] == [1, 1]


@pytest.mark.parametrize("way", ["inline", "activity"])
def test_what_is_read_from_before_a_given_node_is_run_and_a_dead_branch_there_kills_nothing(
    way: str,
) -> None:
    actor = new_actor()
    pick = {"id": "pick", "type": "if", "config": {"condition": "{{ start.text == 'b' }}"}}
    fields = {"v": "{{ start.text }}{{ pinned.v }}{{ pick.result }}"}
    nodes = [
        start_node("text"),
        pick,
        {"id": "pinned", "type": "transform", "config": {"fields": {"v": "{{ 1 / 0 }}"}}},
        {"id": "last", "type": "transform", "config": {"fields": fields}},
    ]
    edges = [
        {"from": "start", "to": "pick"},
        {"from": "pick.true", "to": "pinned"},
        {"from": "pinned", "to": "last"},
    ]
    content = {**document(nodes, [], settings=WAYS[way][0]), "edges": edges}
    options = asked_options("last", None, {"pinned": {"v": "given"}})
    run = start_run(actor, published(actor, content), {"text": "a"}, options=options).run
    over = ended(run, 30)
    assert over.status == RunStatus.SUCCEEDED, over.error
    output = NodeRun.objects.get(run=over, node="last").output or {}
    assert output["v"].lower() == "agivenfalse"


def test_a_node_alone_needs_no_inputs_of_the_flow() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        {"id": "last", "type": "transform", "config": {"fields": {"v": "{{ start.text }}!"}}},
    ]
    flow = published(actor, document(nodes, ["start>last"]))
    options = asked_options(None, "last", {"start": {"text": "given"}})
    over = ended(start_run(actor, flow, {}, options=options).run)
    assert (NodeRun.objects.get(run=over, node="last").output or {})["v"] == "given!"
    with pytest.raises(InputsInvalid):
        start_run(actor, flow, {}, options=asked_options("last", None, None))


def test_an_output_inside_a_container_cannot_be_given_for_all_its_items() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        {"id": "rows", "type": "map", "config": {"items": [1, 2]}},
        {"id": "ask", "type": "transform", "parent": "rows", "config": {"fields": {"v": "x"}}},
    ]
    flow = published(actor, document(nodes, ["start>rows"]))
    for until in (None, "ask"):
        options = asked_options(until, None, {"ask": {"v": "given"}})
        with pytest.raises(OptionsInvalid, match=r"inside 'rows'"):
            start_run(actor, flow, {"text": "a"}, options=options)
