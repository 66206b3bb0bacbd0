"""What a repeated run takes over from the run before: every output that is still valid."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.engine.graph import Graph
from flows.engine.scope import Path

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
