"""A question to people: the run waits until somebody has decided, or until a deadline."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from flows.engine.config import NodeConfig, Text, blank_as_none
from flows.engine.node_type import NodeType, Port
from flows.nodes.input.node import InputField, named_once

YEAR_SECONDS = 366 * 24 * 3600
_ADDRESS = re.compile(r"[^\s@,;<>\"]{1,64}@[^\s@,;<>\"]{1,189}")


def as_list(value: Any) -> Any:
    """Addresses as a list: one may stand alone, as text or as what an expression gives."""
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str) else value


def _as_address(given: str) -> str:
    # Of each by itself, so that one which is still an expression is not judged with the others.
    address = given.strip().lower()
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"'{address[:60]}' is no e-mail address; name a member by theirs")
    return address


Address = Annotated[Text, AfterValidator(_as_address)]


class Config(NodeConfig):
    message: Text = Field(
        title="Message",
        description="What people are asked, and what they have to know for it. Plain text.",
        min_length=1,
        max_length=100_000,
        json_schema_extra={"widget": "text"},
    )
    fields: list[InputField] = Field(
        default=[],
        title="Fields",
        description="What they fill in beside it, as in an input node.",
        max_length=50,
    )
    assignees: Annotated[list[Address], BeforeValidator(as_list)] = Field(
        default=[],
        title="Assignees",
        description="E-mail addresses of members who may decide, and are written to. "
        "None: everyone who may approve.",
        max_length=50,
        json_schema_extra={"widget": "member"},
    )
    timeout_seconds: Annotated[float | None, BeforeValidator(blank_as_none)] = Field(
        default=None,
        title="Deadline (seconds)",
        description="How long it may take to decide; without it there is no deadline.",
        gt=0,
        le=YEAR_SECONDS,
    )
    on_timeout: Literal["reject", "approve", "fail"] = Field(
        default="reject",
        title="At the deadline",
        description="What counts when nobody has decided: reject, approve, or fail the node.",
    )

    @field_validator("fields")
    @classmethod
    def _once(cls, fields: list[InputField]) -> list[InputField]:
        return named_once(fields)

    @field_validator("assignees")
    @classmethod
    def _each_once(cls, assignees: list[str]) -> list[str]:
        return list(dict.fromkeys(assignees))


NODE = NodeType(
    type="approval",
    title="Approval",
    summary="Waits until a person has approved or rejected, on a page, by the API or by e-mail.",
    category="human",
    icon="user-check",
    config=Config,
    control="approval",
    waits=lambda config: True,
    ports=(Port("approved", "approved"), Port("rejected", "rejected")),
    port_of=lambda output: str(output.get("decision", "approved")),
    outputs={"decision": "text", "comment": "text", "data": "object", "by": "object"},
)
