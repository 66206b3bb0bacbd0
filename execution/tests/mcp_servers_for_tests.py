"""MCP servers on loopback: the protocol's own, and one of the years with a handshake, scripted."""

import asyncio
import json
import socket
from contextlib import suppress
from typing import Any, Self

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ImageContent

from tests.support.site import Site, answer


def tools() -> MCPServer:
    """A server with a few tools."""
    server = MCPServer("tests")

    @server.tool()
    def add(one: int, other: int) -> dict[str, int]:
        """Adds two numbers."""
        return {"sum": one + other}

    @server.tool()
    def said(text: str) -> str:
        """Says what it was told."""
        return text

    @server.tool()
    def fail(why: str) -> str:
        """Fails."""
        raise ToolError(why)

    @server.tool()
    def picture() -> ImageContent:
        """A picture."""
        return ImageContent(data="AAEC", mime_type="image/png")

    return server


class McpServerOnLoopback:
    """The protocol's own server, with those few tools or another's; `seen` are the headers."""

    def __init__(self, server: MCPServer | None = None) -> None:
        self.seen: list[dict[str, str]] = []
        self._app = (server or tools()).streamable_http_app()
        config = uvicorn.Config(
            self._recorded, interface="asgi3", lifespan="on", log_level="critical", ws="none"
        )
        self._server = uvicorn.Server(config)

    async def _recorded(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.seen.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await self._app(scope, receive, send)

    async def __aenter__(self) -> Self:
        listening = socket.create_server(("127.0.0.1", 0))
        # Its answers are two writes; where asyncio is given a socket it does not see to this, and
        # the second one waits 40 ms for the caller's acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started:
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        with suppress(asyncio.CancelledError):
            await self._task


class OldMcpServer(Site):
    """Speaks 2025-06-18: a handshake, a session, answers as events; `replies` are by method."""

    def __init__(self, **replies: Any) -> None:
        super().__init__(self._reply)
        self.replies: dict[str, Any] = {"tools/list": self._pages, **replies}
        self.methods: list[str] = []

    def _reply(self, first: str, headers: dict[str, str], body: bytes) -> bytes:
        verb = first.split()[0]
        if verb != "POST":
            self.methods.append(verb)
            return answer(405 if verb == "GET" else 200)
        asked = json.loads(body)
        method = asked["method"]
        self.methods.append(method)
        if method == "server/discover":
            return answer(400, b"what?")
        if method.startswith("notifications/"):
            return answer(202)
        if method == "initialize":
            result: Any = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "old", "version": "1"},
            }
            return self._events(asked, {"result": result}, mcp_session_id="s-1")
        if headers.get("mcp-session-id") != "s-1":
            return answer(404)
        given = self.replies[method]
        given = given(asked) if callable(given) else given
        return given if isinstance(given, bytes) else self._events(asked, given)

    def _events(self, asked: Any, reply: dict[str, Any], **headers: str) -> bytes:
        line = json.dumps({"jsonrpc": "2.0", "id": asked["id"], **reply})
        body = f": hello\n\nevent: message\ndata: {line}\n\n".encode()
        return answer(200, body, content_type="text/event-stream", **headers)

    def _pages(self, asked: Any) -> dict[str, Any]:
        cursor = (asked.get("params") or {}).get("cursor")
        schema = {"type": "object"}
        if cursor is None:
            tool = {"name": "search_pages", "description": "Searches", "inputSchema": schema}
            return {"result": {"tools": [tool], "nextCursor": "2"}}
        return {"result": {"tools": [{"name": "read_page", "inputSchema": schema}]}}
