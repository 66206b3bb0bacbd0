"""Two documents of a flow in one picture: what was added, removed and changed is marked."""

import re
from dataclasses import dataclass, fields, replace
from typing import Any

from flows.differences import VersionDiff
from flows.engine.document import Document, EdgeSpec
from flows.views.picture import Card, Picture, Wire, picture

#: Nodes of both documents up to which they are drawn; above that the list has to do.
DRAWN_NODES = 600
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


@dataclass(frozen=True)
class MarkedCard(Card):
    """A card with what became of it: added, removed, changed, or nothing."""

    mark: str = ""


@dataclass(frozen=True)
class MarkedWire(Wire):
    """A wire with what became of it, and its middle, where that is shown."""

    mark: str = ""
    middle_x: float = 0
    middle_y: float = 0


def diff_picture(before: Document, after: Document, diff: VersionDiff) -> Picture | None:
    """The picture, in the places of `after`; None where there is too much to draw."""
    gone = set(diff.removed)
    if len(after.nodes) + len(gone) > DRAWN_NODES:
        return None
    whole = picture(_union(before, after, gone))
    marks = dict.fromkeys(diff.added, "added") | dict.fromkeys(diff.removed, "removed")
    marks |= {node.id: "changed" for node in diff.changed}
    added = {(edge["from"], edge["to"]) for edge in diff.edges_added}
    removed = {(edge["from"], edge["to"]) for edge in diff.edges_removed}
    wires = []
    for wire in whole.wires:
        end = (wire.source if wire.port == "out" else f"{wire.source}.{wire.port}", wire.target)
        wires.append(_wire(wire, "added" if end in added else "removed" if end in removed else ""))
    cards = [MarkedCard(**_plain(card), mark=marks.get(card.id, "")) for card in whole.cards]
    return replace(whole, cards=cards, wires=wires)


def _union(before: Document, after: Document, gone: set[str]) -> Document:
    def key(edge: EdgeSpec) -> tuple[str, str, str]:
        return edge.source, edge.port, edge.target

    kept = {key(edge) for edge in after.edges}
    layout = {name: place for name, place in before.layout.items() if name in gone}
    return after.model_copy(
        update={
            "nodes": [*after.nodes, *(node for node in before.nodes if node.id in gone)],
            "edges": [*after.edges, *(edge for edge in before.edges if key(edge) not in kept)],
            "layout": {**layout, **after.layout},
        }
    )


def _wire(wire: Wire, mark: str) -> MarkedWire:
    numbers = [float(number) for number in _NUMBERS.findall(wire.path)]
    # The curve is symmetrical, so its middle is half-way between its ends.
    x, y = (numbers[0] + numbers[-2]) / 2, (numbers[1] + numbers[-1]) / 2
    return MarkedWire(**_plain(wire), mark=mark, middle_x=round(x, 1), middle_y=round(y, 1))


def _plain(row: Card | Wire) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in fields(row)}
