"""Maps and loops in durable runs: results, rows, failures, parts, what waits inside."""

from typing import Any

import pytest

from execution.models import NodeRun, Run, RunStatus
from execution.tests.flows_for_tests import (
    document,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack")


def inside(parent: str, node: dict[str, JSON], **more: JSON) -> dict[str, JSON]:
    return {**node, "parent": parent, **more}


def fields(id: str, **values: JSON) -> dict[str, JSON]:
    return {"id": id, "type": "transform", "config": {"fields": values}}


def run(nodes: list[dict[str, JSON]], edges: list[str], seconds: float = 60) -> Run:
    actor = new_actor()
    flow = published(actor, document([start_node("text"), *nodes], edges))
    return run_to_end(actor, flow, {"text": "a,b,c"}, seconds)


def result(ended: Run) -> JSON:
    """What the output node gave."""
    assert ended.status == RunStatus.SUCCEEDED, ended.error
    return (ended.outputs or {})["end"]


def rows_of(run: Run, node: str) -> list[tuple[list[JSON], str, int]]:
    rows = NodeRun.objects.filter(run=run, node=node)
    return sorted(((r.path, r.status, r.attempt) for r in rows), key=repr)


ROWS = {"id": "rows", "type": "map", "config": {"items": "{{ start.text | split(',') }}"}}


def test_each_item_is_asked_and_recorded_with_its_path() -> None:
    nodes = [ROWS, inside("rows", llm("ask", "say {{ item }} {{ index }}")), output("{{ rows }}")]
    ended = run(nodes, ["start>rows", "rows>end"])
    assert ended.status == RunStatus.SUCCEEDED, ended.error
    texts = [item["text"] for item in result(ended)["items"]]
    assert texts == ["say a 0", "say b 1", "say c 2"]
    assert result(ended)["count"] == 3
    assert rows_of(ended, "ask") == [(["rows", n], "succeeded", 1) for n in range(3)]
    assert rows_of(ended, "rows") == [([], "succeeded", 1)]


def test_a_failed_item_ends_the_run_with_its_place() -> None:
    bad = inside("rows", fields("bad", n="{{ 1 / index }}"))
    ended = run([ROWS, bad, output("{{ rows.items }}")], ["start>rows", "rows>end"])
    assert ended.status == RunStatus.FAILED
    assert ended.error is not None
    assert (ended.error["node"], ended.error["path"]) == ("bad", ["rows", 0])
    assert rows_of(ended, "rows") == [([], "failed", 1)]


def test_a_loop_calls_a_model_until_it_is_satisfied() -> None:
    loop = {
        "id": "grow",
        "type": "loop",
        "config": {
            "state": {"text": "{{ start.text }}"},
            "while": "{{ state.text | length < 20 }}",
            "update": {"text": "{{ ask.text }}"},
        },
    }
    ask = inside("grow", llm("ask", "{{ state.text }}{{ state.text }}"))
    ended = run([loop, ask, output("{{ grow }}")], ["start>grow", "grow>end"])
    assert result(ended) == {"state": {"text": "a,b,c" * 4}, "iterations": 2}
    assert rows_of(ended, "ask") == [(["grow", n], "succeeded", 1) for n in range(2)]


def test_containers_nest_and_branch() -> None:
    nodes = [
        ROWS,
        inside("rows", {"id": "cells", "type": "map", "config": {"items": [1, 2]}}),
        inside("cells", {"id": "odd", "type": "if", "config": {"condition": "{{ item == 1 }}"}}),
        inside("cells", llm("ask", "{{ rows.item }}{{ item }}")),
        inside("cells", fields("skip", text="-")),
        inside("cells", {"id": "both", "type": "merge", "config": {}}),
        output("{{ rows.items }}"),
    ]
    edges = ["odd.true>ask", "odd.false>skip", "ask>both", "skip>both"]
    ended = run(nodes, ["start>rows", "rows>end", *edges])
    found = [[c["value"]["text"] for c in row["items"]] for row in result(ended)]
    assert found == [["a1", "-"], ["b1", "-"], ["c1", "-"]]
    assert (["rows", 1, "cells", 0], "succeeded", 1) in rows_of(ended, "ask")
    assert (["rows", 1, "cells", 1], "skipped", 1) in rows_of(ended, "ask")
    assert rows_of(ended, "cells") == [(["rows", n], "succeeded", 1) for n in range(3)]


def test_a_large_map_goes_in_parts_and_keeps_its_order() -> None:
    many = {**ROWS, "config": {"items": "{{ start.text | split(',') }}", "concurrency": 20}}
    actor = new_actor()
    nodes = [start_node("text"), many, inside("rows", llm("ask", "{{ item }}"))]
    nodes.append(output("{{ rows.items | map('text') | join(',') }}"))
    flow = published(actor, document(nodes, ["start>rows", "rows>end"]))
    text = ",".join(f"n{number}" for number in range(700))
    ended = run_to_end(actor, flow, {"text": text}, 90)
    assert ended.status == RunStatus.SUCCEEDED, ended.error
    assert result(ended) == text
    assert NodeRun.objects.filter(run=ended, node="ask", status="succeeded").count() == 700
    assert rows_of(ended, "rows") == [([], "succeeded", 1)]


def test_what_waits_inside_a_map_is_waited_for_side_by_side() -> None:
    wait = {"id": "pause", "type": "wait", "config": {"seconds": 0.5}}
    nodes = [
        ROWS,
        inside("rows", wait),
        inside("rows", fields("after", n="{{ item }}{{ pause.waited_seconds >= 0.5 }}")),
        output("{{ rows.items | map('n') }}"),
    ]
    ended = run(nodes, ["start>rows", "rows>end", "pause>after"])
    assert result(ended) == ["aTrue", "bTrue", "cTrue"] or result(ended) == [
        "atrue",
        "btrue",
        "ctrue",
    ]
    assert ended.duration_ms is not None
    assert ended.duration_ms < 1_400
    assert rows_of(ended, "pause") == [(["rows", n], "succeeded", 1) for n in range(3)]


def test_a_large_map_in_which_something_waits_goes_in_workflows_of_its_own() -> None:
    rows = {**ROWS, "config": {"items": "{{ start.text | split(',') }}", "concurrency": 40}}
    nodes = [
        start_node("text"),
        rows,
        inside("rows", {"id": "pause", "type": "wait", "config": {"seconds": 0.2}}),
        inside("rows", fields("after", n="{{ item }}")),
        output("{{ rows.items | map('n') | join(',') }}"),
    ]
    actor = new_actor()
    flow = published(actor, document(nodes, ["start>rows", "rows>end", "pause>after"]))
    text = ",".join(str(number) for number in range(120))
    ended = run_to_end(actor, flow, {"text": text}, 60)
    assert result(ended) == text
    assert NodeRun.objects.filter(run=ended, node="pause", status="succeeded").count() == 120
    assert rows_of(ended, "rows") == [([], "succeeded", 1)]


def test_a_long_loop_in_which_something_waits_goes_on_in_workflows_of_its_own() -> None:
    loop = {
        "id": "grow",
        "type": "loop",
        "config": {
            "state": {"n": 0},
            "while": "{{ state.n < 70 }}",
            "update": {"n": "{{ state.n + 1 }}"},
            "max_iterations": 1000,
        },
    }
    wait = inside("grow", {"id": "pause", "type": "wait", "config": {"seconds": 0.01}})
    ended = run([loop, wait, output("{{ grow }}")], ["start>grow", "grow>end"])
    assert result(ended) == {"state": {"n": 70}, "iterations": 70}
    assert NodeRun.objects.filter(run=ended, node="pause", status="succeeded").count() == 70
    assert rows_of(ended, "grow") == [([], "succeeded", 1)]


def test_a_container_that_takes_too_long_ends_and_what_runs_in_it_is_stopped() -> None:
    slow = {**ROWS, "timeout_seconds": 0.7, "on_error": "continue"}
    for step in (llm("ask", "x", "hang"), {"id": "ask", "type": "wait", "config": {"seconds": 60}}):
        ended = run([slow, inside("rows", step), output("over")], ["start>rows", "rows>end"])
        assert result(ended) == "over"
        row = NodeRun.objects.get(run=ended, node="rows")
        assert (row.status, (row.error or {})["code"]) == ("failed", "timeout")
        assert {status for _, status, _ in rows_of(ended, "ask")} == {"cancelled"}
