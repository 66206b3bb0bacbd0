"""One HTTP request to another service."""

from pydantic import Field

from flows.engine.node_type import Context, NodeType, Result, RetryDefaults
from flows.engine.web_answer import read_answer
from flows.engine.web_call import WebCall, is_idempotent, request_seconds, send


class Config(WebCall):
    ok_statuses: list[int] = Field(
        default=[],
        title="Good statuses",
        description="Statuses that count as success; empty: 200 to 299.",
        max_length=100,
    )


async def run(config: Config, ctx: Context) -> Result:
    """Send the request. Raises NodeError http_status for an answer that is no success."""
    return Result(await read_answer(await send(config, ctx), ok=config.ok_statuses))


NODE = NodeType(
    type="http",
    title="HTTP request",
    summary="Calls a web address and hands on what it answers.",
    category="tool",
    icon="globe",
    config=Config,
    io=run,
    outputs={"status": "number", "headers": "object", "json": "any", "text": "text"},
    idempotent=is_idempotent,
    timeout_seconds=60,
    seconds_of=request_seconds,
    retry=RetryDefaults(max_attempts=3, initial_seconds=1, backoff=2, max_seconds=30),
)
