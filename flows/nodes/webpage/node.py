"""A web page, read for people and models."""

from typing import Any, Literal

from pydantic import Field, field_validator

from flows.engine.charsets import charset_of_page, decoded
from flows.engine.config import NodeConfig, Text
from flows.engine.errors import NodeError
from flows.engine.heavy import compute
from flows.engine.node_type import Context, HttpAnswer, NodeType, Result, RetryDefaults
from flows.engine.web_answer import is_success, status_error
from flows.engine.web_call import MAX_SECONDS, WebCall, request_seconds, send, web_address
from flows.engine.web_page import PageUnreadable
from flows.engine.web_reading import read_page

JSON = Any
#: Bytes of a page: reading takes up to two seconds for each million.
MAX_BYTES = 10_000_000
_PAGES = ("text/html", "application/xhtml+xml")
_ACCEPT = "text/html,application/xhtml+xml,text/plain;q=0.9,*/*;q=0.1"


class Config(NodeConfig):
    url: Text = Field(
        title="Address", description="https://… (or http://…).", min_length=1, max_length=8_000
    )
    format: Literal["text", "markdown"] = Field(
        default="text",
        title="Format",
        description="Lines of plain text, or Markdown with headings, lists, tables and links.",
    )
    whole_page: bool = Field(
        default=False,
        title="Whole page",
        description="Menus, headers and footers too, where the page tells them from its main part.",
    )
    timeout_seconds: float = Field(
        default=30,
        title="Timeout",
        description="Seconds to wait for the page.",
        gt=0,
        le=MAX_SECONDS,
    )
    max_bytes: int = Field(
        default=5_000_000,
        title="Longest page",
        description="Bytes of the page, unpacked; a longer one is an error.",
        gt=0,
        le=MAX_BYTES,
    )

    @field_validator("url")
    @classmethod
    def _web(cls, url: str) -> str:
        return web_address(url)


async def run(config: Config, ctx: Context) -> Result:
    """Raises NodeError: http_status, not_a_page, page_unreadable, too_large and what calls can."""
    call = WebCall(
        url=config.url,
        headers={"Accept": _ACCEPT},
        timeout_seconds=config.timeout_seconds,
        max_bytes=config.max_bytes,
    )
    answer = await send(call, ctx)
    made = await compute(len(answer.content), _read, config, answer)
    return Result({**made, "url": answer.url})


def _read(config: Config, answer: HttpAnswer) -> dict[str, JSON]:
    kind, text = _text_of(answer)
    if not is_success(answer.status):
        raise status_error(answer, text)
    if kind not in _PAGES:
        return {"text": text, "title": "", "description": "", "links": []}
    try:
        return read_page(text, answer.url, form=config.format, whole=config.whole_page)
    except PageUnreadable as error:
        message = f"The page cannot be read. {error} Call it with an http node and take a part."
        raise NodeError("page_unreadable", message, field="url") from error


def _text_of(answer: HttpAnswer) -> tuple[str, str]:
    """Media type and text of an answer. Raises NodeError `not_a_page` where it is no text."""
    named = answer.headers.get("content-type", "")
    kind = named.partition(";")[0].strip().lower()
    if not kind:
        kind = "text/html" if answer.content.lstrip()[:1] in (b"<", b"") else "text/plain"
    if not (kind.startswith("text/") or kind in _PAGES) and is_success(answer.status):
        raise _no_page(kind)
    if kind in _PAGES and "charset" not in named.lower():
        named = f"{kind}; charset={charset_of_page(answer.content) or 'utf-8'}"
    return kind, decoded(answer.content, named)


def _no_page(kind: str) -> NodeError:
    """What to do about an answer of another kind."""
    if kind.endswith(("json", "xml")):
        advice = "Call it with an http node, and read it with a parse node where that is needed."
    else:
        advice = "Files are read by a file_read node, and other answers by an http node."
    return NodeError("not_a_page", f"This is {kind[:100]}, and no page. {advice}", field="url")


NODE = NodeType(
    type="webpage",
    title="Web page",
    summary="Reads a web page as text or Markdown, with its links.",
    category="tool",
    icon="newspaper",
    config=Config,
    io=run,
    outputs={
        "text": "text",
        "title": "text",
        "description": "text",
        "links": "list",
        "url": "text",
    },
    timeout_seconds=60,
    seconds_of=request_seconds,
    retry=RetryDefaults(max_attempts=3, initial_seconds=1, backoff=2, max_seconds=30),
)
