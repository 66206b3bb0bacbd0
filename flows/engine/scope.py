"""A scope of a run: the flow itself, or one item or iteration in a container."""

from collections.abc import Iterator
from typing import Any

from flows.engine.containers import LoopWork, MapWork
from flows.engine.graph import Graph
from flows.engine.run_state import RunState

JSON = Any
type Path = tuple[str | int, ...]


class Scope:
    """Where nodes of a run are: their state, and the names that hold only here.

    `path` is empty for the flow and `("rows", 3)` for the fourth item of `rows`. `names` are item,
    index and state. `works` are the containers that are open here. `clean` are the nodes whose
    outputs are those of the run that is repeated; in a `fresh` scope nothing is taken from there.
    """

    def __init__(
        self,
        graph: Graph,
        container: str | None = None,
        path: Path = (),
        parent: "Scope | None" = None,
        names: dict[str, JSON] | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        self.container = container
        self.path = path
        self.parent = parent
        self.names = names or {}
        self.state = RunState.new(graph, container)
        self.works: dict[str, MapWork | LoopWork] = {}
        self.clean: set[str] = set()
        self.fresh = fresh
        self.closed = False

    @property
    def work(self) -> MapWork | LoopWork | None:
        """The container whose item or iteration this is; None for the flow."""
        if self.parent is None or self.container is None:
            return None
        return self.parent.works.get(self.container)

    @property
    def is_over(self) -> bool:
        """Whether nothing runs here any more; a field of its container may still be evaluated."""
        return self.closed or self.state.ended

    @property
    def index(self) -> int:
        """The number of the item or iteration, from 0."""
        index = self.path[-1]
        assert isinstance(index, int)
        return index

    def chain(self) -> "Iterator[Scope]":
        """This scope and those around it, innermost first."""
        at: Scope | None = self
        while at is not None:
            yield at
            at = at.parent
