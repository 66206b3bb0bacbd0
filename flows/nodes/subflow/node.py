"""Another flow as a step of this one."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from flows.engine.config import NodeConfig, Text, blank_as_none
from flows.engine.node_type import NodeType


class Config(NodeConfig):
    flow: Text = Field(
        title="Flow",
        description="Id or slug of a flow of this workspace.",
        min_length=1,
        max_length=200,
        json_schema_extra={"widget": "flow"},
    )
    version: Annotated[
        Annotated[int, Field(ge=1)] | None,
        BeforeValidator(blank_as_none),
        Field(
            title="Version",
            description="The version to run; without it, the one that is published then.",
        ),
    ] = None
    inputs: dict[str, Any] = Field(
        default_factory=dict,
        title="Inputs",
        description="What the flow is given: field → value.",
        json_schema_extra={"references": True},
    )


NODE = NodeType(
    type="subflow",
    title="Sub-flow",
    summary="Runs another flow and hands on what it gives.",
    category="logic",
    icon="workflow",
    config=Config,
    control="subflow",
    # The fields are the output nodes of another flow, which is not known here.
    outputs_of=lambda config: None,
)
