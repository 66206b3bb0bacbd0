"""New values from earlier ones: an object with the fields that are wanted next."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from flows.engine.config import NodeConfig
from flows.engine.node_type import NodeType, PureInputs, Result


class Config(NodeConfig):
    fields: dict[str, Any] = Field(
        title="Fields",
        description="Name and value of each field; values may be expressions.",
        max_length=200,
        json_schema_extra={"references": True, "widget": "json"},
    )

    @field_validator("fields")
    @classmethod
    def _names(cls, fields: dict[str, Any]) -> dict[str, Any]:
        for name in fields:
            if not name or name.startswith("$") or len(name) > 200:
                raise ValueError(f"'{name[:40]}' is no usable field name; use letters and digits")
        return fields


def outputs_of(config: Mapping[str, Any]) -> Mapping[str, str] | None:
    """The fields themselves."""
    fields = config.get("fields")
    return dict.fromkeys(fields, "any") if isinstance(fields, dict) else None


def run(config: Config, inputs: PureInputs) -> Result:
    return Result(dict(config.fields))


NODE = NodeType(
    type="transform",
    title="Transform",
    summary="Makes new fields from earlier values.",
    category="data",
    icon="wand-sparkles",
    config=Config,
    pure=run,
    outputs_of=outputs_of,
)
