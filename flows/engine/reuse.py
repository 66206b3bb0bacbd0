"""What a repeated run takes over from the run before: every output that is still valid."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.engine.graph import Graph
from flows.engine.scope import Path, Scope

JSON = Any


@dataclass(frozen=True)
class Taken:
    """The result of a node in an earlier run."""

    output: dict[str, JSON]
    ports: tuple[str, ...] = ("out",)


@dataclass(frozen=True)
class Reuse:
    """What may be taken over, and from where on everything runs again.

    `taken` looks a node's result up by its path. `given` are results that a person gave for nodes
    outside of containers: they stand whatever came before. `start` is the node to run again (None:
    whatever has no result); where it is a container and `only_failed` holds, what succeeded inside
    it is kept. `edited`: inputs or document are others than then, so items of containers that are
    opened again may be others too, and nothing inside them is kept.
    """

    taken: Callable[[Path, str], Taken | None]
    given: Mapping[str, Taken] = field(default_factory=dict)
    start: str | None = None
    only_failed: bool = False
    edited: bool = False

    def runs_again(self, graph: Graph, node: str) -> bool:
        """Whether this node itself runs again: it is `start`, or holds it."""
        return self.start is not None and (node == self.start or node in graph.holders(self.start))

    def opens(self, graph: Graph, container: str) -> bool:
        """Whether what is inside a container that opens again may be kept."""
        if self.edited:
            return False
        return container != self.start or self.only_failed


def taken_over(reuse: Reuse, graph: Graph, scope: Scope, node: str) -> Taken | None:
    """The result to take over; None where the node has to run."""
    if not scope.path and node in reuse.given:
        return reuse.given[node]
    # What an input gives is given anew, and a stop node has to end again what it ends.
    if scope.fresh or graph.nodes[node].type in ("input", "stop"):
        return None
    if reuse.runs_again(graph, node) or not follows_clean(graph, scope, node):
        return None
    return reuse.taken(scope.path, node)


def follows_clean(graph: Graph, scope: Scope, node: str) -> bool:
    """Whether all that comes before a node is as it was in the run that is repeated."""
    return all(
        edge.source in scope.clean or graph.nodes[edge.source].type == "input"
        for edge in graph.incoming[node]
    )


def is_skipped_again(
    reuse: Reuse, graph: Graph, scope: Scope, node: str, *, disabled: bool
) -> bool:
    """Whether a node that is skipped changes nothing for what follows it.

    A disabled node may be the one to run again: then all behind it does.
    """
    if disabled and reuse.runs_again(graph, node):
        return False
    return follows_clean(graph, scope, node)


def is_fresh(reuse: Reuse, graph: Graph, scope: Scope, container: str) -> bool:
    """Whether nothing inside a container that is about to open may be taken over."""
    reopened = reuse.opens(graph, container) and follows_clean(graph, scope, container)
    return scope.fresh or not reopened


def has_news(graph: Graph, scope: Scope) -> bool:
    """Whether something ran again in a round, so that the next ones may be others than then."""
    ran = (node for node, status in scope.state.status.items() if status != "pending")
    return any(node not in scope.clean and graph.nodes[node].type != "stop" for node in ran)
