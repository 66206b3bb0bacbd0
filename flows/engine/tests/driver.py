"""Run whole flows in tests without a server: the walk, pure nodes and a scripted world."""

import asyncio
from typing import Any

from flows.engine.commands import Compute, Ended, Start
from flows.engine.document import Document
from flows.engine.driving_errors import no_list
from flows.engine.errors import NodeError
from flows.engine.graph import Graph
from flows.engine.node_call import resolve_config, run_pure
from flows.engine.node_type import PureInputs, Result
from flows.engine.plan import FinishRun
from flows.engine.run_state import RunState
from flows.engine.scope import Scope
from flows.engine.sight import context_of, incoming_of
from flows.engine.tests.support import FakeContext, node_type
from flows.engine.walk import Walk


def run_flow(
    document: Document, inputs: dict[str, Any], world: FakeContext
) -> tuple[FinishRun, RunState]:
    """Carry a flow out, one node after the other."""
    walk = Walk(Graph(document), {"run": {"id": "r"}, "vars": {}})
    queue = walk.advance()
    while queue:
        command = queue.pop(0)
        match command:
            case FinishRun():
                return command, walk.base.state
            case Start(scope=scope, node=node):
                _carry_out(walk, scope, node, inputs, world)
            case Compute():
                _compute(walk, command)
            case Ended(scope=scope, node=node):
                if command.result is not None:
                    walk.succeed(scope, node, command.result)
                else:
                    walk.fail(scope, node, command.error or {})
        queue += walk.advance()
    raise AssertionError("the run never ended")


def _compute(walk: Walk, command: Compute) -> None:
    try:
        value = walk.compute(command)
    except NodeError as error:
        walk.not_computed(command, error.as_dict())
    else:
        walk.computed(command, value)


def _carry_out(
    walk: Walk, scope: Scope, node: str, inputs: dict[str, Any], world: FakeContext
) -> None:
    if scope.closed:
        return
    try:
        result = _result(walk, scope, node, inputs, world)
    except NodeError as error:
        walk.fail(scope, node, error.as_dict())
    else:
        if result is not None:
            walk.succeed(scope, node, result)


def _result(
    walk: Walk, scope: Scope, node: str, inputs: dict[str, Any], world: FakeContext
) -> Result | None:
    spec = walk.graph.nodes[node]
    kind = node_type(spec.type)
    context = context_of(walk.graph, scope, node, walk.given)
    if kind.pure is not None:
        pure_inputs = PureInputs(incoming_of(walk.graph, scope, node), inputs)
        return run_pure(kind, spec.config, context, pure_inputs)[1]
    config, _ = resolve_config(kind, spec.config, context)
    if kind.control is not None:
        return _control(walk, scope, node, config, world)

    async def perform() -> Result:
        assert kind.io is not None
        return await kind.io(config, world)

    return asyncio.run(perform())


def _control(walk: Walk, scope: Scope, node: str, config: Any, world: FakeContext) -> Result | None:
    match walk.graph.nodes[node].type:
        case "map":
            if not isinstance(config.items, list):
                raise no_list(config.items)
            walk.open_map(
                scope,
                node,
                config.items,
                concurrency=config.concurrency,
                on_item_error=config.on_item_error,
            )
        case "loop":
            walk.open_loop(scope, node, config.state, max_iterations=config.max_iterations)
        case "wait":
            return Result({"waited_seconds": config.seconds or 0})
        case "approval":
            decision = world.decisions.pop(0)
            data = {field.name: field.default for field in config.fields}
            output = {"decision": decision, "comment": "", "data": data, "by": None}
            return Result(output, ports=(decision,))
        case other:
            raise AssertionError(f"'{other}' cannot be tried here")
    return None
