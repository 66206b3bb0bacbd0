"""The door to MCP servers: tools that others offer over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

JSON = Any


@dataclass(frozen=True)
class McpServer:
    """A server by its address, or by the credential that knows the address; one of the two."""

    url: str = ""
    credential: str = ""


@dataclass(frozen=True)
class McpTool:
    """What a server offers. `input_schema` is a JSON Schema of the arguments, as it was sent."""

    name: str
    description: str
    input_schema: Mapping[str, JSON]


@dataclass(frozen=True)
class McpAnswer:
    """What a tool answered.

    `content` are its parts as MCP writes them (`{"type": "text", "text": …}`, images and audio in
    base64, resources). `json` is its structured content, else the JSON of a single text part, else
    None. `is_error`: the tool says that it failed, in `content`.
    """

    content: list[dict[str, JSON]] = field(default_factory=list)
    json: JSON = None
    is_error: bool = False

    @property
    def text(self) -> str:
        """Its parts of text, each on lines of its own."""
        return "\n".join(str(part["text"]) for part in self.content if part.get("type") == "text")


class Mcp(Protocol):
    """Speaks to MCP servers over HTTP, through the guarded client.

    Raises NodeError: mcp_failed, tool_unknown, too_large, timeout, connection_failed,
    address_refused, url_invalid and those of `Credentials`.
    """

    async def tools(self, server: McpServer) -> list[McpTool]:
        """All that the server offers."""

    async def call(
        self, server: McpServer, tool: str, arguments: Mapping[str, JSON]
    ) -> McpAnswer: ...
