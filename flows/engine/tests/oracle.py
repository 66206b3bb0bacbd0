"""A naive planner for comparison: at each step it looks at the whole graph anew.

Written from the rules of the contract, sharing nothing with flows.engine.plan.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Oracle:
    """Facts about a run; all else is derived anew by going round until nothing changes."""

    nodes: dict[str, str]  # node -> on_error
    edges: list[tuple[str, str, str]]  # source, port, target
    started: set[str] = field(default_factory=set)
    results: dict[str, tuple[str, Any]] = field(default_factory=dict)  # ("ok", ports)|("failed", …)
    over: tuple[str, str] | None = None  # status, node

    def skipped(self) -> set[str]:
        """The least set of nodes that have edges, all of them dead."""
        skipped: set[str] = set()
        while True:
            more = {
                node
                for node in self.nodes
                if node not in skipped
                and self._into(node)
                and all(self._edge(edge, skipped) == "dead" for edge in self._into(node))
            }
            if not more:
                return skipped
            skipped |= more

    def _into(self, node: str) -> list[tuple[str, str, str]]:
        return [edge for edge in self.edges if edge[2] == node]

    def _edge(self, edge: tuple[str, str, str], skipped: set[str]) -> str:
        source, port, _ = edge
        if source in skipped:
            return "dead"
        if source not in self.results:
            return "open"
        outcome, ports = self.results[source]
        if outcome == "ok":
            return "live" if port in ports else "dead"
        policy = self.nodes[source]
        if policy == "continue":
            return "live" if port == "out" else "dead"
        if policy == "branch":
            return "live" if port == "error" else "dead"
        return "dead"

    def may_start(self) -> set[str]:
        """Nodes whose edges are all settled, one at least live, and that have not started."""
        if self.over:
            return set()
        skipped = self.skipped()
        ready = set()
        for node in self.nodes:
            states = [self._edge(edge, skipped) for edge in self._into(node)]
            settled = "open" not in states and (not states or "live" in states)
            if settled and node not in self.started:
                ready.add(node)
        return ready

    def running(self) -> set[str]:
        return self.started - self.results.keys()

    def is_over(self) -> bool:
        return self.over is not None or not (self.may_start() or self.running())
