"""Conversations and tools as Anthropic's Messages API has them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from execution.providers.turns import FilePart, parts_of, said_by
from flows.engine.node_type import ToolSpec

JSON = Any


def turns(messages: Iterable[Mapping[str, JSON]], provider: str, model: str) -> list[JSON]:
    """The messages; results of tools that follow one another are one message of the user's."""
    made: list[JSON] = []
    for message in messages:
        if message["role"] == "tool":
            last = made[-1]
            if last["role"] != "user" or not isinstance(last["content"], list):
                last = {"role": "user", "content": []}
                made.append(last)
            last["content"].append(_result(message))
        elif message["role"] == "assistant":
            blocks = said_by(message, provider, model) or _blocks(message)
            made.append({"role": "assistant", "content": blocks})
        else:
            made.append({"role": "user", "content": _content(message["content"])})
    return made


def _result(message: Mapping[str, JSON]) -> JSON:
    result = {
        "type": "tool_result",
        "tool_use_id": message["id"],
        "content": message["content"],
    }
    return {**result, "is_error": True} if message.get("is_error") else result


def _blocks(message: Mapping[str, JSON]) -> JSON:
    calls = message.get("tool_calls") or ()
    if not calls:
        return message["content"]
    text = [{"type": "text", "text": message["content"]}] if message["content"] else []
    return [*text, *(_use(call) for call in calls)]


def _use(call: Mapping[str, JSON]) -> JSON:
    arguments = call["arguments"] or {}
    return {"type": "tool_use", "id": call["id"], "name": call["name"], "input": arguments}


def _content(content: JSON) -> JSON:
    if isinstance(content, str):
        return content
    return [_part(part) for part in parts_of(content)]


def _part(part: str | FilePart) -> JSON:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if part.is_image or part.is_pdf:
        kind = "image" if part.is_image else "document"
        source = {"type": "base64", "media_type": part.media_type, "data": part.data}
    else:
        kind = "document"
        source = {"type": "text", "media_type": "text/plain", "data": part.text()}
    titled = {"title": part.name} if kind == "document" else {}
    return {"type": kind, "source": source, **titled}


def tools(specs: Sequence[ToolSpec]) -> list[JSON]:
    """The tools of a request."""
    return [
        {
            "name": spec.name,
            "description": spec.description,
            "input_schema": dict(spec.input_schema),
        }
        for spec in specs
    ]
