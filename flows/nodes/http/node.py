"""HTTP requests to another service: one, until something is done, or page by page."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from flows.engine.node_type import Context, NodeType, Result, RetryDefaults
from flows.engine.web_answer import read_answer
from flows.engine.web_call import WebCall, is_idempotent, request_seconds, seconds_within, send
from flows.nodes.http import paging, polling
from flows.nodes.http.asking import MAX_SECONDS
from flows.nodes.http.paging import Pages, Paginate
from flows.nodes.http.polling import Poll, poll

JSON = Any
Status = Annotated[int, Field(ge=100, le=599)]


def _empty_as_none(value: JSON) -> JSON:
    return None if value in ("", {}) else value


class Config(WebCall):
    ok_statuses: list[int] = Field(
        default=[],
        title="Good statuses",
        description="Statuses that count as success; empty: 200 to 299.",
        max_length=100,
    )
    retry_statuses: list[Status] = Field(
        default=[],
        title="Passing statuses",
        description="Statuses after which it is tried again; empty: 408, 425, 429, 500, 502, 503, "
        "504.",
        max_length=100,
    )
    poll: Annotated[Poll | None, BeforeValidator(_empty_as_none)] = Field(
        default=None,
        title="Poll",
        description="Repeats a GET until its answer is the one.",
        json_schema_extra={"evaluate": "inside", "names": polling.NAMES},
    )
    paginate: Annotated[Paginate | None, BeforeValidator(_empty_as_none)] = Field(
        default=None,
        title="Pages",
        description="Fetches page after page.",
        json_schema_extra={"evaluate": "inside", "names": paging.NAMES},
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.poll and self.paginate:
            raise ValueError("take either 'poll' or 'paginate'; use two nodes for both")
        if self.poll and self.method not in ("GET", "HEAD"):
            raise ValueError("'poll' repeats the request, so the method has to be GET")
        return self


async def run(config: Config, ctx: Context) -> Result:
    """Send the request or requests. Raises NodeError http_status for what is no success."""
    if config.poll is not None:
        return Result(await poll(partial(_ask, config, ctx), config.poll, ctx))
    if config.paginate is not None:

        async def ask_for(call: WebCall, page: int) -> tuple[dict[str, JSON], str]:
            answer = await send(call, ctx, part="" if page == 1 else str(page))
            return await _read(config, answer, ctx), answer.url

        return Result(await Pages(config, config.paginate, ask_for, ctx).all())
    return Result(await _ask(config, ctx))


async def _ask(config: Config, ctx: Context) -> dict[str, JSON]:
    return await _read(config, await send(config, ctx), ctx)


async def _read(config: Config, answer: Any, ctx: Context) -> dict[str, JSON]:
    return await read_answer(answer, ctx, ok=config.ok_statuses, passing=config.retry_statuses)


def seconds(config: Mapping[str, JSON]) -> float | None:
    """Seconds that the requests may take together; None where the settings do not say."""
    request = request_seconds(config)
    for name in ("poll", "paginate"):
        wanted = config.get(name)
        if isinstance(wanted, dict) and wanted:
            together = seconds_within(wanted.get("max_seconds", 300), MAX_SECONDS)
            # The last request may begin just before the time is over.
            return (together or MAX_SECONDS) + (request or 30)
    return request


def outputs(config: Mapping[str, JSON]) -> Mapping[str, str]:
    """The fields of the output; `items` and what belongs to them where there are pages."""
    fields = {"status": "number", "headers": "object", "json": "any", "text": "text"}
    if config.get("paginate"):
        fields |= {"items": "list", "pages": "number", "has_more": "boolean"}
    return fields


NODE = NodeType(
    type="http",
    title="HTTP request",
    summary="Calls a web address and hands on what it answers.",
    category="tool",
    icon="globe",
    config=Config,
    io=run,
    outputs={"status": "number", "headers": "object", "json": "any", "text": "text"},
    outputs_of=outputs,
    idempotent=is_idempotent,
    timeout_seconds=60,
    seconds_of=seconds,
    retry=RetryDefaults(max_attempts=3, initial_seconds=1, backoff=2, max_seconds=30),
)
