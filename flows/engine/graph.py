"""A document's nodes and edges as a graph: order, ancestors, loops, and what holds what."""

from collections import deque
from collections.abc import Iterator

from flows.engine.document import Document, EdgeSpec, NodeSpec

#: Types that are only for the reader of a flow: never planned, never run.
INERT_TYPES = frozenset({"note"})


class Graph:
    """The plan's view of a document. Edges to unknown or inert nodes are left out, and so are
    edges through a container's wall.

    `order` is topological and stable (document order among equals); nodes in a loop, and those
    behind one, are missing from it and listed in `looped`. `children` are the nodes in each
    container, in document order, and under None those in none; `holder` is the other way round.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes: dict[str, NodeSpec] = {
            node.id: node for node in document.nodes if node.type not in INERT_TYPES
        }
        self.holder = _holders(self.nodes)
        self.children: dict[str | None, list[str]] = {None: []}
        for node, holder in self.holder.items():
            self.children.setdefault(holder, []).append(node)
        self.incoming: dict[str, list[EdgeSpec]] = {node: [] for node in self.nodes}
        self.outgoing: dict[str, list[EdgeSpec]] = {node: [] for node in self.nodes}
        for edge in document.edges:
            known = edge.source in self.nodes and edge.target in self.nodes
            if known and self.holder[edge.source] == self.holder[edge.target]:
                self.outgoing[edge.source].append(edge)
                self.incoming[edge.target].append(edge)
        self._positions = {node: index for index, node in enumerate(self.nodes)}
        self._ids = tuple(self.nodes)
        self.order, self.looped = self._sort()
        self._masks: dict[str, int] | None = None
        self._ancestors: dict[str, tuple[str, ...]] = {}
        self.context_roots: dict[str, tuple[str, ...]] = {}  # filled by the plan, per node

    def _sort(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        waiting = {node: len(edges) for node, edges in self.incoming.items()}
        ready = deque(node for node, count in waiting.items() if count == 0)
        order: list[str] = []
        while ready:
            node = ready.popleft()
            order.append(node)
            for edge in self.outgoing[node]:
                waiting[edge.target] -= 1
                if waiting[edge.target] == 0:
                    ready.append(edge.target)
        return tuple(order), tuple(node for node, count in waiting.items() if count > 0)

    def find_loop(self) -> tuple[str, ...]:
        """The ids around one loop, in edge order; empty when there is none."""
        if not self.looped:
            return ()
        # Every node in `looped` has a predecessor there, so walking back must meet itself.
        inside = set(self.looped)
        trail: list[str] = []
        seen: dict[str, int] = {}
        node = self.looped[0]
        while node not in seen:
            seen[node] = len(trail)
            trail.append(node)
            node = next(edge.source for edge in self.incoming[node] if edge.source in inside)
        return tuple(reversed(trail[seen[node] :]))

    def _ancestor_masks(self) -> dict[str, int]:
        # One bit per node: 2,000 nodes with 10,000 edges take 10,000 "or"s of 250 bytes.
        if self._masks is None:
            masks: dict[str, int] = {}
            for node in self.order:
                mask = 0
                for edge in self.incoming[node]:
                    mask |= masks[edge.source] | (1 << self._positions[edge.source])
                masks[node] = mask
            self._masks = masks
        return self._masks

    def is_ancestor(self, candidate: str, node: str) -> bool:
        """Whether `candidate` comes before `node` on some path."""
        position = self._positions.get(candidate)
        if position is None:
            return False
        return bool(self._ancestor_masks().get(node, 0) >> position & 1)

    def ancestors(self, node: str) -> tuple[str, ...]:
        """All nodes before this one, in document order; empty for a node in or behind a loop."""
        known = self._ancestors.get(node)
        if known is None:
            mask = self._ancestor_masks().get(node, 0)
            known = tuple(name for i, name in enumerate(self._ids) if mask >> i & 1)
            self._ancestors[node] = known
        return known

    def holders(self, node: str) -> Iterator[str]:
        """The containers around a node, innermost first."""
        holder = self.holder[node]
        while holder is not None:
            yield holder
            holder = self.holder[holder]

    def is_disabled(self, node: str) -> bool:
        """Whether a node is disabled itself, or inside a container that is."""
        return any(self.nodes[name].disabled for name in (node, *self.holders(node)))

    def can_read(self, candidate: str, node: str) -> bool:
        """Whether a node's expressions may name `candidate`: an ancestor of it or of a container
        around it, or such a container itself (its item, index or state).
        """
        if candidate == node:
            return False
        if self.is_ancestor(candidate, node):
            return True
        return any(
            candidate == holder or self.is_ancestor(candidate, holder)
            for holder in self.holders(node)
        )

    def inside(self, container: str) -> Iterator[str]:
        """All nodes in a container and in the containers in it, outer ones first."""
        for node in self.children.get(container, ()):
            yield node
            yield from self.inside(node)

    def leaves(self, container: str) -> list[str]:
        """The nodes in a container behind which there is none."""
        return [node for node in self.children.get(container, ()) if not self.outgoing[node]]

    def reachable(self, start: str) -> frozenset[str]:
        """The nodes that some path leads to from `start`, itself included."""
        seen = {start}
        todo = [start]
        while todo:
            for edge in self.outgoing.get(todo.pop(), []):
                if edge.target not in seen:
                    seen.add(edge.target)
                    todo.append(edge.target)
        return frozenset(seen)


def _holders(nodes: dict[str, NodeSpec]) -> dict[str, str | None]:
    """Node → the container it is in. A parent that is no node, or in itself, counts as none."""
    holders = {node: spec.parent if spec.parent in nodes else None for node, spec in nodes.items()}
    for node in holders_in_a_circle(holders):
        holders[node] = None
    return holders


def holders_in_a_circle(holders: dict[str, str | None]) -> list[str]:
    """The nodes that hold themselves, directly or over others, in document order."""
    free: set[str | None] = {None}
    circular: list[str] = []
    for node in holders:
        trail: dict[str | None, None] = {}
        at: str | None = node
        while at not in free and at not in trail:
            trail[at] = None
            at = holders.get(at) if at is not None else None
        if at in trail:
            circle = list(trail)[list(trail).index(at) :]
            circular += [name for name in holders if name in circle]
        free.update(trail)
    return circular
