"""What a run gave to the node that is being edited: the values that its expressions would see."""

from collections.abc import Iterable, Mapping
from typing import Any

from accounts.models import Variable
from accounts.permissions import Actor
from execution.models import NodeRun, Run
from execution.payloads import load_reference
from flows.engine.document import Document
from flows.engine.errors import NodeError
from flows.engine.graph import Graph
from flows.engine.references import is_reference
from flows.engine.validate_references import names_inside
from flows.models import Flow

JSON = Any
type Path = list[str | int]


class TooLarge(NodeError):
    """A value is larger than what is loaded for a preview."""


class Loader:
    """Loads large values of a workspace, up to `limit` bytes in all."""

    def __init__(self, run: Run, limit: int) -> None:
        self.run = run
        self.left = limit

    def __call__(self, reference: dict[str, JSON]) -> JSON:
        """The value of a reference. Raises TooLarge; NodeError where it is not stored any more."""
        size = int(reference.get("size", 0))
        self.left -= size
        if self.left < 0:
            raise TooLarge(
                "preview_too_large",
                f"It reads a value of {size:,} bytes, more than a preview loads; a run does.",
            )
        return load_reference(self.run.workspace_id, reference)


def sample_run(actor: Actor, flow: Flow, wanted: str = "") -> Run | None:
    """The run whose values are shown: the one asked for, else the flow's latest.

    None where there is none, or where the actor may not see runs.
    """
    runs = Run.objects.visible_to(actor).filter(flow=flow)
    if wanted:
        return runs.filter(id=wanted).first()
    return runs.exclude(trigger="describe").order_by("-created_at").first()


def pins_of(flow: Flow) -> dict[str, JSON]:
    """The outputs that people fixed for nodes of the draft, by node."""
    return dict(flow.nodes.filter(pinned__isnull=False).values_list("key", "pinned"))


class Samples:
    """The outputs of one run, if any, as a node of the draft would see them.

    Inside of containers they are those of the first item or round that was recorded. `pins` are
    outputs that people fixed, by node: they stand before what the run recorded.
    """

    def __init__(
        self, run: Run | None, document: Document, node: str, pins: Mapping[str, JSON]
    ) -> None:
        self.run = run
        self.pins = pins
        self.graph = Graph(document)
        self.node = node
        self._place: Path | None = None

    @property
    def place(self) -> Path:
        """The iteration that is shown, `["rows", 0]`; empty outside of containers."""
        if self._place is None:
            self._place = self._find_place()
        return self._place

    def _find_place(self) -> Path:
        if self.run is None or self.node not in self.graph.nodes:
            return []
        holder = self.graph.holder[self.node]
        is_container = self.graph.nodes[self.node].type in ("map", "loop")
        inner = self.node if is_container else holder
        if inner is None:
            return []
        rows = NodeRun.objects.filter(run=self.run, node__in=list(self.graph.inside(inner)))
        row = rows.exclude(path=[]).order_by("id").only("path", "run").first()
        found: Path = list(row.path) if row else []
        return found[: found.index(inner) + 2] if inner in found else []

    def path_of(self, node: str) -> Path:
        """The iteration that a node's output is taken from."""
        holder = self.graph.holder.get(node)
        return self.place[: self.place.index(holder) + 2] if holder in self.place else []

    def rows(self, nodes: Iterable[str]) -> dict[str, NodeRun]:
        """The latest attempt of each of these nodes, where it is seen from, without its input."""
        if self.run is None:
            return {}
        wanted = {node: self.path_of(node) for node in nodes}
        rows = NodeRun.objects.filter(run=self.run, node__in=wanted).defer("input")
        paths = [list(path) for path in {tuple(path) for path in wanted.values()}]
        found: dict[str, NodeRun] = {}
        for row in rows.filter(path__in=paths).order_by("attempt"):
            if row.path == wanted[row.node]:
                found[row.node] = row
        return found

    def outputs(self, nodes: Iterable[str]) -> dict[str, JSON]:
        """What these nodes gave, of those that are pinned or have run; large parts references."""
        nodes = list(nodes)
        rows = self.rows(node for node in nodes if node not in self.pins)
        given = {node: row.output for node, row in rows.items() if row.output is not None}
        return given | {node: self.pins[node] for node in nodes if node in self.pins}

    def inner(self, limit: int) -> dict[str, JSON]:
        """item, index and state of the iteration that is shown, the innermost winning.

        `limit`: bytes that are loaded for it. Raises TooLarge; NodeError for what is gone.
        """
        names: dict[str, JSON] = {}
        if self.run is None:
            return names
        load = Loader(self.run, limit)
        for at in range(0, len(self.place) - 1, 2):
            container, index = str(self.place[at]), int(self.place[at + 1])
            if container in self.graph.nodes:
                names |= self._inside(container, index, self.place[:at], load)
        return names

    def _inside(self, container: str, index: int, path: Path, load: Loader) -> dict[str, JSON]:
        rows = NodeRun.objects.filter(run=self.run, node=container, path=path)
        given: dict[str, JSON] = (
            rows.order_by("-attempt").values_list("input", flat=True).first() or {}
        )
        names: dict[str, JSON] = {"index": index}
        if "item" in names_inside(container, self.graph):
            items: JSON = given.get("items")
            items = load(items) if is_reference(items) else items
            if isinstance(items, list) and index < len(items):
                names["item"] = items[index]
        elif "state" in given:
            names["state"] = given["state"]
        return {**names, container: dict(names)}


def run_facts(run: Run) -> dict[str, JSON]:
    """What expressions see as `run`."""
    return {
        "id": str(run.id),
        "started_at": run.created_at.isoformat(),
        "session_id": run.session_id,
        "trigger": run.trigger,
        "flow": str(run.flow_id),
    }


def variables_of(flow: Flow) -> dict[str, JSON]:
    """The workspace's variables by name, as they are now."""
    rows = Variable.objects.filter(workspace_id=flow.workspace_id)
    return dict(rows.values_list("name", "value"))
