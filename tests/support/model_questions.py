"""What a client asked the scripted model server, read from any of the three protocols."""

from dataclasses import dataclass
from typing import Any

from tests.support.model_behaviours import Behaviour, count_tokens


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


@dataclass
class Tally:
    """Tokens of one answer, counted while it is written."""

    input: int
    cached: int
    cache_written: int
    output: int = 0


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
    said_by = [(m.get("role"), _text(m.get("content"))) for m in messages]
    return Question(
        model=body["model"],
        prompt="\n".join([*([system] if system else []), *(text for _, text in said_by)]),
        asked=next((text for role, text in reversed(said_by) if role == "user"), ""),
        stream=bool(body.get("stream")),
        schema=schema,
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        body=body,
    )
