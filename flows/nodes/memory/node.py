"""Adds to, reads and clears what is remembered from one run to the next."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from flows.engine.config import NodeConfig, Text, blank_as_none
from flows.engine.doors.memory import MOST_ENTRIES, NAME_LENGTH, VALUE_BYTES, Remembered
from flows.engine.errors import NodeError
from flows.engine.expressions import text_of
from flows.engine.node_type import Context, NodeType, Result
from flows.engine.sizes import compact_size

JSON = Any
#: A name that is read in tables: no line breaks or other control characters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Config(NodeConfig):
    action: Literal["append", "read", "clear"] = Field(
        default="read", title="Action", description="Add an entry, read entries, or forget them."
    )
    name: Text = Field(
        title="Name",
        description="Which memory; an expression makes one for each customer, say.",
        max_length=NAME_LENGTH,
    )
    value: Any = Field(
        default=None,
        title="Value",
        description="What is added: text, or any JSON, as {role: user, content: …}.",
        json_schema_extra={"evaluate": "trimmed"},
    )
    select: Literal["all", "first", "last"] = Field(
        default="all", title="Select", description="Which entries are given, oldest first."
    )
    limit: Annotated[int | None, BeforeValidator(blank_as_none)] = Field(
        default=None,
        title="Limit",
        description="How many at most; of all, the newest. Empty: all of them, or one from an end.",
        ge=1,
        le=MOST_ENTRIES,
    )
    scope: Literal["session", "flow", "workspace"] = Field(
        default="session",
        title="Scope",
        description="Who shares it: one session of this flow, this flow, or the workspace.",
    )

    @field_validator("name")
    @classmethod
    def _readable(cls, name: str) -> str:
        name = name.strip()
        if not name:
            raise ValueError("the name is empty; write one, or check what its expressions give")
        if _CONTROL.search(name):
            raise ValueError("the name holds a line break or another control character")
        return name

    @model_validator(mode="after")
    def _has_a_value(self) -> Self:
        if self.action == "append" and "value" not in self.model_fields_set:
            raise ValueError("'value' is what append adds; fill it in")
        return self


async def run(config: Config, ctx: Context) -> Result:
    """Do what is asked, then read. Raises NodeError as the door does."""
    memory, dropped = ctx.memory, 0
    if config.action == "append":
        _check_size(config.value)
        dropped = await memory.append(config.scope, config.name, config.value)
    elif config.action == "clear":
        dropped = await memory.clear(config.scope, config.name)
        return _result(Remembered([], 0), dropped)
    found = await memory.read(config.scope, config.name, config.select, config.limit)
    return _result(found, dropped)


def _check_size(value: JSON) -> None:
    size = compact_size(value)
    if size > VALUE_BYTES:
        message = (
            f"The value has {size:,} bytes, and an entry of a memory may have {VALUE_BYTES:,}. "
            "Remember less of it, or what it can be found by."
        )
        raise NodeError("memory_value_too_large", message, field="value")


def _result(found: Remembered, dropped: int) -> Result:
    return Result(
        {
            "entries": found.entries,
            "text": "\n".join(_line(entry) for entry in found.entries),
            "count": found.count,
            "dropped": dropped,
        }
    )


def _line(entry: JSON) -> str:
    """An entry as text; a message of a conversation as `role: content`."""
    if isinstance(entry, dict) and entry.keys() == {"role", "content"}:
        return f"{text_of(entry['role'])}: {text_of(entry['content'])}"
    return entry if isinstance(entry, str) else text_of(entry)


NODE = NodeType(
    type="memory",
    title="Memory",
    summary="Remembers values from one run to the next: of a session, a flow or the workspace.",
    category="data",
    icon="notebook-pen",
    config=Config,
    io=run,
    outputs={"entries": "list", "text": "text", "count": "number", "dropped": "number"},
    timeout_seconds=30,
)
