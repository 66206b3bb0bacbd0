"""One of two ways on, by a condition."""

from typing import Any

from pydantic import Field

from flows.engine.conditions import holds
from flows.engine.config import NodeConfig
from flows.engine.node_type import NodeType, Port, PureInputs, Result


class Config(NodeConfig):
    condition: Any = Field(
        title="Condition",
        description="An expression; empty, zero, null and the text 'false' count as false.",
        json_schema_extra={"evaluate": "trimmed", "condition": True, "references": True},
    )


def run(config: Config, inputs: PureInputs) -> Result:
    result = holds(config.condition)
    return Result({"result": result}, ports=("true" if result else "false",))


NODE = NodeType(
    type="if",
    title="If",
    summary="Goes on one way when a condition holds, another way when not.",
    category="logic",
    icon="split",
    config=Config,
    pure=run,
    ports=(Port("true", "true"), Port("false", "false")),
    port_of=lambda output: "true" if holds(output.get("result")) else "false",
    outputs={"result": "boolean"},
)
