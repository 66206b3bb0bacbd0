"""The planner's rules one by one; test_plan_property.py holds them against an oracle."""

from typing import Any

import pytest

from flows.engine import plan
from flows.engine.document import Document, parse
from flows.engine.graph import Graph
from flows.engine.node_type import Result
from flows.engine.plan import FinishRun, SkipNode, StartNode


def flow(edges: str, **nodes: Any) -> Document:
    """A document from "a>b a.true>c"; keyword arguments override a node's fields."""
    pairs = [edge.split(">") for edge in edges.split()]
    names = list(dict.fromkeys(name.split(".")[0] for pair in pairs for name in pair))
    specs = [{"id": n, "type": "input" if n == "start" else "template"} for n in names]
    for spec in specs:
        spec.update(nodes.get(spec["id"], {}))
    edge_list = [{"from": source, "to": target} for source, target in pairs]
    return parse({"name": "Test", "nodes": specs, "edges": edge_list})


class Run:
    """A run in progress, for tests to read like a story."""

    def __init__(self, edges: str, **nodes: Any) -> None:
        self.graph = Graph(flow(edges, **nodes))
        self.state = plan.RunState.new(self.graph)

    def next(self) -> list[plan.Command]:
        return plan.advance(self.graph, self.state)

    def done(self, node: str, *ports: str, **more: Any) -> list[plan.Command]:
        output = more.pop("output", {"from": node})
        plan.succeed(self.graph, self.state, node, Result(output, ports or ("out",), **more))
        return self.next()

    def broke(self, node: str, code: str = "boom") -> list[plan.Command]:
        plan.fail(self.graph, self.state, node, {"code": code, "message": "Broke."})
        return self.next()


def test_commands_are_given_once() -> None:
    run = Run("start>a")
    assert run.next() == [StartNode("start")]
    assert run.next() == []
    assert run.done("start") == [StartNode("a")]
    assert run.next() == []
    assert run.done("a") == [FinishRun("succeeded")]
    assert run.next() == []


def test_independent_branches_start_together() -> None:
    run = Run("start>a start>b")
    run.next()
    assert run.done("start") == [StartNode("a"), StartNode("b")]


def test_a_node_waits_for_all_its_edges() -> None:
    run = Run("start>a start>b a>c b>c")
    run.next()
    run.done("start")
    assert run.done("b") == []
    assert run.done("a") == [StartNode("c")]


def test_dead_branches_are_skipped_and_merges_go_on_with_the_live_one() -> None:
    run = Run("start.true>a start.false>b b>c a>end c>end")
    run.next()
    assert run.done("start", "true") == [StartNode("a"), SkipNode("b"), SkipNode("c")]
    assert run.done("a") == [StartNode("end")]
    assert plan.incoming_for(run.graph, run.state, "end") == (("a", {"from": "a"}),)


def test_a_run_where_everything_is_skipped_ends() -> None:
    run = Run("start.true>a a>b")
    run.next()
    assert run.done("start", "false") == [SkipNode("a"), SkipNode("b"), FinishRun("succeeded")]


def test_outputs_are_those_of_the_output_nodes_that_were_reached() -> None:
    kinds = {"x": {"type": "output"}, "y": {"type": "output"}}
    run = Run("start.true>x start.false>y", **kinds)
    run.next()
    run.done("start", "true")
    assert run.done("x", output={"value": 5}) == [FinishRun("succeeded", {"x": 5})]


def test_a_failure_stops_the_run_and_names_its_node_and_what_to_cancel() -> None:
    run = Run("start>a start>b b>c")
    run.next()
    run.done("start")
    error = {"code": "boom", "message": "Broke.", "node": "a"}
    assert run.broke("a") == [FinishRun("failed", {}, error, ("b",), "Broke.")]
    assert run.state.ended


def test_a_failure_can_be_gone_on_without() -> None:
    run = Run("start>a a>b", a={"on_error": "continue"})
    run.next()
    run.done("start")
    assert run.broke("a") == [StartNode("b")]
    assert run.state.status_of("a") == "failed"
    assert plan.incoming_for(run.graph, run.state, "b") == (("a", None),)


def test_a_failed_decision_takes_no_branch_even_where_the_run_goes_on() -> None:
    run = Run("start>a a.true>b a.false>c b>end c>end start>d", a={"on_error": "continue"})
    run.next()
    run.done("start")
    assert run.broke("a") == [SkipNode("b"), SkipNode("c"), SkipNode("end")]
    assert run.done("d") == [FinishRun("succeeded")]


def test_a_failure_can_leave_by_the_error_port() -> None:
    run = Run("start>a a>b a.error>c", a={"on_error": "branch"})
    run.next()
    run.done("start")
    assert run.broke("a") == [SkipNode("b"), StartNode("c")]
    assert run.state.outputs["a"] == {"error": {"code": "boom", "message": "Broke."}}


def test_success_leaves_the_error_port_dead() -> None:
    run = Run("start>a a>b a.error>c", a={"on_error": "branch"})
    run.next()
    run.done("start")
    assert run.done("a") == [StartNode("b"), SkipNode("c")]


def test_a_stop_node_ends_the_run_at_once() -> None:
    run = Run("start>a start>b a>c")
    run.next()
    run.done("start")
    finish = run.done("a", ends_run="failed", message="Enough.")[0]
    assert isinstance(finish, FinishRun)
    assert finish.status == "failed"
    assert finish.error == {"code": "stopped", "message": "Enough.", "node": "a"}
    assert finish.cancel == ("b",)
    run = Run("start>a start>b")
    run.next()
    run.done("start")
    over = FinishRun("succeeded", {}, None, ("b",), stopped=True)
    assert run.done("a", ends_run="succeeded") == [over]


def test_a_second_failure_does_not_replace_the_first() -> None:
    run = Run("start>a start>b")
    run.next()
    run.done("start")
    plan.fail(run.graph, run.state, "b", {"code": "first", "message": "1"})
    plan.fail(run.graph, run.state, "a", {"code": "second", "message": "2"})
    finish = run.next()[0]
    assert isinstance(finish, FinishRun)
    assert finish.error is not None
    assert finish.error["code"] == "first"
    assert finish.cancel == ()


def test_only_a_running_node_can_end() -> None:
    run = Run("start>a")
    with pytest.raises(ValueError, match="pending"):
        plan.succeed(run.graph, run.state, "a", Result({}))
    run.next()
    run.done("start")
    run.done("a")
    with pytest.raises(ValueError, match="succeeded"):
        plan.fail(run.graph, run.state, "a", {})


def test_an_empty_flow_ends_at_once() -> None:
    graph = Graph(parse({"name": "Empty"}))
    assert plan.advance(graph, plan.RunState.new(graph)) == [FinishRun("succeeded")]


def test_a_large_graph_is_planned_in_linear_time() -> None:
    count = 2_000
    nodes = [{"id": f"n{i}", "type": "template"} for i in range(count)]
    edges = [
        {"from": f"n{i}", "to": f"n{j}"}
        for i in range(count)
        for j in range(i + 1, min(i + 6, count))
    ]
    graph = Graph(parse({"name": "Large", "nodes": nodes, "edges": edges}))
    state = plan.RunState.new(graph)
    steps = 0
    commands = plan.advance(graph, state)
    while not isinstance(commands[-1], FinishRun):
        assert commands == [StartNode(f"n{steps}")]
        plan.succeed(graph, state, f"n{steps}", Result({}))
        commands = plan.advance(graph, state)
        steps += 1
    assert steps == count
    assert len(graph.ancestors(f"n{count - 1}")) == count - 1
