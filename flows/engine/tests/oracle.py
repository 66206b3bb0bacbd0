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
    disabled: dict[str, tuple[str, ...]] = field(default_factory=dict)  # node -> ways on
    started: set[str] = field(default_factory=set)
    results: dict[str, tuple[str, Any]] = field(default_factory=dict)  # ("ok", ports)|("failed", …)
    over: tuple[str, str] | None = None  # status, node

    def skipped(self) -> dict[str, tuple[str, ...]]:
        """Nodes that have edges, all of them dead, and disabled ones; each with its ways on."""
        skipped: dict[str, tuple[str, ...]] = {}
        while True:
            more: dict[str, tuple[str, ...]] = {}
            for node in self.nodes:
                states = [self._edge(edge, skipped) for edge in self._into(node)]
                if node in skipped or "open" in states:
                    continue
                if states and "live" not in states:
                    more[node] = ()
                elif node in self.disabled:
                    more[node] = self.disabled[node]
            if not more:
                return skipped
            skipped |= more

    def _into(self, node: str) -> list[tuple[str, str, str]]:
        return [edge for edge in self.edges if edge[2] == node]

    def _edge(self, edge: tuple[str, str, str], skipped: dict[str, tuple[str, ...]]) -> str:
        source, port, _ = edge
        if source in skipped:
            return "live" if port in skipped[source] else "dead"
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
            if settled and node not in self.started and node not in self.disabled:
                ready.add(node)
        return ready

    def running(self) -> set[str]:
        return self.started - self.results.keys()

    def is_over(self) -> bool:
        return self.over is not None or not (self.may_start() or self.running())
