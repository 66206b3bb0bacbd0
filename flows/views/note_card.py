"""How notes and frames are drawn: their size, colour and text, also of half-written configs."""

from collections.abc import Mapping
from dataclasses import dataclass

from flows.engine.document import NodeSpec
from flows.engine.layout import CARD_WIDTH
from flows.engine.node_type import Category
from flows.nodes.note.node import COLORS

NOTE_HEIGHT = 133
FRAME_WIDTH, FRAME_HEIGHT = 560, 360


@dataclass(frozen=True)
class NoteShape:
    """A note as it is drawn, in pixels; `category` names its colour in the theme."""

    width: int
    height: int
    category: Category
    is_frame: bool
    text: str


def note_shape(node: NodeSpec, place: Mapping[str, float]) -> NoteShape:
    """The shape of a note at its place in the layout, which may say `width` and `height`."""
    is_frame = node.config.get("frame") is True
    width, height = (FRAME_WIDTH, FRAME_HEIGHT) if is_frame else (CARD_WIDTH, NOTE_HEIGHT)
    color = node.config.get("color")
    return NoteShape(
        round(place.get("width", width)),
        round(place.get("height", height)),
        next((category for name, category in COLORS.items() if name == color), "data"),
        is_frame,
        str(node.config.get("text") or ""),
    )
