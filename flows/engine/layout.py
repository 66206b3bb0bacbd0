"""Places for the cards of a flow that have none: in layers from left to right.

A container is a box around what it holds: its own card is the head of the box. All places are of
the whole picture, those inside of boxes too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flows.engine.document import Document
from flows.engine.graph import INERT_TYPES, Graph

CARD_WIDTH = 240
CARD_HEIGHT = 96
GAP_X = 90
GAP_Y = 40
#: Pixels between a box and what is in it; above that there is the head of the box.
BOX_PADDING = 28

type Positions = dict[str, dict[str, float]]


@dataclass(frozen=True)
class _Room:
    """What a card or a box takes up, in pixels."""

    x: float
    y: float
    width: float
    height: float


class _Sizes:
    """Width and height of every node's card, or of the box it is."""

    def __init__(self, graph: Graph) -> None:
        self.columns: dict[str | None, list[list[str]]] = {}
        self.of: dict[str, tuple[float, float]] = {}
        depth = _depths(graph)
        for scope in inner_first(graph):
            columns = self.columns[scope] = _columns(graph, graph.children[scope], depth)
            if scope is not None:
                self.of[scope] = self._box(columns)

    def __getitem__(self, node: str) -> tuple[float, float]:
        return self.of.get(node, (CARD_WIDTH, CARD_HEIGHT))

    def width(self, column: Iterable[str]) -> float:
        return max((self[node][0] for node in column), default=CARD_WIDTH)

    def _box(self, columns: Sequence[Sequence[str]]) -> tuple[float, float]:
        width = sum(self.width(column) + GAP_X for column in columns) - GAP_X
        height = max(sum(self[node][1] + GAP_Y for node in column) for column in columns) - GAP_Y
        return width + 2 * BOX_PADDING, height + CARD_HEIGHT + 2 * BOX_PADDING


def inner_first(graph: Graph) -> list[str | None]:
    """The containers that hold something, each before those around it; the flow itself last."""
    ordered: list[str | None] = []
    todo: list[str | None] = [None]
    while todo:
        scope = todo.pop()
        ordered.append(scope)
        todo += [node for node in graph.children.get(scope, ()) if graph.children.get(node)]
    return ordered[::-1]


def layout(doc: Document) -> Positions:
    """A place for every node, in pixels; given places stay, with the sizes that some of them say.

    Nodes of a layer stand in a column.
    """
    graph = Graph(doc)
    placed: Positions = {
        node.id: dict(doc.layout[node.id]) for node in doc.nodes if node.id in doc.layout
    }
    sizes = _Sizes(graph)
    for scope in reversed(inner_first(graph)):
        _place(scope, graph, sizes, placed)
    taken = list(placed.values())
    bottoms = [at["y"] + at.get("height", sizes[node][1]) for node, at in placed.items()]
    bottom = max(bottoms, default=-GAP_Y)
    x = 0.0
    for note in (node.id for node in doc.nodes if node.type in INERT_TYPES):
        if note not in placed:
            placed[note] = {"x": x, "y": bottom + (GAP_Y if taken else 0)}
            x += CARD_WIDTH + GAP_X
    return {node.id: placed[node.id] for node in doc.nodes}


def _place(scope: str | None, graph: Graph, sizes: _Sizes, placed: Positions) -> None:
    """Places for what is directly in a scope; the scope itself has its place."""
    left, top = 0.0, 0.0
    if scope is not None:
        left = placed[scope]["x"] + BOX_PADDING
        top = placed[scope]["y"] + CARD_HEIGHT + BOX_PADDING
    inside = graph.children[scope]
    taken = [_room(placed[node], sizes[node]) for node in inside if node in placed]
    for column in sizes.columns[scope]:
        y = top
        for node in column:
            if node in placed:
                continue
            at = _around_its_own(node, graph, placed) or _free_place(left, y, sizes[node], taken)
            placed[node] = at
            taken.append(_room(at, sizes[node]))
            y = at["y"] + sizes[node][1] + GAP_Y
        left += sizes.width(column) + GAP_X


def _around_its_own(node: str, graph: Graph, placed: Positions) -> dict[str, float] | None:
    """The place of a container of which only the contents have places."""
    known = [placed[name] for name in graph.children.get(node, ()) if name in placed]
    if not known:
        return None
    return {
        "x": min(at["x"] for at in known) - BOX_PADDING,
        "y": min(at["y"] for at in known) - CARD_HEIGHT - BOX_PADDING,
    }


def _depths(graph: Graph) -> dict[str, int]:
    """Each node's longest way from a start within its container."""
    depth: dict[str, int] = {}
    for node in graph.order:
        before = [depth[e.source] for e in graph.incoming[node] if e.source in depth]
        depth[node] = max(before, default=-1) + 1
    for node in graph.looped:
        depth[node] = max(depth.values(), default=-1) + 1
    return depth


def _columns(graph: Graph, nodes: Sequence[str], depth: dict[str, int]) -> list[list[str]]:
    """Nodes by their depth; within a column near their predecessors."""
    columns: list[list[str]] = [[] for _ in range(max((depth[n] for n in nodes), default=-1) + 1)]
    for node in nodes:
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


def _room(at: dict[str, float], size: tuple[float, float]) -> _Room:
    return _Room(at["x"], at["y"], *size)


def _free_place(
    x: float, y: float, size: tuple[float, float], taken: list[_Room]
) -> dict[str, float]:
    """The first place at or below (x, y) where no card stands."""
    width, height = size
    near = [at for at in taken if at.x < x + width + GAP_X / 2 and x < at.x + at.width + GAP_X / 2]
    while True:
        clash = [
            at for at in near if at.y < y + height + GAP_Y / 2 and y < at.y + at.height + GAP_Y / 2
        ]
        if not clash:
            return {"x": float(x), "y": float(y)}
        y = max(at.y + at.height for at in clash) + GAP_Y
