"""Run whole flows in tests without a server: the planner, pure nodes and a scripted world."""

import asyncio
from typing import Any

from flows.engine import plan
from flows.engine.document import Document
from flows.engine.errors import NodeError
from flows.engine.graph import Graph
from flows.engine.node_call import resolve_config, run_pure
from flows.engine.node_type import PureInputs, Result
from flows.engine.tests.support import FakeContext, node_type


def run_flow(
    document: Document, inputs: dict[str, Any], world: FakeContext
) -> tuple[plan.FinishRun, plan.RunState]:
    """Carry a flow out, one node after the other."""
    graph = Graph(document)
    state = plan.RunState.new(graph)
    queue = plan.advance(graph, state)
    while queue:
        command = queue.pop(0)
        if isinstance(command, plan.FinishRun):
            return command, state
        if isinstance(command, plan.StartNode):
            _carry_out(graph, state, command.node, inputs, world)
            queue += plan.advance(graph, state)
    raise AssertionError("the run never ended")


def _carry_out(
    graph: Graph, state: plan.RunState, node: str, inputs: dict[str, Any], world: FakeContext
) -> None:
    spec = graph.nodes[node]
    context = plan.context_for(graph, state, node, {"id": "r"}, {})
    try:
        result = _result(graph, state, node, context, inputs, world)
    except NodeError as error:
        plan.fail(graph, state, spec.id, error.as_dict())
    else:
        plan.succeed(graph, state, spec.id, result)


def _result(
    graph: Graph,
    state: plan.RunState,
    node: str,
    context: dict[str, Any],
    inputs: dict[str, Any],
    world: FakeContext,
) -> Result:
    spec = graph.nodes[node]
    kind = node_type(spec.type)
    if kind.pure is not None:
        incoming = plan.incoming_for(graph, state, node)
        return run_pure(kind, spec.config, context, PureInputs(incoming, inputs))[1]
    config, _ = resolve_config(kind, spec.config, context)

    async def perform() -> Result:
        assert kind.io is not None
        return await kind.io(config, world)

    return asyncio.run(perform())
