"""A result of the flow: its value becomes part of the run's outputs."""

from typing import Any

from pydantic import Field

from flows.engine.config import NodeConfig
from flows.engine.node_type import NodeType, PureInputs, Result


class Config(NodeConfig):
    value: Any = Field(
        default=None,
        title="Value",
        description="Any JSON, with expressions in its texts.",
        json_schema_extra={"references": True, "widget": "json"},
    )


def run(config: Config, inputs: PureInputs) -> Result:
    return Result({"value": config.value})


NODE = NodeType(
    type="output",
    title="Output",
    summary="Hands a value to whoever started the run.",
    category="output",
    icon="log-out",
    config=Config,
    pure=run,
    outputs={"value": "any"},
)
