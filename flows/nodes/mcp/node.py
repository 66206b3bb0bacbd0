"""One call of a tool on an MCP server."""

import asyncio
from typing import Any, Self

from pydantic import Field, model_validator

from flows.engine.config import NodeConfig, Text
from flows.engine.doors.mcp import McpServer
from flows.engine.errors import NodeError
from flows.engine.node_type import Context, NodeType, Result, RetryDefaults
from flows.engine.seconds import seconds_from

MAX_SECONDS = 600


class Config(NodeConfig):
    credential: Text = Field(
        default="",
        title="Server",
        description="A credential of the type MCP server, which has its address and token.",
        max_length=200,
        json_schema_extra={"widget": "credential", "types": ["mcp", "oauth2"]},
    )
    url: Text = Field(
        default="",
        title="Address",
        description="https://… of a server that needs no token; instead of a credential.",
        max_length=8_000,
    )
    tool: Text = Field(title="Tool", description="Name of the tool.", min_length=1, max_length=200)
    arguments: dict[str, Any] = Field(
        default={},
        title="Arguments",
        description="What the tool is given, by name.",
        json_schema_extra={"widget": "json"},
    )
    timeout_seconds: float = Field(
        default=60,
        title="Timeout",
        description="Seconds to wait for the answer.",
        gt=0,
        le=MAX_SECONDS,
    )

    @model_validator(mode="after")
    def _one_server(self) -> Self:
        if bool(self.credential.strip()) == bool(self.url.strip()):
            raise ValueError("give the server either by 'credential' or by 'url'")
        return self


async def run(config: Config, ctx: Context) -> Result:
    """Call the tool. Raises NodeError mcp_tool_failed with the tool's own words."""
    server = McpServer(url=config.url.strip(), credential=config.credential.strip())
    try:
        async with asyncio.timeout(config.timeout_seconds):
            answer = await ctx.mcp.call(server, config.tool.strip(), config.arguments)
    except TimeoutError as error:
        message = (
            f"The tool '{config.tool}' did not answer within {config.timeout_seconds:g} seconds. "
            "Raise the node's timeout, or ask for less."
        )
        raise NodeError("timeout", message, retryable=True) from error
    if answer.is_error:
        said = " ".join(answer.text.split())[:2_000] or "it gave no reason"
        raise NodeError("mcp_tool_failed", f"The tool '{config.tool}' failed: {said}")
    return Result({"content": answer.content, "json": answer.json, "text": answer.text})


NODE = NodeType(
    type="mcp",
    title="MCP tool",
    summary="Calls a tool that an MCP server offers.",
    category="tool",
    icon="plug",
    config=Config,
    io=run,
    outputs={"content": "list", "json": "any", "text": "text"},
    idempotent=False,
    timeout_seconds=90,
    seconds_of=seconds_from("timeout_seconds", MAX_SECONDS),
    retry=RetryDefaults(max_attempts=3, initial_seconds=1, backoff=2, max_seconds=30),
)
