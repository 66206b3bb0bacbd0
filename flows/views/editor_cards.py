"""The cards of the editor's canvas: every node where its layout says, boxes left to the canvas."""

from collections.abc import Collection

from flows.engine.document import Document
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
    return [
        card_of(node, places.get(node.id, {}), None, node.id in broken, will_stream=True)
        for node in document.nodes
        if only is None or node.id in only
    ]
