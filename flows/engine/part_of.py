"""A part of a flow as a flow: one node alone, or a node with all that leads to it."""

from flows.engine.document import Document
from flows.engine.graph import Graph


class NoSuchNode(Exception):
    """The flow has no node of this name that could run."""


def part_of(document: Document, *, until: str | None = None, only: str | None = None) -> Document:
    """The document cut down: to `only` this node, or to `until` and what comes before it.

    Of a container around `until`, what is inside is cut likewise. Raises NoSuchNode.
    """
    if until is None and only is None:
        return document
    graph = Graph(document)
    wanted = only or until or ""
    if wanted not in graph.nodes:
        raise NoSuchNode(f"The flow has no node '{wanted}' that runs.")
    kept = {wanted, *graph.inside(wanted)}
    if only is None:
        for node in (wanted, *graph.holders(wanted)):
            kept.add(node)
            for before in graph.ancestors(node):
                kept |= {before, *graph.inside(before)}
    nodes = [
        node if only is None else node.model_copy(update=_alone(node.id == only))
        for node in document.nodes
        if node.id in kept
    ]
    edges = [edge for edge in document.edges if edge.source in kept and edge.target in kept]
    return document.model_copy(update={"nodes": nodes, "edges": edges})


def _alone(is_the_one: bool) -> dict[str, None]:
    """A node that runs alone is in no container."""
    return {"parent": None} if is_the_one else {}
