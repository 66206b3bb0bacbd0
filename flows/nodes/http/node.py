"""One HTTP request to another service."""

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BeforeValidator, Field, field_validator

from flows.engine.config import NodeConfig, Text
from flows.engine.errors import NodeError
from flows.engine.expressions import has_expression, text_of
from flows.engine.heavy import compute
from flows.engine.json_values import read_json
from flows.engine.node_type import Context, HttpAnswer, NodeType, Result, RetryDefaults
from flows.nodes.http.charsets import decoded

#: What tells a service a request sent again from a new one.
KEY_HEADER = "Idempotency-Key"
#: Methods that may be sent again without doing a thing twice (RFC 9110, 9.2.2).
IDEMPOTENT = ("GET", "PUT", "DELETE", "HEAD", "OPTIONS")
#: Answers that say "try again": busy, or broken in passing.
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
#: Longest time that one request may take, in seconds.
MAX_SECONDS = 600
#: Answers that refuse before acting, so that even a POST may be sent again.
REFUSED = (429, 503)
# Longest wait that a service may ask for; what is longer is asked for again.
MAX_RETRY_AFTER = 3_600.0


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


class Config(NodeConfig):
    method: Annotated[Method, BeforeValidator(_upper)] = Field(
        default="GET", title="Method", description="What to do at the address."
    )
    url: Text = Field(
        title="Address", description="https://… (or http://…).", min_length=1, max_length=8_000
    )
    headers: dict[str, Text] = Field(
        default={}, title="Headers", description="Names and values.", max_length=100
    )
    query: dict[str, Any] = Field(
        default={},
        title="Query",
        description="Added to the address; a list repeats its name, null is left out.",
        max_length=100,
    )
    body: Any = Field(
        default=None,
        title="Body",
        description="What to send: any JSON, fields of a form, or text.",
        json_schema_extra={"widget": "json"},
    )
    body_type: Literal["json", "form", "text", "none"] = Field(
        default="json", title="Body type", description="How the body is sent."
    )
    timeout_seconds: float = Field(
        default=30,
        title="Timeout",
        description="Seconds to wait for the answer.",
        gt=0,
        le=MAX_SECONDS,
    )
    ok_statuses: list[int] = Field(
        default=[],
        title="Good statuses",
        description="Statuses that count as success; empty: 200 to 299.",
        max_length=100,
    )

    @field_validator("url")
    @classmethod
    def _web(cls, url: str) -> str:
        url = url.strip()
        if not url.lower().startswith(("http://", "https://")):
            raise ValueError("the address has to start with https:// or http://")
        return url

    @field_validator("headers")
    @classmethod
    def _one_line(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not name or any(c in name + value for c in "\r\n\0"):
                raise ValueError(f"the header '{name[:40]}' holds a line break; remove it")
        return headers


def _query(config: Config) -> dict[str, str | list[str]]:
    pairs: dict[str, str | list[str]] = {}
    for name, value in config.query.items():
        if isinstance(value, list):
            pairs[name] = [text_of(item) for item in value]
        elif value is not None:
            pairs[name] = text_of(value)
    return pairs


def _body(config: Config) -> tuple[bytes | None, str | None]:
    """The bytes to send and their content type."""
    if config.body is None or config.body_type == "none":
        return None, None
    if config.body_type == "json":
        data = json.dumps(config.body, ensure_ascii=False).encode("utf-8", "replace")
        return data, "application/json"
    if config.body_type == "text":
        return text_of(config.body).encode("utf-8", "replace"), "text/plain; charset=utf-8"
    if not isinstance(config.body, dict):
        message = "A form's body has to be an object of fields and values."
        raise NodeError("config_invalid", message, field="body")
    fields = {
        name: [text_of(item) for item in value] if isinstance(value, list) else text_of(value)
        for name, value in config.body.items()
    }
    return urlencode(fields, doseq=True).encode(), "application/x-www-form-urlencoded"


def _headers(config: Config, content_type: str | None, key: str) -> dict[str, str]:
    """The author's headers, and those that the node adds where the author wrote none.

    A worker may die with a request in flight, which is then sent again: services that know
    `Idempotency-Key` do not act upon it twice.
    """
    added = {"Content-Type": content_type} if content_type else {}
    if not is_idempotent(config):
        added[KEY_HEADER] = key
    written = {name.lower() for name in config.headers}
    headers = {name: value for name, value in added.items() if name.lower() not in written}
    for name, value in config.headers.items():
        if value or name.lower() != KEY_HEADER.lower():
            headers[name] = value
    return headers


async def run(config: Config, ctx: Context) -> Result:
    """Send the request. Raises NodeError http_status for an answer that is no success."""
    content, sent_type = _body(config)
    answer = await ctx.http(
        config.method,
        config.url,
        headers=_headers(config, sent_type, ctx.idempotency_key),
        query=_query(config),
        content=content,
        timeout_seconds=config.timeout_seconds,
    )
    size = len(answer.content)
    content_type = answer.headers.get("content-type", "")
    text = await compute(size, decoded, answer.content, content_type)
    if not _is_good(answer.status, config.ok_statuses):
        raise _status_error(answer, text)
    output = {"status": answer.status, "headers": dict(answer.headers)}
    return Result({**output, "json": await compute(size, _parsed, text), "text": text})


def _is_good(status: int, wanted: list[int]) -> bool:
    return status in wanted if wanted else 200 <= status <= 299


def _status_error(answer: HttpAnswer, text: str) -> NodeError:
    shown = " ".join(text[:300].split())
    said = f": {shown}" if shown else "."
    message = f"The service answered {answer.status}{said} {_advice(answer.status)}"
    return NodeError(
        "http_status",
        message,
        retryable=answer.status in TRANSIENT,
        refused=answer.status in REFUSED,
        retry_after=_retry_after(answer.headers),
        details={"status": answer.status, "url": answer.url[:500]},
    )


def _advice(status: int) -> str:
    """What to do about an answer that is no success."""
    if status in (401, 403):
        return "Check the key or token among the headers."
    if status in (404, 405, 410) or 300 <= status < 400:
        return "Check the address and the method."
    if status in TRANSIENT:
        return "It may pass: try again later, or set a longer retry."
    return "Check what is sent; if this answer is fine, add it to ok_statuses."


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, as the answer says: a number, or a date beside the answer's own."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), MAX_RETRY_AFTER)
    try:
        then, now = parsedate_to_datetime(value), parsedate_to_datetime(headers["date"])
        return min(max(0.0, (then - now).total_seconds()), MAX_RETRY_AFTER)
    except (KeyError, ValueError, TypeError):
        return None


def _parsed(text: str) -> Any:
    """The JSON of an answer; null where it is none (HTML, text, nothing) or has too many parts."""
    if text[:200].lstrip()[:1] not in tuple('{["-0123456789tfn'):
        return None
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return None


def is_idempotent(config: Config) -> bool:
    """Whether the request may be sent twice: a lost answer may still have been acted upon."""
    return config.method in IDEMPOTENT


def seconds(config: Mapping[str, Any]) -> float | None:
    """Seconds that the settings give the request; an expression may give it as many as are allowed.

    None where they say nothing, or what `Config` refuses.
    """
    value = config.get("timeout_seconds")
    if isinstance(value, str) and has_expression(value):
        return float(MAX_SECONDS)
    try:
        given = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return given if 0 < given <= MAX_SECONDS else None


NODE = NodeType(
    type="http",
    title="HTTP request",
    summary="Calls a web address and hands on what it answers.",
    category="tool",
    icon="globe",
    config=Config,
    io=run,
    outputs={"status": "number", "headers": "object", "json": "any", "text": "text"},
    idempotent=is_idempotent,
    timeout_seconds=60,
    seconds_of=seconds,
    retry=RetryDefaults(max_attempts=3, initial_seconds=1, backoff=2, max_seconds=30),
)
