"""Repeats a request until its answer says that something is done."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from flows.engine.conditions import holds
from flows.engine.errors import NodeError
from flows.engine.expressions import has_expression
from flows.engine.node_type import Context
from flows.nodes.http.asking import MAX_SECONDS, Clock

JSON = Any
#: What `until` may read.
NAMES: dict[str, JsonValue] = {
    "status": "number",
    "headers": "object",
    "json": "any",
    "text": "text",
}


class Poll(BaseModel):
    """How often a request is repeated, and until when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    until: str = Field(
        title="Until",
        description="An expression with status, headers, json and text: {{ json.done }}.",
        min_length=1,
    )
    every_seconds: float = Field(
        default=5, title="Every", description="Seconds between two requests.", ge=1, le=MAX_SECONDS
    )
    max_seconds: float = Field(
        default=300,
        title="At most",
        description="Seconds after which it is given up.",
        ge=1,
        le=MAX_SECONDS,
    )

    @field_validator("until")
    @classmethod
    def _changes(cls, until: str) -> str:
        return looking(until)


def looking(written: str) -> str:
    """A text that looks at an answer. Raises ValueError for one that is always the same."""
    if not has_expression(written):
        raise ValueError("is the same for every answer; write an expression: {{ … }}")
    return written


async def poll(
    ask: Callable[[], Awaitable[dict[str, JSON]]], wanted: Poll, ctx: Context
) -> dict[str, JSON]:
    """The first answer for which the condition holds. Raises NodeError `poll_timeout`.

    What fails in passing is asked again like an answer that is not the one, once there was an
    answer: before that, it is the node's retry that decides.
    """
    clock = Clock(ctx, wanted.max_seconds)
    asked, last = 0, None
    while True:
        pause, failed = wanted.every_seconds, None
        try:
            answer = await ask()
        except NodeError as error:
            if last is None or not error.retryable:
                raise
            failed, pause = error, max(pause, error.retry_after or 0)
        else:
            last = answer["status"]
            if await _is_done(wanted.until, answer, ctx):
                return answer
        asked += 1
        if not await clock.rest(pause):
            raise failed or _given_up(wanted, asked, last)


async def _is_done(until: str, answer: dict[str, JSON], ctx: Context) -> bool:
    try:
        return holds(await ctx.evaluate(until, {name: answer[name] for name in NAMES}))
    except NodeError as error:
        error.field = "poll.until"
        raise


def _given_up(wanted: Poll, asked: int, status: int) -> NodeError:
    times = "once" if asked == 1 else f"{asked:,} times"
    return NodeError(
        "poll_timeout",
        f"'poll.until' did not hold within {wanted.max_seconds:g} s: asked {times}, and the last "
        f"answer had the status {status}. Raise poll.max_seconds, or check the condition.",
        field="poll",
        details={"status": status},
    )
