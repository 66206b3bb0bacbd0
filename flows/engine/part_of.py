"""A part of a flow as a flow: one node alone, or a node with all that leads to it."""

from collections.abc import Collection
from typing import Any

from flows.engine.attempts import evaluated_of
from flows.engine.disabled import passing_ports
from flows.engine.document import Document, EdgeSpec, NodeSpec
from flows.engine.expressions import roots_in
from flows.engine.graph import Graph

#: The port of an edge that carries nothing and is never live: it only has one node end before
#: another begins.
ORDER_ONLY = "only_before"
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
    left_out: Collection[str] = (),
) -> Document:
    """The document cut down: to `only` this node, or to `until` and what comes before it.

    Nodes whose output is `given` need nothing before them (unless they are disabled: then they are
    left out); what others read from further back is kept. Of a container around `until`, what is
    inside is cut likewise, and what it reads of that: a map gives what its last step gives, a loop
    makes one round. `only` a node is taken out of its container; disabled nodes before it stay.
    `left_out` are disabled for this run. Raises NoSuchNode.
    """
    if left_out:
        document = _without(document, left_out)
    if until is None and only is None:
        return document
    given = [name for name in given if name not in _disabled(document)]
    edges = [edge for edge in document.edges if edge.target not in given]
    graph = Graph(document.model_copy(update={"edges": edges}))
    wanted = only or until or ""
    _check(graph, wanted, alone=only is not None)
    if only is not None:
        return _alone(document, only, given)
    kept = _leading_to(graph, wanted)
    order: set[tuple[str, str]] = set()
    if given:
        whole = Graph(document)
        while more := _read_past(graph, whole, kept, given) - order:
            order |= more
            for read, _ in more:
                kept |= _leading_to(graph, read)
    around = set(graph.holders(wanted))
    nodes = [
        _without_what_was_cut(graph, node, kept) if node.id in around else node
        for node in document.nodes
        if node.id in kept
    ]
    edges = [edge for edge in edges if edge.source in kept and edge.target in kept]
    edges += [EdgeSpec(source=a, port=ORDER_ONLY, target=b) for a, b in sorted(order)]
    return document.model_copy(update={"nodes": nodes, "edges": edges})


def _without(document: Document, left_out: Collection[str]) -> Document:
    nodes = [
        node.model_copy(update={"disabled": True}) if node.id in left_out else node
        for node in document.nodes
    ]
    return document.model_copy(update={"nodes": nodes})


def _disabled(document: Document) -> frozenset[str]:
    return frozenset(node.id for node in document.nodes if node.disabled)


def _check(graph: Graph, wanted: str, *, alone: bool) -> None:
    """Raise NoSuchNode for a node that does not run; alone it does without its containers."""
    if wanted not in graph.nodes:
        raise NoSuchNode(f"The flow has no node '{wanted}' that runs.")
    around = (wanted,) if alone else (wanted, *graph.holders(wanted))
    for name in around:
        if graph.nodes[name].disabled:
            inside = "" if name == wanted else f", and '{wanted}' is inside it"
            raise NoSuchNode(f"'{name}' is disabled{inside}. Enable it to run it.")


def _leading_to(graph: Graph, wanted: str) -> set[str]:
    """A node, the containers around it, and all that comes before these, with what is inside."""
    kept = {wanted, *graph.inside(wanted)}
    for node in (wanted, *graph.holders(wanted)):
        kept.add(node)
        for before in graph.ancestors(node):
            kept |= {before, *graph.inside(before)}
    return kept


def _read_past(
    graph: Graph, whole: Graph, kept: Collection[str], given: Collection[str]
) -> set[tuple[str, str]]:
    """What nodes read from before those that are given: (what is read, before which it has to run).

    The second is the node that reads, or the container around it that the first comes before.
    """
    found: set[tuple[str, str]] = set()
    for node in kept:
        chain = (node, *whole.holders(node))
        if any(at in given for at in chain):
            continue  # it does not run
        for root in roots_in(evaluated_of(whole.nodes[node])):
            for at in chain:
                if whole.is_ancestor(root, at) and not graph.is_ancestor(root, at):
                    found.add((root, at))
    return found


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


def _alone(document: Document, only: str, given: Collection[str]) -> Document:
    """The node, with what is in it, behind those whose outputs are given or that are disabled.

    What leads to it in the flow is handed to it; the others it only reads.
    """
    graph = Graph(document)
    inside = {only, *graph.inside(only)}
    before = {name: "out" for name in given if name in graph.nodes and name not in inside}
    for node in document.nodes:
        if node.disabled and node.id not in inside and graph.can_read(node.id, only):
            before[node.id] = next(iter(passing_ports(node)), "out")
    leading = {edge.source for edge in graph.incoming[only]}
    if not leading.isdisjoint(before):
        before |= dict.fromkeys(before.keys() - leading, ORDER_ONLY)
    nodes: list[NodeSpec] = []
    for node in document.nodes:
        if node.id == only or node.id in before:
            nodes.append(node.model_copy(update={"parent": None}))
        elif node.id in inside:
            nodes.append(node)
    edges = [edge for edge in document.edges if edge.source in inside and edge.target in inside]
    edges += [EdgeSpec(source=name, port=port, target=only) for name, port in before.items()]
    return document.model_copy(update={"nodes": nodes, "edges": edges})
