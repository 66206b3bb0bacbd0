"""Disabled nodes: what is run around them, and what validation says."""

from typing import Any

import pytest

from flows.engine import plan
from flows.engine.commands import Skip, Start
from flows.engine.document import Document, digest, dump, parse
from flows.engine.errors import DocumentInvalid, Problem
from flows.engine.graph import Graph
from flows.engine.node_type import Result
from flows.engine.registry import registry
from flows.engine.reuse import Reuse, Taken
from flows.engine.validate import validate
from flows.engine.walk import Walk

JSON = Any
TEXT: JSON = {"type": "template", "config": {"template": "x"}}


def flow(*nodes: JSON, edges: list[str], **more: JSON) -> Document:
    """An input node `start`, these nodes, and edges written `a>b` or `a.port>b`."""
    pairs = [dict(zip(("from", "to"), edge.split(">"), strict=True)) for edge in edges]
    start = {"id": "start", "type": "input"}
    return parse({"name": "T", "nodes": [start, *nodes], "edges": pairs, **more})


def problems(document: Document) -> dict[str, Problem]:
    return {problem.code: problem for problem in validate(document, registry())}


def walked(document: Document, *, reuse: Reuse | None = None) -> tuple[list[str], list[str]]:
    """Which nodes ran and which were skipped, where every node leaves by its port `out`."""
    walk = Walk(Graph(document), {"run": {}, "vars": {}}, reuse=reuse)
    ran: list[str] = []
    skipped: list[str] = []
    while not walk.is_over:
        for command in walk.advance():
            if isinstance(command, Start):
                ran.append(command.node)
                walk.succeed(command.scope, command.node, Result({"text": command.node}))
            elif isinstance(command, Skip):
                skipped.append(command.node)
    return ran, skipped


def test_the_flow_goes_on_behind_a_disabled_node_and_its_output_is_none() -> None:
    graph = Graph(
        flow(
            {**TEXT, "id": "off", "disabled": True},
            {**TEXT, "id": "after"},
            edges=["start>off", "off>after"],
        )
    )
    state = plan.RunState.new(graph)
    assert plan.advance(graph, state) == [plan.StartNode("start")]
    plan.succeed(graph, state, "start", Result({}))
    assert plan.advance(graph, state) == [plan.SkipNode("off", ("out",)), plan.StartNode("after")]
    assert state.status_of("off") == "skipped"
    assert plan.incoming_for(graph, state, "after") == (("off", None),)


@pytest.mark.parametrize(
    ("node", "port"),
    [
        ({"type": "if", "config": {"condition": "{{ 1 }}"}}, "true"),
        ({"type": "switch", "config": {"cases": [{"name": "one"}, {"name": "two"}]}}, "one"),
        ({"type": "switch", "config": {}}, "default"),
        ({"type": "approval", "config": {"message": "Go?"}}, "approved"),
        ({"type": "map", "config": {"items": [1]}}, "out"),
        ({**TEXT, "on_error": "branch"}, "out"),
    ],
)
def test_a_disabled_node_is_left_by_its_first_port(node: JSON, port: str) -> None:
    others = [
        *sorted({"true", "false", "one", "two", "default", "approved", "rejected", "out", "error"})
    ]
    targets = [{**TEXT, "id": f"to_{name}"} for name in others]
    edges = ["start>off", *(f"off.{name}>to_{name}" for name in others)]
    ran, _ = walked(flow({**node, "id": "off", "disabled": True}, *targets, edges=edges))
    assert ran == ["start", f"to_{port}"]


def test_a_disabled_node_to_which_no_path_leads_is_skipped_with_all_behind_it() -> None:
    document = flow(
        {**TEXT, "id": "off", "disabled": True},
        {**TEXT, "id": "after"},
        edges=["start.never>off", "off>after"],
    )
    assert walked(document) == (["start"], ["off", "after"])


def test_a_disabled_container_opens_nothing_that_is_inside() -> None:
    document = flow(
        {"id": "rows", "type": "map", "config": {"items": [1]}, "disabled": True},
        {**TEXT, "id": "inner", "parent": "rows"},
        {**TEXT, "id": "after"},
        edges=["start>rows", "rows>after"],
    )
    assert walked(document) == (["start", "after"], ["rows"])
    graph = Graph(document)
    assert [graph.is_disabled(name) for name in graph.nodes] == [False, True, True, False]


def test_a_disabled_output_gives_nothing_and_a_disabled_stop_ends_nothing() -> None:
    document = flow(
        {"id": "halt", "type": "stop", "disabled": True},
        {"id": "gone", "type": "output", "disabled": True},
        {**TEXT, "id": "after"},
        edges=["start>halt", "start>gone", "start>after"],
    )
    graph = Graph(document)
    assert walked(document) == (["start", "after"], ["halt", "gone"])
    assert plan.run_outputs(graph, plan.RunState.new(graph)) == {}


def test_running_again_from_a_disabled_node_runs_what_is_behind_it() -> None:
    document = flow(
        {**TEXT, "id": "before"},
        {**TEXT, "id": "off", "disabled": True},
        {**TEXT, "id": "after"},
        edges=["start>before", "before>off", "off>after"],
    )
    kept = Reuse(lambda path, node: Taken({"text": "kept"}))
    assert walked(document, reuse=kept)[0] == ["start"]
    again = Reuse(lambda path, node: Taken({"text": "kept"}), start="off")
    assert walked(document, reuse=again)[0] == ["start", "after"]


def test_only_true_is_written_and_it_belongs_to_the_meaning_of_a_flow() -> None:
    on = flow({**TEXT, "id": "a", "disabled": False}, edges=["start>a"])
    off = flow({**TEXT, "id": "a", "disabled": True}, edges=["start>a"])
    assert "disabled" not in dump(on)["nodes"][1]
    assert dump(off)["nodes"][1]["disabled"] is True
    assert parse(dump(off)) == off
    assert digest(on) != digest(off)
    with pytest.raises(DocumentInvalid, match="disabled"):
        flow({**TEXT, "id": "a", "disabled": "perhaps"}, edges=[])


def test_the_input_cannot_be_disabled() -> None:
    document = parse({"name": "T", "nodes": [{"id": "in_1", "type": "input", "disabled": True}]})
    found = problems(document)["input_disabled"]
    assert (found.severity, found.node, found.path) == ("error", "in_1", "disabled")


def test_reading_a_disabled_node_is_a_warning_unless_null_is_provided_for() -> None:
    def found(template: str, **more: JSON) -> Problem | None:
        reader = {"id": "b", "type": "template", "config": {"template": template}, **more}
        off = {**TEXT, "id": "a", "disabled": True}
        return problems(flow(off, reader, edges=["start>a", "a>b"])).get("reference_disabled")

    problem = found("{{ a.text }}")
    assert problem is not None
    assert problem.message == (
        "'template' reads as null because 'a' is disabled. Enable it, or remove it."
    )
    assert (problem.severity, problem.node, problem.path) == ("warning", "b", "template")
    assert found("{{ a.text | default('') }}") is None
    assert found("{{ a.text }}", disabled=True) is None


def test_what_is_unfinished_in_a_disabled_node_keeps_nothing_from_running() -> None:
    half = {"id": "a", "type": "llm", "config": {"prompt": "{{ nobody.x }}", "odd": 1}}
    assert problems(flow(half, edges=["start>a"]))["unknown_reference"].severity == "error"
    off = problems(flow({**half, "disabled": True}, edges=["start>a"]))
    assert {off[code].severity for code in ("unknown_reference", "config_unknown")} == {"warning"}
    rows = {"id": "rows", "type": "map", "config": {"items": [1]}, "disabled": True}
    inside = problems(flow(rows, {**half, "parent": "rows"}, edges=["start>rows"]))
    assert inside["unknown_reference"].severity == "warning"


def test_a_disabled_decision_is_told_and_a_disabled_wait_may_be_inline() -> None:
    fork = {"id": "a", "type": "if", "config": {"condition": "{{ 1 }}"}, "disabled": True}
    found = problems(flow(fork, edges=["start>a"]))["disabled_decision"]
    assert found.message == "'a' is disabled, so every run goes on by its port 'true'."
    wait = {"id": "w", "type": "wait", "config": {"seconds": 1}}
    settings = {"execution": "inline"}
    assert "not_inline" in problems(flow(wait, edges=["start>w"], settings=settings))
    off = flow({**wait, "disabled": True}, edges=["start>w"], settings=settings)
    assert "not_inline" not in problems(off)


def test_a_flow_whose_outputs_are_all_disabled_is_told_so() -> None:
    off = flow({"id": "end", "type": "output", "disabled": True}, edges=["start>end"])
    assert "disabled" in problems(off)["output_missing"].message
