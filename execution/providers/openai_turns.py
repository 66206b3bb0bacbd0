"""Conversations and tools as OpenAI's Responses API has them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from execution.providers.schemas import is_strict
from execution.providers.turns import FilePart, parts_of, said_by
from flows.engine.node_type import ToolSpec

JSON = Any


def items(messages: Iterable[Mapping[str, JSON]], provider: str, model: str) -> list[JSON]:
    """The input items of a request."""
    made: list[JSON] = []
    for message in messages:
        if message["role"] == "tool":
            output = message["content"]
            made.append(
                {"type": "function_call_output", "call_id": message["id"], "output": output}
            )
        elif message["role"] == "assistant":
            made += said_by(message, provider, model) or _said(message)
        else:
            made.append({"role": "user", "content": _content(message["content"])})
    return made


def _said(message: Mapping[str, JSON]) -> list[JSON]:
    calls = message.get("tool_calls") or ()
    if not calls:
        return [{"role": "assistant", "content": message["content"]}]
    text = [{"role": "assistant", "content": message["content"]}] if message["content"] else []
    return [
        *text,
        *(
            {
                "type": "function_call",
                "call_id": call["id"],
                "name": call["name"],
                "arguments": json.dumps(call["arguments"] or {}),
            }
            for call in calls
        ),
    ]


def _content(content: JSON) -> JSON:
    if isinstance(content, str):
        return content
    return [_part(part) for part in parts_of(content)]


def _part(part: str | FilePart) -> JSON:
    if isinstance(part, str):
        return {"type": "input_text", "text": part}
    if part.is_image:
        return {"type": "input_image", "image_url": part.address, "detail": "auto"}
    if part.is_pdf:
        return {"type": "input_file", "filename": part.name, "file_data": part.address}
    return {"type": "input_text", "text": part.as_text()}


def tools(specs: Sequence[ToolSpec]) -> list[JSON]:
    """The tools of a request."""
    return [
        {
            "type": "function",
            "name": spec.name,
            "description": spec.description,
            "parameters": dict(spec.input_schema),
            "strict": is_strict(spec.input_schema),
        }
        for spec in specs
    ]
