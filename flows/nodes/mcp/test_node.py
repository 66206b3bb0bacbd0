"""The mcp node calls a tool and hands on what it answers."""

from typing import Any

import pytest

from flows.engine.doors.mcp import McpAnswer, McpServer
from flows.engine.errors import NodeError
from flows.engine.tests.support import FakeContext, perform

PARTS = [{"type": "text", "text": "{{ 1+1 }}"}, {"type": "text", "text": "b"}]
URL = "https://tools.example.com/mcp"


def test_the_answer_is_handed_on_and_its_braces_stay_text() -> None:
    world = FakeContext()
    world.mcp.answers = [McpAnswer(PARTS, {"n": 1})]
    config = {"credential": "Wiki", "tool": "search", "arguments": {"q": "{{ x }}", "n": 2}}
    result = perform("mcp", config, world, {"x": "{{ 2+2 }}"})
    assert result.output == {"content": PARTS, "json": {"n": 1}, "text": "{{ 1+1 }}\nb"}
    asked = (McpServer(credential="Wiki"), "search", {"q": "{{ 2+2 }}", "n": 2})
    assert world.mcp.asked == [asked]


def test_a_tool_that_failed_fails_the_node_with_its_words() -> None:
    world = FakeContext()
    world.mcp.answers = [McpAnswer([{"type": "text", "text": "No such\npage"}], None, True)]
    with pytest.raises(NodeError, match="No such page") as failed:
        perform("mcp", {"url": URL, "tool": "search"}, world)
    assert (failed.value.code, failed.value.retryable) == ("mcp_tool_failed", False)


@pytest.mark.parametrize(
    "config",
    [
        {"tool": "x"},
        {"tool": "x", "url": URL, "credential": "Wiki"},
        {"tool": "x", "url": "{{ x }}"},
        {"url": URL},
        {"tool": "x", "url": URL, "arguments": [1]},
        {"tool": "x", "url": URL, "timeout_seconds": 0},
    ],
)
def test_a_call_needs_one_server_a_tool_and_named_arguments(config: dict[str, Any]) -> None:
    world = FakeContext()
    with pytest.raises(NodeError) as refused:
        perform("mcp", config, world, {"x": " "})
    assert refused.value.code == "config_invalid"
    assert world.mcp.asked == []
