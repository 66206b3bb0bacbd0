"""What is known about a scope of a run: each of its nodes' status, output and live ports."""

from collections import deque
from typing import Any, Literal

from flows.engine.graph import Graph

type Status = Literal["pending", "running", "succeeded", "failed", "skipped"]


class RunState:
    """The state of one scope, changed only by the functions of `flows.engine.plan`.

    `container` names the container whose inside it is; None: the flow itself.
    `outputs` holds the output of every node that has one; skipped nodes, and failed nodes that
    the run goes on without, have none and read as null. `ports` are the live ones of nodes that
    are settled; of what is skipped only disabled nodes have any. `ended` is set when the scope is
    over.
    """

    def __init__(self, graph: Graph, container: str | None = None) -> None:
        nodes = graph.children.get(container, [])
        self.status: dict[str, Status] = dict.fromkeys(nodes, "pending")
        self.outputs: dict[str, Any] = {}
        self.ports: dict[str, tuple[str, ...]] = {}
        self.errors: dict[str, dict[str, Any]] = {}
        self.unsettled = {node: len(graph.incoming[node]) for node in nodes}
        self.live = dict.fromkeys(nodes, 0)
        self.running: dict[str, None] = {}  # a dict keeps the order of starting
        self.settled = deque(node for node, count in self.unsettled.items() if count == 0)
        self.ending: Any = None  # the FinishRun that a node brought about
        self.ended = False

    @classmethod
    def new(cls, graph: Graph, container: str | None = None) -> "RunState":
        return cls(graph, container)

    def status_of(self, node: str) -> Status:
        return self.status[node]

    def is_live(self, node: str, port: str) -> bool:
        """Whether an edge from this port of a settled node carries on."""
        return port in self.ports.get(node, ())
