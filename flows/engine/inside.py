"""The fields of a container that are evaluated inside: result, while, update."""

from collections.abc import Mapping
from typing import Any, Literal

from flows.engine.document import NodeSpec
from flows.engine.errors import NodeError
from flows.engine.expressions import Budget, ExpressionError, resolve_with, trimmed
from flows.engine.graph import Graph
from flows.engine.references import Load
from flows.engine.scope import Scope

JSON = Any
type Part = Literal["result", "while", "update"]


def inside_value(
    graph: Graph,
    container: NodeSpec,
    part: Part,
    scope: Scope,
    names: Mapping[str, JSON],
    load: Load | None,
) -> JSON:
    """The value of a container's field for one item or iteration.

    Without a `result` it is the output of the last node (an object of them where there are
    several, the item itself where there is none). Raises NodeError naming the field; NeedsLoad.
    """
    if part == "result" and "result" not in container.config:
        return _last_outputs(graph, container.id, scope)
    return field_value(container.config.get(part, {}), part, names, load)


def field_value(raw: JSON, part: Part, names: Mapping[str, JSON], load: Load | None) -> JSON:
    """The value of a field as it is written. Raises NodeError naming the field; NeedsLoad."""
    try:
        value = resolve_with(trimmed(raw), names, Budget(load))
    except ExpressionError as error:
        error.field = error.field or part
        raise
    if part == "update" and not isinstance(value, dict):
        message = "'update' has to be an object: name → its new value."
        raise NodeError("config_invalid", message, field="update")
    return value


def _last_outputs(graph: Graph, container: str, scope: Scope) -> JSON:
    leaves, outputs = graph.leaves(container), scope.state.outputs
    if not leaves:
        return scope.names.get("item")
    if len(leaves) == 1:
        return outputs.get(leaves[0])
    return {node: outputs.get(node) for node in leaves}
