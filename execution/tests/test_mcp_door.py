"""The door to MCP servers, against the protocol's own server and an older, scripted one."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_django import Settings

from execution.doors import mcp as door
from execution.doors.mcp import RunMcp
from execution.tests.mcp_servers_for_tests import McpServerOnLoopback, OldMcpServer
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.mcp import McpAnswer, McpServer
from flows.engine.errors import NodeError
from flows.engine.tests.support import FakeCredentials
from tests.support.site import Site, answer

pytestmark = pytest.mark.usefixtures("loopback")
TOKEN = "tk-canary-1"


@pytest.fixture
async def server() -> AsyncIterator[McpServerOnLoopback]:
    async with McpServerOnLoopback() as listening:
        yield listening


async def call(url: str, tool: str, **arguments: Any) -> McpAnswer:
    return await RunMcp(FakeCredentials()).call(McpServer(url=url), tool, arguments)


async def failure(url: str, tool: str, **arguments: Any) -> NodeError:
    with pytest.raises(NodeError) as failed:
        await call(url, tool, **arguments)
    return failed.value


async def test_a_tool_is_called_and_its_answer_is_data(server: McpServerOnLoopback) -> None:
    added = await call(server.url, "add", one=1, other=2)
    assert (added.json, added.is_error) == ({"sum": 3}, False)
    said = await call(server.url, "said", text='{"a": "{{ 1+1 }}"}')
    assert said.text == '{"a": "{{ 1+1 }}"}'
    picture = await call(server.url, "picture")
    assert picture.content == [{"type": "image", "data": "AAEC", "mimeType": "image/png"}]
    assert picture.json is None


async def test_what_a_server_offers_is_listed(server: McpServerOnLoopback) -> None:
    listed = await RunMcp(FakeCredentials()).tools(McpServer(url=server.url))
    assert [tool.name for tool in listed] == ["add", "said", "fail", "picture"]
    assert listed[0].description == "Adds two numbers."
    assert set(listed[0].input_schema["properties"]) == {"one", "other"}


async def test_a_tool_that_fails_and_one_that_is_not_there_say_so(
    server: McpServerOnLoopback,
) -> None:
    failed = await call(server.url, "fail", why="no such page")
    assert failed.is_error
    assert "no such page" in failed.text
    error = await failure(server.url, "ad", one=1)
    assert (error.code, error.field, error.retryable) == ("tool_unknown", "tool", False)
    assert "'add'" in error.message


@pytest.mark.parametrize(
    ("settings_of", "header", "value"),
    [({}, "authorization", f"Bearer {TOKEN}"), ({"header": "X-Key"}, "x-key", TOKEN)],
)
async def test_a_credential_brings_the_address_and_the_token(
    server: McpServerOnLoopback, settings_of: dict[str, str], header: str, value: str
) -> None:
    opened = OpenedCredential("Wiki", "mcp", {"url": server.url, **settings_of}, {"token": TOKEN})
    run = RunMcp(FakeCredentials({"Wiki": opened}))
    assert (await run.call(McpServer(credential="Wiki"), "said", {"text": "5"})).text == "5"
    assert {headers.get(header) for headers in server.seen} == {value}


async def test_s12_a_token_is_not_sent_in_the_clear_to_a_public_address() -> None:
    url = "http://93.184.216.34/mcp"
    opened = OpenedCredential("Wiki", "mcp", {"url": url}, {"token": TOKEN})
    with pytest.raises(NodeError) as refused:
        await RunMcp(FakeCredentials({"Wiki": opened})).tools(McpServer(credential="Wiki"))
    assert refused.value.code == "credential_in_clear"


async def test_a_server_of_the_years_with_a_handshake_is_spoken_to() -> None:
    part = {"type": "text", "text": '{"hits": 2}'}
    async with OldMcpServer(**{"tools/call": {"result": {"content": [part]}}}) as server:
        run = RunMcp(FakeCredentials())
        answered = await run.call(McpServer(url=server.url), "search_pages", {"q": "x"})
        assert answered == McpAnswer([part], {"hits": 2}, False)
        steps = [step for step in server.methods if step != "GET"]
        assert steps == [
            *("server/discover", "initialize", "notifications/initialized", "tools/call", "DELETE")
        ]
        listed = await run.tools(McpServer(url=server.url))
        assert [tool.name for tool in listed] == ["search_pages", "read_page"]


async def test_an_error_of_the_server_is_told_and_the_nearest_name() -> None:
    refused = {"error": {"code": -32602, "message": "Unknown tool"}}
    async with OldMcpServer(**{"tools/call": refused}) as server:
        error = await failure(server.url, "serch_pages")
        assert error.code == "tool_unknown"
        assert "'search_pages'" in error.message
        error = await failure(server.url, "read_page")
        assert (error.code, error.details["code"]) == ("mcp_failed", -32602)
        assert "Unknown tool" in error.message


@pytest.mark.parametrize(
    ("status", "said", "may_pass"),
    [(401, "token", False), (404, "address", False), (503, "", True)],
)
async def test_a_status_that_is_no_success_is_told(status: int, said: str, may_pass: bool) -> None:
    async with Site(lambda *_: answer(status, b"no")) as site:
        error = await failure(site.url, "x")
    assert (error.code, error.retryable, error.refused) == ("mcp_failed", may_pass, may_pass)
    assert f"status {status}" in error.message
    assert said in error.message


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"{}", b'{"jsonrpc": "2.0", "id": 1, "result": 5}', b"[" * 10_000, b""],
)
async def test_what_is_no_mcp_says_so(body: bytes) -> None:
    async with Site(lambda *_: answer(200, body, content_type="application/json")) as site:
        error = await failure(site.url, "x")
    assert (error.code, error.retryable) == ("mcp_failed", False)


async def test_large_answers_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MAX_BYTES", 50_000)
    part = {"type": "text", "text": "x" * 100_000}
    async with OldMcpServer(**{"tools/call": {"result": {"content": [part]}}}) as server:
        error = await failure(server.url, "read_page")
    assert error.code == "too_large"


async def test_an_answer_is_not_run_through_the_servers_own_schema() -> None:
    # Such a pattern takes for ever on such a text, on the event loop that all share.
    hostile = {"type": "object", "properties": {"a": {"pattern": "^(x+x+)+y$"}}}
    schema = {"name": "t", "inputSchema": {"type": "object"}, "outputSchema": hostile}
    structured = {"content": [], "structuredContent": {"a": "x" * 40}}
    replies = {"tools/call": {"result": structured}, "tools/list": {"result": {"tools": [schema]}}}
    async with OldMcpServer(**replies) as server:
        assert (await call(server.url, "t")).json == {"a": "x" * 40}
        assert "tools/list" not in server.methods


async def test_nobody_there_may_be_tried_again() -> None:
    async with Site(lambda *_: answer(200)) as gone:
        pass
    error = await failure(gone.url, "x")
    assert (error.code, error.retryable, error.refused) == ("connection_failed", True, True)


async def test_a_connection_that_breaks_during_the_call_is_not_tried_again_by_itself() -> None:
    def broken(asked: Any) -> bytes:
        old.hang_up = True
        return b"HTTP/1.1 200 x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"

    async with OldMcpServer(**{"tools/call": broken}) as old:
        error = await failure(old.url, "read_page")
    assert (error.code, error.retryable, error.refused) == ("connection_failed", True, False)


@pytest.mark.parametrize("url", ["stdio://npx", "npx -y server", "file:///bin/sh", "", "http://"])
async def test_s6_a_server_is_an_address_and_never_a_command(url: str) -> None:
    error = await failure(url, "x")
    assert (error.code, error.field) == ("url_invalid", "url")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "0x7f.1"])
async def test_s8_servers_near_by_are_not_called_unless_allowed(
    server: McpServerOnLoopback, settings: Settings, host: str
) -> None:
    settings.FLUX_ALLOW_HOSTS = []
    error = await failure(f"http://{host}:{server.port}/mcp", "said", text="x")
    assert error.code == "address_refused"
    assert server.seen == []


async def test_s8_a_redirect_to_another_host_is_not_followed(settings: Settings) -> None:
    async with Site(lambda *_: answer(200, json.dumps({}).encode())) as inner:
        moved = answer(307, location=f"http://localhost:{inner.port}/mcp")
        async with Site(lambda *_: moved) as site:
            settings.FLUX_ALLOW_HOSTS = ["127.0.0.1", "localhost", "::1"]
            error = await failure(site.url, "x")
        assert error.code == "mcp_failed"
        assert inner.connections == 0
