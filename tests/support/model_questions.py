"""What a client asked the scripted model server, read from any of the three protocols."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.model_behaviours import Behaviour, count_tokens, sample


@dataclass(frozen=True)
class Question:
    """What a client asked, whatever the protocol. `asked` is the last user message."""

    model: str
    prompt: str
    asked: str
    stream: bool
    schema: dict[str, Any] | None
    include_usage: bool
    body: dict[str, Any]
    #: The schemas of the tools by name, what tools have answered, and how often they were called.
    tools: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: tuple[str, ...] = ()
    turns: int = 0


@dataclass
class Tally:
    """Tokens of one answer, counted while it is written."""

    input: int
    cached: int
    cache_written: int
    output: int = 0


def called(question: Question, behaviour: Behaviour) -> list[tuple[str, dict[str, Any]]]:
    """The tools that are called in this turn, with the simplest arguments that fit."""
    if question.turns >= len(behaviour.turns):
        return []
    names = behaviour.turns[question.turns]
    return [(name, sample(question.tools.get(name, {"type": "object"}))) for name in names]


def tally(question: Question, behaviour: Behaviour) -> Tally:
    return Tally(count_tokens(question.prompt), behaviour.cached, behaviour.cache_written)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return ""


def read(path: str, body: dict[str, Any]) -> Question:
    """The question in a request's body. KeyError and TypeError mean a bad request."""
    if path == "/v1/responses":
        said = body["input"]
        messages = [{"role": "user", "content": said}] if isinstance(said, str) else said
        system = body.get("instructions") or ""
        schema = (body.get("text", {}).get("format") or {}).get("schema")
    elif path == "/v1/messages":
        messages, system = body["messages"], _text(body.get("system") or "")
        schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
    elif path == "/v1/embeddings":
        given = body["input"]
        texts = [given] if isinstance(given, str) else given
        messages, system, schema = [{"role": "user", "content": "\n".join(texts)}], "", None
    else:
        messages, system = body["messages"], ""
        schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
    texts = [(m.get("role"), _text(m.get("content"))) for m in messages]
    results = _results(messages)
    said_by = [(m.get("role"), _text(m.get("content"))) for m in messages]
    return Question(
        model=body["model"],
        prompt="\n".join([*([system] if system else []), *(text for _, text in said_by)]),
        asked=next((text for role, text in reversed(said_by) if role == "user"), ""),
        stream=bool(body.get("stream")),
        schema=schema,
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        body=body,
        tools=_tools(body.get("tools") or ()),
        results=tuple(text for text, _ in results),
        turns=sum(begins for _, begins in results),
    )


def _tools(tools: Any) -> dict[str, dict[str, Any]]:
    found = {}
    for tool in tools:
        facts = tool.get("function", tool)
        found[facts["name"]] = facts.get("input_schema") or facts.get("parameters") or {}
    return found


def _results(messages: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    """What tools answered, and whether a turn of theirs begins with it."""
    found: list[tuple[str, bool]] = []
    before = False
    for message in messages:
        here = _results_of(message)
        found += [(text, number == 0 and not before) for number, text in enumerate(here)]
        before = bool(here)
    return found


def _results_of(message: dict[str, Any]) -> list[str]:
    if message.get("role") == "tool":
        return [_text(message.get("content"))]
    if message.get("type") == "function_call_output":
        return [_text(message.get("output"))]
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return [_text(part.get("content")) for part in parts if part.get("type") == "tool_result"]
