"""Runs that are large in every direction: what travels through Temporal stays within its limits."""

import asyncio
import itertools
from typing import Any

import pytest

from execution.models import NodeRun
from execution.payloads import resolve_references
from execution.temporal_client import connect
from execution.tests.flows_for_tests import (
    document,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)

pytestmark = pytest.mark.usefixtures("stack")


def test_hundreds_of_outputs_of_one_value_are_all_recorded() -> None:
    actor = new_actor()
    names = [f"o{number}" for number in range(200)]
    nodes = [start_node("text"), *(output("{{ start.text }}", name) for name in names)]
    flow = published(actor, document(nodes, [f"start>{name}" for name in names]))
    run = run_to_end(actor, flow, {"text": "x" * 30_000}, 60)
    assert run.status == "succeeded", run.error
    assert run.outputs is not None
    assert sorted(run.outputs) == sorted(names)
    assert NodeRun.objects.filter(run=run, status="succeeded").count() == 201


def test_a_value_handed_to_hundreds_of_calls_at_once_reaches_them_all() -> None:
    actor = new_actor()
    names = [f"c{number}" for number in range(200)]
    nodes = [
        start_node("text"),
        *(llm(name, "{{ start.text | length }}") for name in names),
        output("done"),
    ]
    edges = [f"start>{name}" for name in names] + [f"{name}>end" for name in names]
    run = run_to_end(actor, published(actor, document(nodes, edges)), {"text": "x" * 30_000}, 90)
    assert run.status == "succeeded", run.error
    assert NodeRun.objects.filter(run=run, type="llm", status="succeeded").count() == 200


@pytest.mark.parametrize("character", ["\u4e2d", "\U0001f600", '"', "\x01"])
def test_text_that_grows_when_it_is_escaped_still_travels(character: str) -> None:
    actor = new_actor()
    names = [f"f{number}" for number in range(60)]
    size = 30_000 // len(character.encode())
    nodes: list[dict[str, Any]] = [start_node("text")]
    nodes += [
        {"id": name, "type": "transform", "config": {"fields": {"x": "{{ start.text }}"}}}
        for name in names
    ]
    sizes = " + ".join(f"({name}.x | length)" for name in names)
    nodes += [llm("ask", f"{{{{ {sizes} }}}}"), output("{{ ask.text }}")]
    edges = [f"start>{name}" for name in names] + [f"{name}>ask" for name in names]
    flow = published(actor, document(nodes, [*edges, "ask>end"]))
    run = run_to_end(actor, flow, {"text": character * size}, 60)
    assert run.status == "succeeded", run.error
    assert run.outputs == {"end": str(60 * size)}


def test_many_inputs_that_are_too_large_together_start_a_run() -> None:
    actor = new_actor()
    names = [f"t{number}" for number in range(100)]
    nodes = [start_node(*names), output("{{ start.t99 | length }}")]
    flow = published(actor, document(nodes, ["start>end"]))
    run = run_to_end(actor, flow, dict.fromkeys(names, "x" * 30_000), 30)
    assert run.outputs == {"end": 30_000}


def test_a_node_with_settings_too_large_to_travel_runs() -> None:
    actor = new_actor()
    fields = {f"f{number}": "\x7f" + "\u4e2d" * 30_000 for number in range(20)}
    nodes = [
        start_node("text"),
        {"id": "many", "type": "transform", "config": {"fields": fields}},
        output("{{ many.f19 | length }}"),
    ]
    flow = published(actor, document(nodes, ["start>many", "many>end"]))
    run = run_to_end(actor, flow, {"text": "z"}, 30)
    assert run.outputs == {"end": 30_001}, run.error


def test_a_run_that_would_fill_temporals_history_goes_on_by_reference() -> None:
    actor = new_actor()
    names = [f"s{number}" for number in range(700)]
    nodes = [start_node("text"), llm("ask", "{{ start.text | length }}")]
    before = "start.text"
    for name in names:
        fields = {"x": f"{{{{ {before} }}}}"}
        nodes.append({"id": name, "type": "transform", "config": {"fields": fields}})
        before = f"{name}.x"
    nodes.append(output(f"{{{{ {before} }}}}"))
    order = ["start", "ask", *names, "end"]
    flow = published(actor, document(nodes, [f"{a}>{b}" for a, b in itertools.pairwise(order)]))
    run = run_to_end(actor, flow, {"text": "x" * 30_000}, 120)
    assert run.status == "succeeded", run.error
    assert resolve_references(run.workspace_id, run.outputs) == {"end": "x" * 30_000}
    assert NodeRun.objects.filter(run=run, status="succeeded").count() == 703

    async def history_bytes() -> int:
        client = await connect()
        described = await client.get_workflow_handle(run.workflow_id).describe()
        return described.raw_description.workflow_execution_info.history_size_bytes

    # Every step reads and writes 30 kB: by value that would be 42 MB.
    assert asyncio.run(history_bytes()) < 20_000_000
