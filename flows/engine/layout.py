"""Places for the cards of a flow that have none: in layers from left to right."""

from flows.engine.document import Document
from flows.engine.graph import INERT_TYPES, Graph

CARD_WIDTH = 240
CARD_HEIGHT = 96
GAP_X = 90
GAP_Y = 40

type Positions = dict[str, dict[str, float]]


def layout(doc: Document) -> Positions:
    """A place for every node, in pixels; given places stay. Nodes of a layer stand in a column."""
    graph = Graph(doc)
    placed: Positions = {
        node.id: dict(doc.layout[node.id]) for node in doc.nodes if node.id in doc.layout
    }
    taken = list(placed.values())
    columns = _columns(graph)
    for depth, column in enumerate(columns):
        y = 0.0
        for node in column:
            if node in placed:
                continue
            at = _free_place(depth * (CARD_WIDTH + GAP_X), y, taken)
            placed[node] = at
            taken.append(at)
            y = at["y"] + CARD_HEIGHT + GAP_Y
    bottom = max((at["y"] for at in taken), default=-CARD_HEIGHT - GAP_Y)
    x = 0.0
    for note in (node.id for node in doc.nodes if node.type in INERT_TYPES):
        if note not in placed:
            placed[note] = {"x": x, "y": bottom + CARD_HEIGHT + GAP_Y}
            x += CARD_WIDTH + GAP_X
    return {node.id: placed[node.id] for node in doc.nodes}


def _columns(graph: Graph) -> list[list[str]]:
    """Nodes by their longest way from a start; within a column near their predecessors."""
    depth: dict[str, int] = {}
    for node in graph.order:
        before = [depth[e.source] for e in graph.incoming[node] if e.source in depth]
        depth[node] = max(before, default=-1) + 1
    for node in graph.looped:
        depth[node] = max(depth.values(), default=-1) + 1
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in graph.nodes:
        columns[depth[node]].append(node)
    rows: dict[str, float] = {}
    for column in columns:
        # The mean row of what leads here keeps edges short; the sort is stable.
        column.sort(key=lambda node: _mean_row(graph, node, rows))
        for row, node in enumerate(column):
            rows[node] = row
    return columns


def _mean_row(graph: Graph, node: str, rows: dict[str, float]) -> float:
    known = [rows[e.source] for e in graph.incoming[node] if e.source in rows]
    return sum(known) / len(known) if known else 0.0


def _free_place(x: float, y: float, taken: list[dict[str, float]]) -> dict[str, float]:
    """The first place at or below (x, y) where no card stands."""
    near = [at for at in taken if abs(at["x"] - x) < CARD_WIDTH + GAP_X / 2]
    while True:
        clash = [at for at in near if abs(at["y"] - y) < CARD_HEIGHT + GAP_Y / 2]
        if not clash:
            return {"x": float(x), "y": float(y)}
        y = max(at["y"] for at in clash) + CARD_HEIGHT + GAP_Y
