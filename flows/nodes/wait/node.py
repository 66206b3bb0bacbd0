"""Time: so many seconds, or until a moment."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from flows.engine.config import NodeConfig, blank_as_none
from flows.engine.errors import NodeError
from flows.engine.node_type import NodeType

#: Seconds of the longest wait: two years.
MAX_SECONDS = 2 * 366 * 24 * 3600


class Config(NodeConfig):
    seconds: Annotated[
        Annotated[float, Field(ge=0, le=MAX_SECONDS)] | None,
        BeforeValidator(blank_as_none),
        Field(title="Seconds", description="How long to wait."),
    ] = None
    until: Annotated[
        str | None,
        BeforeValidator(blank_as_none),
        Field(
            title="Until",
            description="The moment to wait for, such as 2027-01-31T09:00:00+01:00.",
            max_length=64,
        ),
    ] = None

    @field_validator("until")
    @classmethod
    def _is_a_moment(cls, until: str | None) -> str | None:
        if until is not None:
            _moment(until)
        return until

    @model_validator(mode="after")
    def _one_of_them(self) -> "Config":
        if (self.seconds is None) == (self.until is None):
            raise ValueError("set either 'seconds' or 'until'")
        return self


def seconds_to_wait(config: Config, now: datetime) -> float:
    """Seconds from `now` on; 0 for a moment that has passed. Raises NodeError config_invalid."""
    if config.seconds is not None:
        return config.seconds
    moment = _moment(config.until or "")
    seconds = (moment - now).total_seconds()
    if seconds > MAX_SECONDS:
        raise NodeError("config_invalid", "'until': is more than two years away.", field="until")
    return max(0.0, seconds)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"{text[:40]!r} is no moment. Write it as 2027-01-31T09:00:00+01:00; without an "
            "offset it is in UTC"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


NODE = NodeType(
    type="wait",
    title="Wait",
    summary="Waits so many seconds, or until a moment; for months if need be.",
    category="logic",
    icon="hourglass",
    config=Config,
    control="wait",
    waits=lambda config: True,
    outputs={"waited_seconds": "number"},
)
