"""Branches come together: the first that was taken, or all of them as a list."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from flows.engine.config import NodeConfig
from flows.engine.node_type import NodeType, PureInputs, Result

OUTPUTS = {"value": "any", "items": "list"}


class Config(NodeConfig):
    mode: Literal["first", "collect"] = Field(
        default="first",
        title="Mode",
        description="first: the output of the first live branch; collect: a list of all of them.",
    )


def run(config: Config, inputs: PureInputs) -> Result:
    outputs = [output for _, output in inputs.incoming]
    if config.mode == "collect":
        return Result({"items": outputs})
    return Result({"value": outputs[0] if outputs else None})


def outputs_of(config: Mapping[str, Any]) -> Mapping[str, str]:
    """The one field that the mode gives; both where an expression decides which."""
    match config.get("mode", "first"):
        case "first":
            return {"value": "any"}
        case "collect":
            return {"items": "list"}
    return OUTPUTS


NODE = NodeType(
    type="merge",
    title="Merge",
    summary="Brings branches together, waiting for all that were taken.",
    category="logic",
    icon="git-merge",
    config=Config,
    pure=run,
    outputs=OUTPUTS,
    outputs_of=outputs_of,
)
