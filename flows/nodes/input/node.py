"""The start of a flow: the fields that a run is given."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from flows.engine.config import NodeConfig, check_once
from flows.engine.errors import NodeError
from flows.engine.inputs import validate_inputs
from flows.engine.node_type import NodeType, PureInputs, Result
from flows.engine.references import is_reference


class InputField(BaseModel):
    """One field of the form that starts a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        title="Name",
        description="The name in expressions: a-z, 0-9 and _.",
        pattern=r"^[a-z][a-z0-9_]{0,62}$",
    )
    type: Literal["string", "text", "number", "boolean", "json", "list", "file"] = Field(
        default="string", title="Type", description="What is accepted; text has several lines."
    )
    required: bool = Field(
        default=False, title="Required", description="A run without it is refused."
    )
    default: Any = Field(default=None, title="Default", description="Taken when nothing is given.")
    description: str = Field(
        default="", title="Description", description="Help beside the field.", max_length=1_000
    )


def named_once(fields: list[InputField]) -> list[InputField]:
    """The fields, if no two have the same name. Raises ValueError."""
    check_once((field.name for field in fields), "field")
    return fields


class Config(NodeConfig):
    fields: list[InputField] = Field(
        default=[],
        title="Fields",
        description="What a run has to be given, in the order of the form.",
        max_length=100,
        json_schema_extra={"evaluate": "never", "references": True},
    )

    @field_validator("fields")
    @classmethod
    def _once(cls, fields: list[InputField]) -> list[InputField]:
        return named_once(fields)


def outputs_of(config: Mapping[str, Any]) -> Mapping[str, str] | None:
    """One output field for each input field."""
    fields = config.get("fields") or []
    if not isinstance(fields, list):
        return None
    return {
        str(field["name"]): str(field.get("type") or "string")
        for field in fields
        if isinstance(field, dict) and "name" in field
    }


def run(config: Config, inputs: PureInputs) -> Result:
    # Large values were checked when the run was taken on; here they are references.
    large = {name: item for name, item in inputs.run_inputs.items() if is_reference(item)}
    given = {name: item for name, item in inputs.run_inputs.items() if name not in large}
    fields = [field.model_dump() for field in config.fields if field.name not in large]
    values, problems = validate_inputs(fields, given)
    if problems:
        message = " ".join(problem["message"] for problem in problems[:3])
        raise NodeError("inputs_invalid", message, field=problems[0]["path"])
    return Result({**values, **large})


NODE = NodeType(
    type="input",
    title="Input",
    summary="What a run is given: the fields of its form or of the API call.",
    category="trigger",
    icon="log-in",
    config=Config,
    pure=run,
    outputs_of=outputs_of,
)
