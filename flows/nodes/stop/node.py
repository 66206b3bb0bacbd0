"""The end of a run before its time."""

from typing import Literal

from pydantic import Field

from flows.engine.config import NodeConfig, Text
from flows.engine.node_type import NodeType, PureInputs, Result


class Config(NodeConfig):
    status: Literal["succeeded", "failed"] = Field(
        default="succeeded", title="Status", description="How the run ends."
    )
    message: Text = Field(
        default="", title="Message", description="Why; shown with the run.", max_length=10_000
    )
    leave: Literal["run", "item", "container"] = Field(
        default="run",
        title="What ends",
        description="The whole run, or in a container this item or round, or the container.",
        json_schema_extra={"evaluate": "never"},
    )


def run(config: Config, inputs: PureInputs) -> Result:
    output = {"status": config.status, "message": config.message, "leave": config.leave}
    return Result(
        output, ports=(), ends_run=config.status, message=config.message, leaves=config.leave
    )


NODE = NodeType(
    type="stop",
    title="Stop",
    summary="Ends the run, an item or a container at once; what still runs there is cancelled.",
    category="logic",
    icon="octagon-x",
    config=Config,
    pure=run,
    ports=(),
    outputs={"status": "text", "message": "text", "leave": "text"},
)
