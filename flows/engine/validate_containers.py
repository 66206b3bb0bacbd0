"""Check containers: what is in them, what their walls keep apart, and what may not be inside."""

from collections.abc import Iterator

from flows.engine.document import Document, NodeSpec
from flows.engine.errors import Problem
from flows.engine.graph import INERT_TYPES, Graph, holders_in_a_circle
from flows.engine.names import Suggestions
from flows.engine.node_type import NodeType
from flows.engine.registry import Registry

#: Node types that hold others.
CONTAINERS = ("map", "loop")
#: What belongs to the whole run, not to an item.
OUTSIDE_ONLY = ("input", "output")


def is_container(node_type: NodeType | None) -> bool:
    """Whether nodes of this type hold others."""
    return node_type is not None and node_type.control in CONTAINERS


def container_problems(
    doc: Document, graph: Graph, registry: Registry, suggest: Suggestions
) -> Iterator[Problem]:
    """Problems of parents, walls, and of settings that some nodes do not fit."""
    nodes = {node.id: node for node in doc.nodes}
    circular = set(holders_in_a_circle({n.id: n.parent for n in doc.nodes if n.parent in nodes}))
    for node in doc.nodes:
        if node.parent is not None:
            yield from _parent_problems(node, nodes, circular, registry, suggest)
        yield from _place_problems(doc, node, graph, registry.get(node.type))
        if is_container(registry.get(node.type)) and not graph.children.get(node.id):
            message = f"Nothing is inside '{node.id}'. Put the steps there that it shall repeat."
            yield Problem("container_empty", message, node.id, severity="warning")
    for index, edge in enumerate(doc.edges):
        source, target = nodes.get(edge.source), nodes.get(edge.target)
        if source is not None and target is not None and source.parent != target.parent:
            inner = target if target.parent is not None else source
            holder = nodes.get(inner.parent or "")
            if holder is None or not is_container(registry.get(holder.type)):
                continue  # a parent that is none is the problem to solve first
            message = (
                f"The edge from '{source.id}' to '{target.id}' goes through the wall of "
                f"'{inner.parent}'. Connect '{inner.parent}' itself; inside, what came before it "
                "is read by name."
            )
            yield Problem("edge_through_wall", message, inner.id, f"edges[{index}]")


def _parent_problems(
    node: NodeSpec,
    nodes: dict[str, NodeSpec],
    circular: set[str],
    registry: Registry,
    suggest: Suggestions,
) -> Iterator[Problem]:
    parent = nodes.get(node.parent or "")
    if parent is None:
        containers = [n for n in nodes.values() if is_container(registry.get(n.type))]
        hint = suggest(node.parent or "", [n.id for n in containers])
        message = f"'{node.id}' is said to be in '{node.parent}', which is no node.{hint}"
        yield Problem("parent_invalid", message, node.id, "parent")
    elif not is_container(registry.get(parent.type)):
        message = f"'{parent.id}' cannot hold other nodes. Remove 'parent'."
        yield Problem("parent_invalid", message, node.id, "parent")
    elif node.id in circular:
        message = f"'{node.id}' is inside itself. Give it another parent, or none."
        yield Problem("parent_invalid", message, node.id, "parent")
    elif node.type in OUTSIDE_ONLY:
        what = {"input": "starts the run", "output": "gives the run's result"}[node.type]
        message = f"'{node.id}' {what}, so it cannot be inside '{parent.id}'. Move it out."
        yield Problem("outside_only", message, node.id, "parent")


def _place_problems(
    doc: Document, node: NodeSpec, graph: Graph, node_type: NodeType | None
) -> Iterator[Problem]:
    if node.type in INERT_TYPES:
        return
    waits = node_type is not None and node_type.waits(node.config)
    waits = waits and not graph.is_disabled(node.id)
    if doc.settings.execution == "inline" and waits:
        message = (
            f"'{node.id}' waits, which a flow with execution 'inline' cannot. Remove it, or set "
            "settings.execution to 'durable'."
        )
        yield Problem("not_inline", message, node.id)
    leaves_less = node.type == "stop" and node.config.get("leave", "run") != "run"
    if leaves_less and graph.holder[node.id] is None:
        message = f"'{node.id}' is in no container, so it can only end the run. Set leave to 'run'."
        yield Problem("nothing_to_leave", message, node.id, "leave")
