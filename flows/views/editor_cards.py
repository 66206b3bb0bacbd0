"""The cards of the editor's canvas: every node where its layout says, boxes left to the canvas."""

from collections.abc import Collection
from dataclasses import replace

from flows.engine.document import Document, NodeSpec
from flows.engine.graph import Graph
from flows.engine.layout import layout
from flows.views.picture import Card, card_of


def editor_cards(
    document: Document,
    *,
    broken: Collection[str] = (),
    only: Collection[str] | None = None,
) -> list[Card]:
    """The cards of all nodes, or of those in `only`; `broken` are ids of nodes with errors."""
    places = layout(document)
    graph = Graph(document)

    def drawn(node: NodeSpec) -> Card:
        card = card_of(node, places.get(node.id, {}), None, node.id in broken, will_stream=True)
        is_disabled = node.id in graph.nodes and graph.is_disabled(node.id)
        return replace(card, disabled=True) if is_disabled else card

    return [drawn(node) for node in document.nodes if only is None or node.id in only]
