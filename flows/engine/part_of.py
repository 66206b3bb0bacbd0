"""A part of a flow as a flow: one node alone, or a node with all that leads to it."""

from collections.abc import Collection
from typing import Any

from flows.engine.document import Document, EdgeSpec, NodeSpec
from flows.engine.expressions import roots_in
from flows.engine.graph import Graph

#: The fields of containers that read what is inside.
INSIDE_FIELDS = ("result", "update", "while")


class NoSuchNode(Exception):
    """The flow has no node of this name that could run."""


def part_of(
    document: Document,
    *,
    until: str | None = None,
    only: str | None = None,
    given: Collection[str] = (),
) -> Document:
    """The document cut down: to `only` this node, or to `until` and what comes before it.

    Nodes whose output is `given` need nothing before them. Of a container around `until`, what is
    inside is cut likewise, and what it reads of that: a map gives what its last step gives, a loop
    makes one round. `only` a node is taken out of its container. Raises NoSuchNode.
    """
    if until is None and only is None:
        return document
    edges = [edge for edge in document.edges if edge.target not in given]
    graph = Graph(document.model_copy(update={"edges": edges}))
    wanted = only or until or ""
    if wanted not in graph.nodes:
        raise NoSuchNode(f"The flow has no node '{wanted}' that runs.")
    if only is not None:
        return _alone(document, graph, only, given)
    kept = {wanted, *graph.inside(wanted)}
    for node in (wanted, *graph.holders(wanted)):
        kept.add(node)
        for before in graph.ancestors(node):
            kept |= {before, *graph.inside(before)}
    around = set(graph.holders(wanted))
    nodes = [
        _without_what_was_cut(graph, node, kept) if node.id in around else node
        for node in document.nodes
        if node.id in kept
    ]
    edges = [edge for edge in edges if edge.source in kept and edge.target in kept]
    return document.model_copy(update={"nodes": nodes, "edges": edges})


def _without_what_was_cut(graph: Graph, holder: NodeSpec, kept: Collection[str]) -> NodeSpec:
    """A container without the fields that read nodes which are not there any more.

    Without its own `update` or `while` a loop would make all rounds it may, each like the first.
    """
    gone = set(graph.children.get(holder.id, ())) - set(kept)
    config: dict[str, Any] = {
        field: value
        for field, value in holder.config.items()
        if field not in INSIDE_FIELDS or gone.isdisjoint(roots_in({field: value}))
    }
    if holder.type == "loop" and len(config) < len(holder.config):
        config["max_iterations"] = 1
    return holder.model_copy(update={"config": config})


def _alone(document: Document, graph: Graph, only: str, given: Collection[str]) -> Document:
    """The node, with what is in it, behind those whose outputs are given."""
    inside = {only, *graph.inside(only)}
    before = [name for name in given if name in graph.nodes and name not in inside]
    nodes: list[NodeSpec] = []
    for node in document.nodes:
        if node.id == only or node.id in before:
            nodes.append(node.model_copy(update={"parent": None}))
        elif node.id in inside:
            nodes.append(node)
    edges = [edge for edge in document.edges if edge.source in inside and edge.target in inside]
    edges += [EdgeSpec(source=name, target=only) for name in before]
    return document.model_copy(update={"nodes": nodes, "edges": edges})
