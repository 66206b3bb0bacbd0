"""Conversations and tools as chat completions have them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from execution.providers.turns import FilePart, parts_of
from flows.engine.node_type import ToolSpec

JSON = Any


def turns(messages: Iterable[Mapping[str, JSON]]) -> list[JSON]:
    """The messages of a request."""
    return [_turn(message) for message in messages]


def _turn(message: Mapping[str, JSON]) -> JSON:
    content = message["content"]
    if message["role"] == "tool":
        return {"role": "tool", "tool_call_id": message["id"], "content": content}
    if message["role"] == "user":
        return {"role": "user", "content": _content(content)}
    calls = message.get("tool_calls") or ()
    if not calls:
        return {"role": "assistant", "content": content}
    return {
        "role": "assistant",
        "content": content or None,
        "tool_calls": [
            {
                "id": call["id"],
                "type": "function",
                "function": {
                    "name": call["name"],
                    "arguments": json.dumps(call["arguments"] or {}),
                },
            }
            for call in calls
        ],
    }


def _content(content: JSON) -> JSON:
    if isinstance(content, str):
        return content
    return [_part(part) for part in parts_of(content)]


def _part(part: str | FilePart) -> JSON:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if part.is_image:
        return {"type": "image_url", "image_url": {"url": part.address}}
    if part.is_pdf:
        return {"type": "file", "file": {"filename": part.name, "file_data": part.address}}
    return {"type": "text", "text": part.as_text()}


def tools(specs: Sequence[ToolSpec]) -> list[JSON]:
    """The tools of a request."""
    return [
        {
            "type": "function",
            "function": {
                "name": spec.name,
                "description": spec.description,
                "parameters": dict(spec.input_schema),
            },
        }
        for spec in specs
    ]
