"""The planner: from a graph and the state of a run to what has to happen next.

`advance` returns each command once; the caller carries it out and reports with `succeed` or
`fail`. Every edge is settled once, so a whole run costs O(nodes + edges).
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from flows.engine.attempts import evaluated_of, failure_of
from flows.engine.expressions import roots_in
from flows.engine.graph import Graph
from flows.engine.node_type import Result
from flows.engine.run_state import RunState

__all__ = [
    "Command",
    "FinishRun",
    "RunState",
    "SkipNode",
    "StartNode",
    "advance",
    "context_for",
    "fail",
    "incoming_for",
    "reuse",
    "succeed",
]


@dataclass(frozen=True)
class StartNode:
    """Run this node now."""

    node: str


@dataclass(frozen=True)
class SkipNode:
    """No path led to this node; it will not run."""

    node: str


@dataclass(frozen=True)
class FinishRun:
    """The run is over. `cancel` are the nodes still running; `error` names its node."""

    status: Literal["succeeded", "failed"]
    outputs: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    cancel: tuple[str, ...] = ()
    message: str = ""


type Command = StartNode | SkipNode | FinishRun


def advance(graph: Graph, state: RunState) -> list[Command]:
    """What to do now, in a stable order. A second call without news returns nothing."""
    if state.ended:
        return []
    if state.ending is not None:
        return [_finish(state, state.ending)]
    commands: list[Command] = []
    while state.settled:
        node = state.settled.popleft()
        if state.status[node] != "pending":
            continue
        if graph.incoming[node] and state.live[node] == 0:
            state.status[node] = "skipped"
            commands.append(SkipNode(node))
            _settle_outgoing(graph, state, node)
        else:
            state.status[node] = "running"
            state.running[node] = None
            commands.append(StartNode(node))
    if not state.running:
        commands.append(_finish(state, FinishRun("succeeded", _run_outputs(graph, state))))
    return commands


def _finish(state: RunState, command: FinishRun) -> FinishRun:
    state.ended = True
    # What started meanwhile has to be cancelled too.
    return FinishRun(
        command.status, command.outputs, command.error, tuple(state.running), command.message
    )


def _run_outputs(graph: Graph, state: RunState) -> dict[str, Any]:
    return {
        node: state.outputs[node].get("value")
        for node, spec in graph.nodes.items()
        if spec.type == "output" and state.status[node] == "succeeded"
    }


def _settle_outgoing(graph: Graph, state: RunState, node: str) -> None:
    for edge in graph.outgoing[node]:
        if state.is_live(node, edge.port):
            state.live[edge.target] += 1
        state.unsettled[edge.target] -= 1
        if state.unsettled[edge.target] == 0:
            state.settled.append(edge.target)


def _leave_running(state: RunState, node: str) -> None:
    if node not in state.running:
        raise ValueError(f"node '{node}' is {state.status[node]}, not running")
    del state.running[node]


def succeed(graph: Graph, state: RunState, node: str, result: Result) -> None:
    """Note that a started node ended well."""
    _leave_running(state, node)
    state.status[node] = "succeeded"
    state.outputs[node] = result.output
    state.ports[node] = result.ports
    if result.ends_run is not None and state.ending is None:
        error = None
        if result.ends_run == "failed":
            message = result.message or "The flow was stopped by a stop node."
            error = {"code": "stopped", "message": message, "node": node}
        outputs = _run_outputs(graph, state)
        state.ending = FinishRun(result.ends_run, outputs, error, (), result.message)
    _settle_outgoing(graph, state, node)


def fail(graph: Graph, state: RunState, node: str, error: dict[str, Any]) -> None:
    """Note that a started node failed for good, and apply its `on_error`."""
    _leave_running(state, node)
    state.status[node] = "failed"
    state.errors[node] = error
    policy = graph.nodes[node].on_error
    if policy == "continue":
        # Not by the ports of a branch: which of them is right is what the failure leaves unknown.
        state.ports[node] = ("out",)
    elif policy == "branch":
        state.ports[node] = ("error",)
        state.outputs[node] = {"error": error}
    else:
        state.ports[node] = ()
        if state.ending is None:
            outputs = _run_outputs(graph, state)
            message = str(error.get("message", ""))
            failure = failure_of(graph.nodes[node], error)
            state.ending = FinishRun("failed", outputs, failure, (), message)
    _settle_outgoing(graph, state, node)


def reuse(
    graph: Graph, state: RunState, node: str, output: Any, ports: tuple[str, ...] = ("out",)
) -> None:
    """Take a node's result from an earlier run; it will not be started. Call before `advance`."""
    if state.status[node] != "pending":
        raise ValueError(f"node '{node}' is {state.status[node]}; its result cannot be reused")
    state.status[node] = "succeeded"
    state.outputs[node] = output
    state.ports[node] = ports
    _settle_outgoing(graph, state, node)


def incoming_for(graph: Graph, state: RunState, node: str) -> tuple[tuple[str, Any], ...]:
    """The live incoming edges in document order: (source, its output or None)."""
    return tuple(
        (edge.source, state.outputs.get(edge.source))
        for edge in graph.incoming[node]
        if state.is_live(edge.source, edge.port)
    )


def context_for(
    graph: Graph, state: RunState, node: str, run: dict[str, Any], variables: dict[str, Any]
) -> dict[str, Any]:
    """The names a node's config mentions: ancestors' outputs (None without one), run, vars."""
    roots = graph.context_roots.get(node)
    if roots is None:
        roots = tuple(
            root
            for root in roots_in(evaluated_of(graph.nodes[node]))
            if root in ("run", "vars") or graph.is_ancestor(root, node)
        )
        graph.context_roots[node] = roots
    own = {"run": run, "vars": variables}
    return {root: own[root] if root in own else state.outputs.get(root) for root in roots}
