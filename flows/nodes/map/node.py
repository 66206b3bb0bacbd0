"""The same steps for each item of a list, several at a time."""

from typing import Any, Literal

from pydantic import Field

from flows.engine.config import NodeConfig
from flows.engine.document import YEAR_SECONDS
from flows.engine.node_type import NodeType

#: Items of one map; each of their steps has a row of its own in the record.
MAX_ITEMS = 1_000_000
MAX_CONCURRENCY = 1_000


class Config(NodeConfig):
    items: Any = Field(
        title="Items",
        description="The list; the steps inside run once for each of its items.",
        json_schema_extra={"evaluate": "trimmed", "references": True, "type": "array"},
    )
    concurrency: int = Field(
        default=10,
        ge=1,
        le=MAX_CONCURRENCY,
        title="Concurrency",
        description="How many items are worked on at the same time.",
    )
    result: Any = Field(
        default=None,
        title="Result",
        description="What is kept of each item; without it, the output of the last step.",
        json_schema_extra={"evaluate": "inside"},
    )
    on_item_error: Literal["fail", "skip", "collect"] = Field(
        default="fail",
        title="When an item fails",
        description="fail: so does this node; skip: it is left out; collect: null in its place.",
    )


NODE = NodeType(
    type="map",
    title="Map",
    summary="Runs the steps inside it once for each item of a list.",
    category="logic",
    icon="list-tree",
    config=Config,
    control="map",
    timeout_seconds=YEAR_SECONDS,
    outputs={"items": "list", "count": "number", "errors": "list"},
)
