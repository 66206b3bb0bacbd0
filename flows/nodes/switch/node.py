"""One of several ways on: the first case that matches."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from flows.engine.config import NodeConfig, check_once
from flows.engine.expressions import values_equal
from flows.engine.node_type import NodeType, Port, PureInputs, Result

RESERVED_PORTS = ("default", "error")


class Case(BaseModel):
    """One way on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        title="Name",
        description="The name of the port: a-z, 0-9 and _.",
        pattern=r"^[a-z][a-z0-9_]{0,62}$",
    )
    when: Any = Field(
        default=None,
        title="When",
        description="A condition (true or false), or what the value has to equal.",
    )


class Config(NodeConfig):
    value: Any = Field(
        default=None,
        title="Value",
        description="What the cases are compared with.",
        json_schema_extra={"evaluate": "trimmed"},
    )
    cases: list[Case] = Field(
        title="Cases",
        description="Tried in order; the first match wins.",
        max_length=50,
        json_schema_extra={"evaluate": "trimmed"},
    )

    @field_validator("cases")
    @classmethod
    def _names(cls, cases: list[Case]) -> list[Case]:
        check_once((case.name for case in cases), "case", reserved=RESERVED_PORTS)
        return cases


def _matches(when: Any, value: Any) -> bool:
    # A comparison such as {{ x.score > 3 }} arrives here as its answer. A value that is itself
    # true or false is compared, so that `value: {{ x.ok }}, when: false` means what it says.
    if isinstance(when, bool) and not isinstance(value, bool):
        return when
    return values_equal(when, value)


def run(config: Config, inputs: PureInputs) -> Result:
    for case in config.cases:
        if _matches(case.when, config.value):
            return Result({"case": case.name}, ports=(case.name,))
    return Result({"case": "default"}, ports=("default",))


def ports(config: Mapping[str, Any]) -> tuple[Port, ...]:
    """A port for each case (also of a half-written config), and `default`."""
    cases = config.get("cases")
    names: dict[str, None] = {}
    for case in cases if isinstance(cases, list) else []:
        name = case.get("name") if isinstance(case, dict) else None
        if isinstance(name, str) and name and name not in RESERVED_PORTS:
            names[name] = None
    return (*(Port(name, name) for name in names), Port("default", "default"))


NODE = NodeType(
    type="switch",
    title="Switch",
    summary="Goes on by the first case that matches.",
    category="logic",
    icon="git-fork",
    config=Config,
    pure=run,
    ports=ports,
    port_of=lambda output: str(output.get("case", "default")),
    outputs={"case": "text"},
)
