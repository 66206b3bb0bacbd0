"""Why a run that is under way does not go on: no worker does the work of its next steps.

Such a step is in a queue of Temporal's that nobody asks; no row tells of it. So what comes next is
read from the rows of the steps before it, and the workers from the locks they hold.
"""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from execution.models import NodeRun, NodeStatus, Run, RunStatus
from execution.parts_of_flows import carried_out
from execution.presence import workers_present
from execution.queries import RETRYING, latest_node_runs, run_document, shown_states
from execution.queues import queue_for, task_queue
from flows.engine.disabled import passing_ports
from flows.engine.document import Document
from flows.engine.graph import Graph
from flows.engine.node_type import Queue
from flows.engine.registry import registry

WORK: dict[Queue, str] = {
    "io": "runs flows",
    "model": "asks models",
    "code": "runs code",
}
#: Whether a step could begin, comes later, or never will.
type Fate = Literal["reached", "later", "dead"]
#: Steps that are named; of more, only how many there are is said.
NAMED = 3


def why_stalled(run: Run) -> str:
    """A sentence on the workers that are missing; "" where none is. One query if all are there."""
    if run.status not in (RunStatus.QUEUED, RunStatus.RUNNING) or run.execution == "inline":
        return ""
    missing = [kind for kind, workers in workers_present().items() if not workers]
    if "io" in missing:
        return (
            "No worker is connected, so nothing goes on. The run does by itself when one is "
            "(`manage.py runworker`)."
        )
    if not missing:
        return ""
    document = carried_out(run_document(run), run.options)
    rows = latest_node_runs(run)
    nexts = Next(document, rows, shown_states(run, rows.values()))
    said = [_sentence(kind, nexts.on(kind)) for kind in missing if nexts.on(kind)]
    return " ".join(said)


def _sentence(kind: Queue, steps: list[str]) -> str:
    named = ", ".join(f"“{title}”" for title in steps[:NAMED])
    more = f" and {len(steps) - NAMED:,} more" if len(steps) > NAMED else ""
    wait = "waits" if len(steps) == 1 else "wait"
    return (
        f"{named}{more} {wait}: no worker that {WORK[kind]} is connected. The run goes on by "
        f"itself when one is (`manage.py runworker --queues {kind}`)."
    )


class Next:
    """The steps outside of containers that could begin, as far as the rows tell."""

    def __init__(
        self, document: Document, rows: Mapping[str, NodeRun], states: Mapping[UUID, str]
    ) -> None:
        self.graph = Graph(document)
        self.rows = rows
        self.states = states
        self._fates: dict[str, Fate] = {}
        for node in self.graph.order:
            self._fates[node] = self._fate(node)

    def on(self, kind: Queue) -> list[str]:
        """The titles of those that wait in the queue of this kind of work."""
        found = []
        for name, node in self.graph.nodes.items():
            node_type = registry().get(node.type)
            if node_type is None or node_type.pure or not self._is_next(name):
                continue
            if queue_for("", self.graph, node, node_type) == task_queue("", kind):
                found.append(node.label or node_type.title)
        return found

    def _is_next(self, node: str) -> bool:
        if self.graph.holder[node] is not None or self._fates.get(node) != "reached":
            return False
        if self.graph.nodes[node].disabled:
            return False
        row = self.rows.get(node)
        return row is None or self.states.get(row.id) == RETRYING

    def _fate(self, node: str) -> Fate:
        # What the workflow evaluates by itself is recorded with the next step: it counts as over.
        edges = self.graph.incoming[node]
        if not all(self._is_over(edge.source) for edge in edges):
            return "later"
        live = not edges or any(self._leads(edge.source, edge.port) for edge in edges)
        return "reached" if live else "dead"

    def _is_over(self, node: str) -> bool:
        row = self.rows.get(node)
        if row is not None:
            ended = (NodeStatus.SUCCEEDED, NodeStatus.SKIPPED)
            return row.status in ended or row.ports is not None
        node_type = registry().get(self.graph.nodes[node].type)
        fate = self._fates.get(node, "later")
        is_quick = bool(node_type and node_type.pure) or self.graph.nodes[node].disabled
        return fate == "dead" or (fate == "reached" and is_quick)

    def _leads(self, node: str, port: str) -> bool:
        row = self.rows.get(node)
        if row is None and self.graph.nodes[node].disabled:
            reached = self._fates.get(node) == "reached"
            return reached and port in passing_ports(self.graph.nodes[node])
        if row is None:
            return self._fates.get(node) == "reached"
        if row.status == NodeStatus.SKIPPED:
            return port in (row.ports or ())  # those of a disabled node
        return row.ports is None or port in row.ports
