"""A flow as a picture: cards and wires with their places, ready for the templates.

Heights follow static CSS (frontend/css/node-card.css), so that the server knows where ports are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flows.engine.disabled import passing_ports
from flows.engine.document import Document, EdgeSpec, NodeSpec
from flows.engine.graph import Graph
from flows.engine.layout import CARD_WIDTH, layout
from flows.engine.node_type import NodeType, Port
from flows.engine.registry import registry
from flows.views.boxes import arranged
from flows.views.note_card import note_shape
from flows.views.summary import summary

_TOP = 3
_HEAD = 47
_SUMMARY = 34
_STREAM = 70
_PORT = 22
_PORTS_END = 6
_BOTTOM = 1
_ROOM = 40
#: Where a wire meets a card that has no row of its own for the port.
_HANDLE = 26
#: States that say nothing yet of the wires that leave the node.
_UNDONE = ("pending", "running", "waiting", "retrying", "unreached")
#: What holds other nodes, as `NodeType.control` says.
CONTAINERS = ("map", "loop")
ERROR_PORT = Port("error", "on error")


@dataclass(frozen=True)
class Card:
    """A node's card. `x`, `y` are of its top left corner; `ports` are those shown as rows.

    A container (`holds`) that holds something is a box around it, with the card as its head;
    `parent` is the container that a node is in. A frame stands behind all others; it and a note
    are as large as their places say.
    """

    id: str
    title: str
    type: str
    type_title: str
    category: str
    icon: str
    summary: str
    x: float
    y: float
    height: int
    width: int = CARD_WIDTH
    is_box: bool = False
    is_frame: bool = False
    ports: tuple[Port, ...] = ()
    takes_input: bool = True
    gives_output: bool = True
    streams: bool = False
    note: str = ""
    broken: bool = False
    disabled: bool = False
    parent: str = ""
    holds: bool = False
    state: str = ""
    facts: str = ""
    text: str = ""

    def port_at(self, name: str) -> tuple[float, float]:
        """Where a wire leaves by this port."""
        rows = [port.name for port in self.ports]
        if name not in rows:
            return self.x + self.width - 1, self.y + _HANDLE
        first = _TOP + _HEAD + (_SUMMARY if self.summary else 0) + (_STREAM if self.streams else 0)
        y = self.y + first + rows.index(name) * _PORT + _PORT / 2
        return self.x + self.width - 1, y


@dataclass(frozen=True)
class Wire:
    """An edge as a path. `flow` tells what a run made of it: live, active, dead, broken.

    `after_failure`: it is the way on when its source has failed. `passes`: its source is disabled,
    and this is the way on.
    """

    id: str
    source: str
    target: str
    port: str
    category: str
    path: str
    flow: str = ""
    forks: bool = False
    after_failure: bool = False
    passes: bool = False


@dataclass(frozen=True)
class Picture:
    """All of it, and the box it fills (`view_box` as SVG wants it)."""

    cards: Sequence[Card]
    wires: Sequence[Wire]
    left: float = 0
    top: float = 0
    width: float = 0
    height: float = 0
    live: bool = False

    @property
    def box_width(self) -> int:
        """Width of the cards with room around them, in whole pixels."""
        return round(self.width) + 2 * _ROOM

    @property
    def box_height(self) -> int:
        return round(self.height) + 2 * _ROOM

    @property
    def thumbnail_box(self) -> str:
        """A `viewBox` around all of it, not so tight that a small flow looks like a big one."""
        width, height = max(self.box_width, 1_240), max(self.box_height, 420)
        x = self.left - (width - self.width) / 2
        y = self.top - (height - self.height) / 2
        return f"{x:g} {y:g} {width:g} {height:g}"

    @property
    def kinds(self) -> list[Card]:
        """One card of each type, in the order of the flow: what it is made of."""
        return list({card.type: card for card in reversed(self.cards)}.values())[::-1]

    @property
    def has_models(self) -> bool:
        return any(card.category == "ai" for card in self.cards)


@dataclass(frozen=True)
class NodeState:
    """What a run says of one node. `ports` are its live output ports, None while unknown."""

    status: str
    ports: Sequence[str] | None = None
    facts: str = ""
    text: str = ""


@dataclass(frozen=True)
class RunView:
    """A run laid over the picture: states by node id."""

    states: Mapping[str, NodeState] = field(default_factory=dict)


def picture(
    document: Document, *, run: RunView | None = None, broken: frozenset[str] = frozenset()
) -> Picture:
    """The picture of a document; with `run`, cards and wires show where the run is."""
    places = layout(document)
    graph = Graph(document)
    cards = [
        replace(
            card_of(node, places.get(node.id, {}), run, node.id in broken),
            disabled=node.id in graph.nodes and graph.is_disabled(node.id),
        )
        for node in document.nodes
    ]
    cards = arranged(cards, graph, _as_box)
    by_id = {card.id: card for card in cards}
    nodes = {node.id: node for node in document.nodes}
    wires = [
        _wire(index, edge, by_id, run, nodes[edge.source])
        for index, edge in enumerate(document.edges)
        if edge.source in by_id and edge.target in by_id
    ]
    if not cards:
        return Picture(cards, wires, live=run is not None)
    left, top = min(card.x for card in cards), min(card.y for card in cards)
    width = max(card.x + card.width for card in cards) - left
    height = max(card.y + card.height for card in cards) - top
    return Picture(cards, wires, left, top, width, height, live=run is not None)


def _as_box(head: Card, x: float, y: float, width: float, height: float) -> Card:
    return replace(head, x=x, y=y, width=round(width), height=round(height), is_box=True)


def card_of(
    node: NodeSpec,
    place: Mapping[str, float],
    run: RunView | None,
    broken: bool,
    *,
    will_stream: bool = False,
) -> Card:
    """A node's card at this place; `run` lays a run over it.

    `will_stream`: there is room for what a run will stream, though there is none yet.
    """
    node_type = registry().get(node.type)
    if node_type is not None and not node_type.runs:
        return _note_card(node, node_type, place)
    ports = _ports(node_type, node)
    shown = ports if len(ports) > 1 else ()
    line = summary(node.config)
    # Inside a container many texts come at once: none of them is shown.
    streams = bool((run or will_stream) and node_type and node_type.streams and not node.parent)
    state = None if run is None else run.states.get(node.id, NodeState("pending"))
    height = _TOP + _HEAD + _BOTTOM + (_SUMMARY if line else 0) + (_STREAM if streams else 0)
    height += len(shown) * _PORT + _PORTS_END if shown else 0
    title = node_type.title if node_type else f"Unknown type: {node.type}"
    return Card(
        id=node.id,
        title=node.label or title,
        type=node.type,
        type_title=title if node.label else node.id,
        category=node_type.category if node_type else "code",
        icon=node_type.icon if node_type else "circle-help",
        summary=line,
        x=place.get("x", 0),
        y=place.get("y", 0),
        height=height,
        ports=shown,
        takes_input=not (node_type and node_type.category == "trigger"),
        gives_output=bool(ports) and not shown and not _is_end(node_type),
        streams=streams,
        broken=broken or node_type is None,
        parent=node.parent or "",
        holds=node_type is not None and node_type.control in CONTAINERS,
        state=state.status if state else "",
        facts=state.facts if state else "",
        text=state.text if state else "",
    )


def _note_card(node: NodeSpec, node_type: NodeType, place: Mapping[str, float]) -> Card:
    shape = note_shape(node, place)
    title = "Frame" if shape.is_frame else node_type.title
    return Card(
        id=node.id,
        title=node.label or title,
        type=node.type,
        type_title=title if node.label else node.id,
        category=shape.category,
        icon=node_type.icon,
        summary="",
        x=place.get("x", 0),
        y=place.get("y", 0),
        width=shape.width,
        height=shape.height,
        is_frame=shape.is_frame,
        takes_input=False,
        gives_output=False,
        note=shape.text,
    )


def _is_end(node_type: NodeType | None) -> bool:
    return node_type is not None and node_type.category == "output"


def _ports(node_type: NodeType | None, node: NodeSpec) -> tuple[Port, ...]:
    if node_type is None:
        return (Port("out"),)
    ports = node_type.ports(node.config) if callable(node_type.ports) else node_type.ports
    return (*ports, ERROR_PORT) if node.on_error == "branch" else tuple(ports)


def ports_after_failure(node: NodeSpec) -> tuple[str, ...]:
    """The ports by which a flow goes on when the node has failed; its row records none."""
    return {"branch": (ERROR_PORT.name,), "continue": ("out",)}.get(node.on_error, ())


def _wire(
    index: int,
    edge: EdgeSpec,
    cards: Mapping[str, Card],
    run: RunView | None,
    node: NodeSpec,
) -> Wire:
    after_failure = edge.port in ports_after_failure(node)
    source, target = cards[edge.source], cards[edge.target]
    x1, y1 = source.port_at(edge.port)
    x2, y2 = target.x + 1, target.y + _HANDLE
    return Wire(
        id=f"edge-{index}",
        source=edge.source,
        target=edge.target,
        port=edge.port,
        category=source.category,
        path=curve(x1, y1, x2, y2),
        flow="" if run is None else flow_of(edge, run.states, after_failure=after_failure),
        forks=bool(source.ports),
        after_failure=after_failure,
        passes=node.disabled and edge.port in passing_ports(node),
    )


def curve(x1: float, y1: float, x2: float, y2: float) -> str:
    """A Bézier path that leaves to the right and arrives from the left."""
    reach = (x2 - x1) / 2 if x2 > x1 else 60 + (x1 - x2) / 4
    reach = max(reach, 30)
    return f"M{x1:g} {y1:g}C{x1 + reach:g} {y1:g} {x2 - reach:g} {y2:g} {x2:g} {y2:g}"


def flow_of(edge: EdgeSpec, states: Mapping[str, NodeState], *, after_failure: bool = False) -> str:
    """What a run has made of an edge so far."""
    source = states.get(edge.source)
    if source is None or source.status in _UNDONE:
        return ""
    target = states.get(edge.target)
    if source.status == "skipped" and edge.port in (source.ports or ()):
        return _live(target)  # it is disabled
    if source.status in ("skipped", "cancelled"):
        return "dead"
    if source.status == "failed" and after_failure:
        return _live(target)
    if source.status == "failed" and target and target.status == "skipped":
        return "dead"
    if source.ports is not None and edge.port not in source.ports:
        return "broken" if source.status == "failed" else "dead"
    if source.status == "failed" and source.ports is None:
        return "broken"
    return _live(target)


def _live(target: NodeState | None) -> str:
    return "active" if target and target.status == "running" else "live"


def problem_nodes(problems: Sequence[Any]) -> frozenset[str]:
    """Ids of the nodes that validation finds errors in."""
    return frozenset(p.node for p in problems if p.node and p.severity == "error")
