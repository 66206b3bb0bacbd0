"""A note for whoever reads the flow; it never runs."""

from pydantic import Field

from flows.engine.config import NodeConfig, Text
from flows.engine.node_type import NodeType


class Config(NodeConfig):
    text: Text = Field(
        default="",
        title="Text",
        description="Markdown for the reader of the flow.",
        json_schema_extra={"evaluate": "never", "widget": "markdown"},
    )


NODE = NodeType(
    type="note",
    title="Note",
    summary="Explains a part of the flow to its readers.",
    category="data",
    icon="sticky-note",
    config=Config,
    ports=(),
)
