"""A piece of Python, in the sandbox."""

import keyword
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from flows.engine.config import NodeConfig
from flows.engine.expressions import has_expression
from flows.engine.node_type import Context, NodeType, Result, RetryDefaults
from flows.nodes.code.source import SourceInvalid, read_source

MAX_INPUTS = 100
MAX_SECONDS = 60
MAX_MEMORY_MB = 256
#: Names that the sandbox uses itself.
RESERVED = ("result",)


class Config(NodeConfig):
    source: str = Field(
        title="Source",
        description="Python. What its last line gives, or the variable `result`, is handed on.",
        min_length=1,
        json_schema_extra={"evaluate": "never", "widget": "code"},
    )
    inputs: dict[str, Any] = Field(
        default={},
        title="Inputs",
        description="Names and values of the variables that the source begins with.",
        max_length=MAX_INPUTS,
        json_schema_extra={"widget": "json"},
    )
    seconds: float = Field(
        default=10,
        title="Seconds",
        description="How long the code may run.",
        gt=0,
        le=MAX_SECONDS,
    )
    memory_mb: int = Field(
        default=64,
        title="Memory (MB)",
        description="How much memory the code may use.",
        ge=8,
        le=MAX_MEMORY_MB,
    )

    @field_validator("source")
    @classmethod
    def _readable(cls, source: str) -> str:
        if not source.strip():
            raise ValueError("there is no source; write some Python")
        try:
            read_source(source)
        except SourceInvalid as error:
            raise ValueError(str(error)) from error
        return source

    @field_validator("inputs")
    @classmethod
    def _nameable(cls, inputs: dict[str, Any]) -> dict[str, Any]:
        for name in inputs:
            if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
                raise ValueError(
                    f"'{name[:40]}' is no name of a variable; use letters, digits and '_' behind "
                    "the first letter, and none of Python's own words"
                )
            if name in RESERVED:
                raise ValueError(f"'{name}' is what the code hands on; give the input another name")
        return inputs


async def run(config: Config, ctx: Context) -> Result:
    """Raises NodeError as `flows.engine.doors.sandbox.Sandbox.run`."""
    answer = await ctx.sandbox.run(
        read_source(config.source),
        config.inputs,
        seconds=config.seconds,
        memory_bytes=config.memory_mb * 1_000_000,
    )
    return Result({"result": answer.value, "logs": answer.logs})


def seconds(config: Mapping[str, Any]) -> float | None:
    """Seconds that the settings give the code; an expression may give it as many as are allowed.

    None where they say nothing, or what `Config` refuses.
    """
    value = config.get("seconds")
    if isinstance(value, str) and has_expression(value):
        return float(MAX_SECONDS)
    try:
        given = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return given if 0 < given <= MAX_SECONDS else None


NODE = NodeType(
    type="code",
    title="Code",
    summary="Runs Python in a sandbox.",
    category="code",
    icon="code",
    config=Config,
    io=run,
    queue="code",
    outputs={"result": "any", "logs": "text"},
    timeout_seconds=60,
    seconds_of=seconds,
    # Only a process that crashed is tried again: all else ends the same.
    retry=RetryDefaults(max_attempts=2, initial_seconds=1),
)
