"""Speaks to MCP servers, by the protocol's own client over our guarded connections (HTTP only).

The client negotiates the version: the handshake of 2025 and before, or none from 2026 on. Each call
of this door is a session of its own, for workers come and go.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx2

from execution import egress
from execution.switches import check_switch
from flows.engine.doors.credentials import Credentials, OpenedCredential
from flows.engine.doors.mcp import McpAnswer, McpServer, McpTool
from flows.engine.errors import NodeError
from flows.engine.json_values import cleaned, read_json
from flows.engine.names import suggestion

if TYPE_CHECKING:
    from mcp import Client, MCPError
    from mcp_types import CallToolResult

JSON = Any
TYPES = ("mcp", "oauth2")
#: Bytes of one answer, and tools of one server, which come in pages.
MAX_BYTES = 20_000_000
MAX_TOOLS = 1_000
MAX_PAGES = 100
#: Seconds that one answer may take where the attempt's own end does not come before.
CALL_SECONDS = 600.0
#: Seconds for a server to hear that a session is over: by then its answer is here.
GOODBYE_SECONDS = 5.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSED = frozenset({429, 503})


@dataclass(frozen=True)
class _Access:
    url: str
    headers: Mapping[str, str] = field(repr=False)
    renew: "Callable[[], Awaitable[_Access]] | None" = None


type Work[T] = Callable[["Client", "_Transport"], Awaitable[T]]


class RunMcp:
    """The `Mcp` of one attempt."""

    def __init__(self, credentials: Credentials, workspace: UUID | None = None) -> None:
        """`workspace`: whose run calls, where a switch is to be asked."""
        self._credentials = credentials
        self._workspace = workspace

    async def tools(self, server: McpServer) -> list[McpTool]:
        async def listed(client: "Client", transport: "_Transport") -> list[McpTool]:
            return await _listed(client)

        return await self._in_session(server, listed)

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, JSON]) -> McpAnswer:
        from mcp import MCPError

        async def called(client: "Client", transport: "_Transport") -> McpAnswer:
            transport.acted = True
            try:
                answer = _answer(await client.call_tool(tool, dict(arguments)))
            except MCPError as error:
                failed = _failed(error, transport)
                await _check_name(client, tool)
                raise failed from error
            if answer.is_error:
                # Some servers say so in place of an error; only a failed call costs the question.
                await _check_name(client, tool)
            return answer

        return await self._in_session(server, called)

    async def _in_session[T](self, server: McpServer, work: Work[T]) -> T:
        """Do it in a session; once more where the server refuses a token that can be renewed."""
        if self._workspace is not None:
            # Agents call servers too, so the node's type does not tell.
            await check_switch(self._workspace, "mcp")
        async with self._access(server) as access:
            try:
                return await _work_in(access, work)
            except NodeError as error:
                refused = error.code == "mcp_failed" and (error.details or {}).get("status") == 401
                if access.renew is None or not refused:
                    raise
            return await _work_in(await access.renew(), work)

    @asynccontextmanager
    async def _access(self, server: McpServer) -> AsyncGenerator[_Access]:
        if not server.credential:
            yield _Access(_address(server.url, "url"), {})
            return
        async with self._credentials.open(server.credential, TYPES) as opened:
            yield await _access_by(opened)


async def _access_by(opened: OpenedCredential) -> _Access:
    token = opened.secret.get("token", "")
    header = opened.settings.get("header", "")
    headers = {header or "Authorization": token if header else f"Bearer {token}"}
    url = _address(opened.settings.get("url", ""), "credential")
    if token and url.startswith("http://"):
        await egress.check_private(httpx2.URL(url))
    renew = opened.renew

    async def renewed() -> _Access:
        assert renew is not None
        return await _access_by(await renew())

    return _Access(url, headers if token else {}, renewed if renew else None)


async def _work_in[T](access: _Access, work: Work[T]) -> T:
    transport = _Transport()
    try:
        async with _connected(access, transport) as client:
            return await work(client, transport)
    except Exception as error:
        known = _told(error, transport, httpx2.URL(access.url).host)
        if known is None:
            raise
        raise known from error


def _address(url: str, field: str) -> str:
    """Raises NodeError `url_invalid`: a command to run is no address."""
    try:
        parsed = httpx2.URL(url.strip())
        if parsed.scheme in ("http", "https") and parsed.host:
            return str(parsed)
    except (httpx2.InvalidURL, ValueError):
        pass
    raise NodeError(
        "url_invalid",
        "Give the server's web address, as in https://tools.example.com/mcp. Servers that are "
        "commands (stdio) are not run.",
        field=field,
    )


@asynccontextmanager
async def _connected(access: _Access, transport: "_Transport") -> AsyncGenerator["Client"]:
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp_types import Implementation

    timeout = httpx2.Timeout(CALL_SECONDS, connect=egress.CONNECT_SECONDS)
    headers = {"accept-encoding": "identity", "user-agent": egress.USER_AGENT, **access.headers}
    async with (
        httpx2.AsyncClient(
            transport=transport, timeout=timeout, headers=headers, trust_env=False
        ) as http,
        Client(
            streamable_http_client(access.url, http_client=http, max_sse_event_size=MAX_BYTES),
            client_info=Implementation(name="FluxPrompt", version="1"),
            read_timeout_seconds=CALL_SECONDS,
            cache=None,
        ) as client,
    ):
        # Its check of answers runs the server's own schema, regular expressions and all, on our
        # event loop. What arrives is data for the flow, which can hold it to a schema of its own.
        client.session.validate_tool_result = _unchecked  # type: ignore[method-assign]
        yield client


async def _unchecked(name: str, result: "CallToolResult") -> None:
    pass


class _Transport(httpx2.AsyncBaseTransport):
    """Ours, with answers bounded. Keeps what the client only logs: failures, and the last status.

    `acted`: a tool may have been called by now.
    """

    failure: NodeError | httpx2.HTTPError | None = None
    status = 0
    acted = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions["max_bytes"] = MAX_BYTES
        if request.method == "DELETE":
            async with asyncio.timeout(GOODBYE_SECONDS):
                return await egress.shared_transport().handle_async_request(request)
        try:
            response = await egress.shared_transport().handle_async_request(request)
        except (NodeError, httpx2.HTTPError) as error:
            self.failure = self.failure or error
            raise
        if request.method == "POST":
            self.status = response.status_code
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Body(response.stream, self)
        return response


class _Body(httpx2.AsyncByteStream):
    """An answer as it comes."""

    def __init__(self, inner: httpx2.AsyncByteStream, transport: _Transport) -> None:
        self._inner = inner
        self._transport = transport

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._inner:
                yield piece
        except (NodeError, httpx2.HTTPError) as error:
            self._transport.failure = self._transport.failure or error
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _listed(client: "Client") -> list[McpTool]:
    tools: list[McpTool] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += [
            McpTool(tool.name, tool.description or "", cleaned(dict(tool.input_schema)))
            for tool in page.tools
        ]
        cursor = page.next_cursor
        if not cursor or len(tools) >= MAX_TOOLS:
            break
    return tools[:MAX_TOOLS]


async def _check_name(client: "Client", tool: str) -> None:
    """Raises NodeError `tool_unknown` where the server has no such tool, naming the nearest."""
    from mcp import MCPError

    try:
        known = [each.name for each in await _listed(client)]
    except MCPError:
        return  # It is the call's own error that counts.
    if known and tool not in known:
        message = f"The server has no tool '{tool[:100]}'.{suggestion(tool, known)}"
        raise NodeError("tool_unknown", message, field="tool")


def _answer(result: "CallToolResult") -> McpAnswer:
    content = [
        cleaned(part.model_dump(mode="json", by_alias=True, exclude_none=True))
        for part in result.content
    ]
    value = cleaned(result.structured_content)
    if value is None and len(content) == 1 and content[0].get("type") == "text":
        value = _parsed(str(content[0].get("text", "")))
    return McpAnswer(content, value, result.is_error)


def _parsed(text: str) -> JSON:
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return None


def _told(error: Exception, transport: _Transport, host: str) -> NodeError | None:
    """What a builder reads of a session that broke; None for what is a fault of ours."""
    import anyio
    from mcp import InputRequiredRoundsExceededError, MCPError
    from pydantic import ValidationError

    leaves = list(_leaves(error))
    for leaf in leaves:
        if isinstance(leaf, NodeError):
            return leaf
    failure = transport.failure
    if isinstance(failure, httpx2.HTTPError):
        failure = egress.failure(failure, host, CALL_SECONDS)
        failure.refused = failure.retryable and not transport.acted
    if failure is not None:
        return failure
    for leaf in leaves:
        if isinstance(leaf, MCPError):
            return _failed(leaf, transport)
        if isinstance(leaf, ValidationError | InputRequiredRoundsExceededError | RuntimeError):
            said = f"{type(leaf).__name__}: {str(leaf)[:300]}"
            return _unreadable(said)
        if isinstance(leaf, anyio.ClosedResourceError | anyio.BrokenResourceError):
            return _unreadable("it hung up")
    return None


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


def _unreadable(said: str) -> NodeError:
    message = f"The server does not speak MCP as it should ({' '.join(said.split())})."
    return NodeError("mcp_failed", f"{message} Check its address.")


def _failed(error: "MCPError", transport: _Transport) -> NodeError:
    """What the server said, and with which status."""
    status = transport.status
    bad = status >= 400
    said = " ".join(error.message.split())[:1_000].rstrip(".")
    parts = [f"The MCP server answered: {said}{f' (HTTP status {status})' if bad else ''}."]
    if status in (401, 403):
        parts.append("Check the credential's token.")
    elif status in (404, 405):
        parts.append("Check the address.")
    details: dict[str, Any] = {"code": error.code}
    return NodeError(
        "mcp_failed",
        " ".join(parts),
        retryable=status in _PASSING,
        refused=status in _REFUSED,
        details={**details, "status": status} if bad else details,
    )
