"""Nodes that read, sort and calculate, and those that ask a model for data, in whole runs."""

from typing import Any

import pytest

from execution.models import NodeRun
from execution.tests.flows_for_tests import (
    document,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack", "models")
MODEL = "openai_compatible/echo"
LABELS = [{"name": "billing", "description": "Money"}, {"name": "other"}]
TABLE = "name;price\npear;3\nfig;5\napple;4\n"


def flow_of_data(execution: str) -> JSON:
    nodes = [
        start_node("text"),
        {"id": "rows", "type": "parse", "config": {"text": "{{ start.text }}", "format": "csv"}},
        {
            "id": "dear",
            "type": "list",
            "config": {
                "items": "{{ rows.value }}",
                "filter": "{{ item.price | float > 3 and start.text }}",
                "sort_by": "name",
                "aggregate": {"function": "sum", "of": "{{ item.price | float }}"},
            },
        },
        {
            "id": "taxed",
            "type": "math",
            "config": {
                "expression": "(net * 1.19) | round(2)",
                "variables": {"net": "{{ dear.value }}"},
            },
        },
        output({"names": "{{ dear.items | map('name') }}", "taxed": "{{ taxed.value }}"}),
    ]
    edges = ["start>rows", "rows>dear", "dear>taxed", "taxed>end"]
    return document(nodes, edges, settings={"execution": execution})


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_a_table_is_read_filtered_and_summed_up(execution: str) -> None:
    actor = new_actor()
    flow = published(actor, flow_of_data(execution))
    run = run_to_end(actor, flow, {"text": TABLE})
    assert run.outputs == {"end": {"names": ["apple", "fig"], "taxed": 10.71}}


def test_a_list_too_large_for_the_workflow_is_worked_on_all_the_same() -> None:
    actor = new_actor()
    config = {"items": "{{ rows.value }}", "filter": "{{ item % 2 == 0 }}", "descending": True}
    nodes = [
        start_node("text"),
        {"id": "rows", "type": "parse", "config": {"text": "{{ start.text }}"}},
        {"id": "even", "type": "list", "config": {**config, "sort_by": "{{ item }}", "limit": 2}},
        output("{{ even.items }}"),
    ]
    flow = published(actor, document(nodes, ["start>rows", "rows>even", "even>end"]))
    run = run_to_end(actor, flow, {"text": str(list(range(20_001)))})
    assert run.outputs == {"end": [20_000, 19_998]}


def test_models_are_asked_for_a_label_and_for_data_and_their_tokens_are_booked() -> None:
    actor = new_actor()
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    nodes = [
        start_node("text"),
        {
            "id": "topic",
            "type": "classify",
            "config": {"model": MODEL, "text": "{{ start.text }}", "labels": LABELS},
        },
        {
            "id": "facts",
            "type": "extract",
            "config": {"model": MODEL, "text": "{{ start.text }}", "schema": schema},
        },
        output({"topic": "{{ topic.label }}", "facts": "{{ facts.json }}"}),
        output("other", "wrong"),
    ]
    edges = ["start>topic", "topic.billing>facts", "facts>end", "topic.other>wrong"]
    run = run_to_end(actor, published(actor, document(nodes, edges)), {"text": "{{ 1+1 }}"})
    assert run.outputs is not None
    assert run.outputs["end"]["topic"] == "billing"
    assert isinstance(run.outputs["end"]["facts"]["n"], int)
    assert "wrong" not in run.outputs
    rows = {row.node: row for row in NodeRun.objects.filter(run=run)}
    assert rows["wrong"].status == "skipped"
    for name in ("topic", "facts"):
        made = rows[name].output
        assert made is not None
        usage = made["usage"]
        assert usage["output_tokens"] > 0
        assert rows[name].input_tokens == usage["input_tokens"]
        assert rows[name].output_tokens == usage["output_tokens"]
