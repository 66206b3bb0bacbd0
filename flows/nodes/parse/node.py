"""Text as data: JSON, CSV, YAML, XML or a web page."""

import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from flows.engine.config import NodeConfig, Text, blank_as_none
from flows.engine.errors import NodeError
from flows.engine.heavy import compute
from flows.engine.json_values import cleaned, storable_problem
from flows.engine.node_type import Context, NodeType, Result
from flows.engine.schema_config import JSON_SCHEMA_HINTS, JsonSchema
from flows.engine.schemas import SchemaInvalid, mismatches
from flows.nodes.parse import formats

MaybeSchema = Annotated[JsonSchema | None, BeforeValidator(blank_as_none)]

with warnings.catch_warnings():
    # pydantic's base has a method of this name, long out of use.
    warnings.simplefilter("ignore", UserWarning)

    class Config(NodeConfig):
        text: Text = Field(
            title="Text", description="What is read.", json_schema_extra={"widget": "text"}
        )
        format: Literal["json", "csv", "yaml", "xml", "html"] = Field(
            default="json", title="Format", description="What the text is."
        )
        schema: MaybeSchema = Field(  # type: ignore[assignment]
            default=None,
            title="Schema",
            description="A JSON Schema that the value has to fit.",
            json_schema_extra=JSON_SCHEMA_HINTS,
        )
        header: bool = Field(
            default=True,
            title="First row has names",
            description="Of CSV: rows are objects by these names; else rows are lists.",
        )
        delimiter: str = Field(
            default="",
            title="Delimiter",
            description="Of CSV: what stands between cells; empty: found in the first line.",
            max_length=1,
        )

        @field_validator("delimiter")
        @classmethod
        def _between_cells(cls, delimiter: str) -> str:
            if delimiter in ('"', "\r", "\n"):
                raise ValueError("a quote or the end of a line cannot stand between cells")
            return delimiter


async def run(config: Config, ctx: Context) -> Result:
    """Raises NodeError: `text_unreadable`, or `output_invalid` where the schema does not fit."""
    size = len(config.text)
    if size > formats.MAX_CHARACTERS:
        message = (
            f"The text is longer than {formats.MAX_CHARACTERS:,} characters. Read it in parts."
        )
        raise NodeError("text_too_large", message, field="text")
    return Result({"value": await compute(size, _value, config)})


def _value(config: Config) -> Any:
    try:
        value = _read(config)
    except formats.TextUnreadable as error:
        message = f"The text cannot be read as {config.format.upper()}. {error}"
        raise NodeError("text_unreadable", message, field="text") from error
    try:
        value = cleaned(value)
        problem = storable_problem(value)
    except RecursionError:
        problem = "is nested too deep."
    if problem:
        message = f"What the text says {problem} Take a part of it."
        raise NodeError("text_unreadable", message, field="text")
    return value if config.schema is None else _fitting(config.schema, value)


def _read(config: Config) -> Any:
    match config.format:
        case "csv":
            return formats.csv_value(config.text, config.delimiter, header=config.header)
        case "yaml":
            return formats.yaml_value(config.text)
        case "xml":
            return formats.xml_value(config.text)
        case "html":
            return formats.html_value(config.text)
    return formats.json_value(config.text)


def _fitting(schema: Mapping[str, Any], value: Any) -> Any:
    try:
        wrong = mismatches(schema, value)
    except SchemaInvalid as error:
        raise NodeError("config_invalid", str(error), field="schema") from error
    if wrong:
        message = f"The text does not fit the schema: {'; '.join(wrong)}."
        raise NodeError("output_invalid", message, field="text")
    return value


NODE = NodeType(
    type="parse",
    title="Parse",
    summary="Reads JSON, CSV, YAML, XML or a web page as data.",
    category="data",
    icon="braces",
    config=Config,
    io=run,
    queue="code",
    outputs={"value": "any"},
    timeout_seconds=60,
)
