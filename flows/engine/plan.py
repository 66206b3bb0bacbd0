"""The planner of one scope: from a graph and a state to what has to happen next.

A scope is the flow itself, or one item or iteration in a container; `flows.engine.walk` makes a
run of them.

`advance` returns each command once; the caller carries it out and reports with `succeed` or
`fail`. Every edge is settled once, so a whole run costs O(nodes + edges).
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from flows.engine.attempts import failure_of
from flows.engine.disabled import passing_ports
from flows.engine.graph import Graph
from flows.engine.node_type import Leaves, Result
from flows.engine.run_state import RunState

__all__ = [
    "Command",
    "FinishRun",
    "RunState",
    "SkipNode",
    "StartNode",
    "advance",
    "fail",
    "incoming_for",
    "run_outputs",
    "succeed",
]


@dataclass(frozen=True)
class StartNode:
    """Run this node now."""

    node: str


@dataclass(frozen=True)
class SkipNode:
    """This node will not run: no path led to it or, where it has `ports`, it is disabled.

    `ports` are those by which the flow goes on behind it (none for a disabled stop).
    """

    node: str
    ports: tuple[str, ...] | None = None


@dataclass(frozen=True)
class FinishRun:
    """The scope is over. `cancel` are the nodes still running; `error` names its node.

    `stopped`: a stop node brought the end about, and `leaves` is what it ends: the whole run, this
    item or iteration, or the container.
    """

    status: Literal["succeeded", "failed"]
    outputs: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    cancel: tuple[str, ...] = ()
    message: str = ""
    stopped: bool = False
    leaves: Leaves = "run"


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
        elif graph.nodes[node].disabled:
            ports = passing_ports(graph.nodes[node])
            state.status[node], state.ports[node] = "skipped", ports
            commands.append(SkipNode(node, ports))
            _settle_outgoing(graph, state, node)
        else:
            state.status[node] = "running"
            state.running[node] = None
            commands.append(StartNode(node))
    if not state.running:
        commands.append(_finish(state, FinishRun("succeeded", run_outputs(graph, state))))
    return commands


def _finish(state: RunState, command: FinishRun) -> FinishRun:
    state.ended = True
    # What started meanwhile has to be cancelled too.
    return replace(command, cancel=tuple(state.running))


def run_outputs(graph: Graph, state: RunState) -> dict[str, Any]:
    """The outputs of the output nodes that succeeded so far: {node: value}."""
    return {
        node: state.outputs[node].get("value")
        for node in state.status
        if graph.nodes[node].type == "output" and state.status[node] == "succeeded"
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
            error = dict(result.error or {"code": "stopped", "message": message, "node": node})
        outputs = run_outputs(graph, state)
        state.ending = FinishRun(
            result.ends_run, outputs, error, (), result.message, stopped=True, leaves=result.leaves
        )
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
            outputs = run_outputs(graph, state)
            message = str(error.get("message", ""))
            # A container fails with what failed in it: that node is the one to look at.
            failure = failure_of(graph.nodes[node], error)
            state.ending = FinishRun("failed", outputs, failure, (), message)
    _settle_outgoing(graph, state, node)


def incoming_for(graph: Graph, state: RunState, node: str) -> tuple[tuple[str, Any], ...]:
    """The live incoming edges in document order: (source, its output or None)."""
    return tuple(
        (edge.source, state.outputs.get(edge.source))
        for edge in graph.incoming[node]
        if state.is_live(edge.source, edge.port)
    )
