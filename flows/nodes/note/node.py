"""A note for whoever reads the flow, or a frame around a part of it; it never runs."""

from typing import Literal

from pydantic import Field

from flows.engine.config import NodeConfig, Text
from flows.engine.node_type import Category, NodeType

type Color = Literal["teal", "amber", "green", "cyan", "blue", "violet", "pink", "slate"]
#: The theme has one colour for each category of nodes; here they go by their names.
COLORS: dict[Color, Category] = {
    "teal": "data",
    "amber": "trigger",
    "green": "output",
    "cyan": "human",
    "blue": "tool",
    "violet": "ai",
    "pink": "logic",
    "slate": "code",
}


class Config(NodeConfig):
    text: Text = Field(
        default="",
        title="Text",
        description="Markdown for the reader of the flow.",
        json_schema_extra={"evaluate": "never", "widget": "markdown"},
    )
    color: Color = Field(
        default="teal",
        title="Color",
        description="The color of its edge, or of the whole frame.",
        json_schema_extra={"evaluate": "never"},
    )
    frame: bool = Field(
        default=False,
        title="Frame",
        description="Drawn behind the cards as a frame, with its label on top.",
        json_schema_extra={"evaluate": "never"},
    )


NODE = NodeType(
    type="note",
    title="Note",
    summary="Explains a part of the flow to its readers, or frames it.",
    category="data",
    icon="sticky-note",
    config=Config,
    ports=(),
)
