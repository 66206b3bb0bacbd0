"""Every provider with tools and files: what the model is told, what it calls, what goes back."""

import base64
from typing import Any

import pytest

from execution.providers.anthropic_turns import turns as anthropic_turns
from execution.providers.base import Provider
from execution.providers.chat_turns import turns as chat_turns
from execution.providers.openai_turns import items as openai_items
from execution.tests.test_providers import NAMES, ask, clean, opened, provider, server
from flows.engine.errors import NodeError
from flows.engine.node_type import ModelAnswer, ModelRequest, ToolSpec
from tests.support.model_server import ModelServer

__all__ = ["clean", "provider", "server"]
JSON = Any
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
TOOLS = (
    ToolSpec("weather", "The weather of a city", CITY),
    ToolSpec("time", "What time it is", {"type": "object", "properties": {}}),
)


def after(answer: ModelAnswer, results: dict[str, str], model: str) -> list[dict[str, JSON]]:
    """The messages that follow an answer with calls."""
    said = {
        "role": "assistant",
        "content": answer.text,
        "tool_calls": [call.as_dict() for call in answer.tool_calls],
        "said": answer.said,
        "model": model,
    }
    answered = [
        {"role": "tool", "id": call.id, "name": call.name, "content": results[call.name]}
        for call in answer.tool_calls
    ]
    return [said, *answered]


async def test_parallel_calls_come_with_their_arguments_and_results_go_back(
    provider: Provider, server: ModelServer
) -> None:
    prompt = "Go [[call-weather+call-time]] [[call-time]]"
    first, pieces = await ask(provider, "echo", prompt, tools=TOOLS)
    assert first.finish_reason == "tool_calls"
    assert [(call.name, call.arguments) for call in first.tool_calls] == [
        ("weather", {"city": "text", "days": 1}),
        ("time", {}),
    ]
    assert len({call.id for call in first.tool_calls}) == 2
    assert "".join(pieces) == first.text == "I look."
    assert first.usage.output_tokens == 4

    history = [{"role": "user", "content": prompt}]
    history += after(first, {"weather": "mild {{ 1+1 }}", "time": "noon"}, first.model)
    request = ModelRequest(tuple(history), tools=TOOLS)
    second = await provider.complete(request, "echo", emit=pieces.append)
    assert [call.name for call in second.tool_calls] == ["time"]

    history += after(second, {"time": "one"}, second.model)
    request = ModelRequest(tuple(history), tools=TOOLS)
    third = await provider.complete(request, "echo", emit=pieces.append)
    assert (third.finish_reason, third.tool_calls) == ("stop", ())
    assert third.text == "mild {{ 1+1 }}; noon; one"
    if provider.name != "openai_compatible":
        # What it thought went back as it was given.
        assert "sealed" in str(server.calls[-1].body)


@pytest.mark.parametrize("name", NAMES)
async def test_another_models_answer_is_told_without_what_only_it_understands(
    name: str, server: ModelServer
) -> None:
    prompt = "Go [[call-time]]"
    first, _ = await ask(opened("anthropic", server), "echo", prompt, tools=TOOLS)
    history = [{"role": "user", "content": prompt}, *after(first, {"time": "noon"}, first.model)]
    other = opened(name, server)
    request = ModelRequest(tuple(history), tools=TOOLS)
    answer = await other.complete(request, "say-done", emit=lambda _: None)
    assert answer.text == "done"
    assert "sealed" not in str(server.calls[-1].body)
    assert "noon" in str(server.calls[-1].body)


async def test_arguments_that_are_no_json_are_none(server: ModelServer) -> None:
    from execution.providers.turns import tool_call

    assert tool_call("1", "x", '{"a": ').arguments is None
    assert tool_call("1", "x", "[1]").arguments is None
    assert tool_call("1", "x", "").arguments == {}


def file(name: str, media_type: str, data: bytes) -> dict[str, str]:
    encoded = base64.b64encode(data).decode()
    return {"type": "file", "name": name, "media_type": media_type, "data": encoded}


PARTS = [
    {"type": "text", "text": "Look"},
    file("a.png", "image/png", b"png"),
    file("b.pdf", "application/pdf", b"%PDF"),
    file("c.txt", "text/plain", "käse".encode()),
]


def test_files_are_written_as_each_provider_reads_them() -> None:
    message = ({"role": "user", "content": PARTS},)
    [told] = anthropic_turns(message, "anthropic", "m")
    kinds = [(part["type"], part.get("source", {}).get("type")) for part in told["content"]]
    assert kinds == [
        ("text", None),
        ("image", "base64"),
        ("document", "base64"),
        ("document", "text"),
    ]
    assert told["content"][3]["source"]["data"] == "käse"
    [told] = openai_items(message, "openai", "m")
    kinds = [part["type"] for part in told["content"]]
    assert kinds == ["input_text", "input_image", "input_file", "input_text"]
    assert told["content"][1]["image_url"].startswith("data:image/png;base64,")
    [told] = chat_turns(message)
    assert [part["type"] for part in told["content"]] == ["text", "image_url", "file", "text"]
    assert "käse" in told["content"][3]["text"]


@pytest.mark.parametrize("turns", [chat_turns, lambda m: openai_items(m, "openai", "m")])
def test_a_file_that_no_model_reads_says_so(turns: Any) -> None:
    content = [file("x.zip", "application/zip", b"\xff\xfe\x00")]
    with pytest.raises(NodeError) as caught:
        turns(({"role": "user", "content": content},))
    assert caught.value.code == "attachment_unfit"
