"""What the expressions of a node see: ancestors, the item they are in, and the run itself."""

from collections.abc import Mapping
from typing import Any

from flows.engine import plan
from flows.engine.attempts import evaluated_of
from flows.engine.expressions import roots_in
from flows.engine.graph import Graph
from flows.engine.scope import Scope

JSON = Any
#: Names that hold everywhere, and those that hold only in a container.
OUTER_NAMES = ("run", "vars")
INNER_NAMES = ("item", "index", "state")


def context_of(graph: Graph, scope: Scope, node: str, given: Mapping[str, JSON]) -> dict[str, JSON]:
    """The names a node's config mentions: ancestors' outputs (None without one), run, vars, …"""
    return {root: _read(scope, root, given) for root in _roots(graph, node)}


def incoming_of(graph: Graph, scope: Scope, node: str) -> tuple[tuple[str, JSON], ...]:
    """The live incoming edges in document order: (source, its output or None)."""
    return plan.incoming_for(graph, scope.state, node)


def body_context(
    graph: Graph, scope: Scope, container: str, given: Mapping[str, JSON]
) -> dict[str, JSON]:
    """All that a container and what is in it mention of the world around it."""
    roots = dict.fromkeys(_roots(graph, container))
    for node in graph.inside(container):
        mentioned = (root for root in _roots(graph, node) if _is_around(graph, root, container))
        roots.update(dict.fromkeys(mentioned))
    return {root: _read(scope, root, given) for root in roots}


def inner_names(
    graph: Graph, scope: Scope, raw: JSON, given: Mapping[str, JSON]
) -> dict[str, JSON]:
    """What a field sees that is evaluated in an item or iteration: what ran there as well."""
    container = scope.container
    assert container is not None
    names: dict[str, JSON] = {}
    for root in roots_in({"value": raw}):
        if root in scope.state.status:
            names[root] = scope.state.outputs.get(root)
        elif root in scope.names or root == container or _is_around(graph, root, container):
            names[root] = _read(scope, root, given)
    return names


def _roots(graph: Graph, node: str) -> tuple[str, ...]:
    """The names that a node's config mentions and that mean something where it is."""
    known = graph.context_roots.get(node)
    if known is None:
        found = roots_in(evaluated_of(graph.nodes[node]))
        known = tuple(root for root in found if _is_around(graph, root, node))
        graph.context_roots[node] = known
    return known


def _is_around(graph: Graph, root: str, node: str) -> bool:
    if root in OUTER_NAMES or graph.can_read(root, node):
        return True
    return root in INNER_NAMES and graph.holder[node] is not None


def _read(scope: Scope, root: str, given: Mapping[str, JSON]) -> JSON:
    for at in scope.chain():
        if root in at.names:
            return at.names[root]
        if at.names and root == at.container:
            return at.names
        if root in at.state.outputs:
            return at.state.outputs[root]
    return given.get(root)
