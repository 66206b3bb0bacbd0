"""What is known about a run while it goes on: each node's status, output and live ports."""

from collections import deque
from typing import Any, Literal

from flows.engine.graph import Graph

type Status = Literal["pending", "running", "succeeded", "failed", "skipped"]


class RunState:
    """The state of one run, changed only by the functions of `flows.engine.plan`.

    `outputs` holds the output of every node that has one; skipped nodes, and failed nodes that
    the run goes on without, have none and read as null. `ended` is set when the run is over.
    """

    def __init__(self, graph: Graph) -> None:
        self.status: dict[str, Status] = dict.fromkeys(graph.nodes, "pending")
        self.outputs: dict[str, Any] = {}
        self.ports: dict[str, tuple[str, ...]] = {}
        self.errors: dict[str, dict[str, Any]] = {}
        self.unsettled = {node: len(edges) for node, edges in graph.incoming.items()}
        self.live = dict.fromkeys(graph.nodes, 0)
        self.running: dict[str, None] = {}  # a dict keeps the order of starting
        self.settled = deque(node for node, count in self.unsettled.items() if count == 0)
        self.ending: Any = None  # the FinishRun that a node brought about
        self.ended = False

    @classmethod
    def new(cls, graph: Graph) -> "RunState":
        return cls(graph)

    def status_of(self, node: str) -> Status:
        return self.status[node]

    def is_live(self, node: str, port: str) -> bool:
        """Whether an edge from this port of a settled node carries on."""
        if self.status[node] not in ("succeeded", "failed"):
            return False
        return port in self.ports.get(node, ())
