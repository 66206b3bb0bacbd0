"""What a service answered: as a node's output, or as the error that a bad status is."""

from collections.abc import Collection, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from flows.engine.charsets import decoded
from flows.engine.errors import NodeError
from flows.engine.heavy import compute
from flows.engine.json_values import read_json
from flows.engine.node_type import Context, HttpAnswer

JSON = Any
#: Answers that say "try again": busy, or broken in passing.
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
#: Answers that refuse before acting, so that even a POST may be sent again.
REFUSED = (429, 503)
# Longest wait that a service may ask for; what is longer is asked for again.
MAX_RETRY_AFTER = 3_600.0
# Characters of a body that an error shows, and that are searched for secrets before it is cut.
_SHOWN, _LOOKED_AT = 300, 20_000


async def read_answer(
    answer: HttpAnswer,
    ctx: Context,
    *,
    ok: Collection[int] = (),
    passing: Collection[int] = (),
) -> dict[str, JSON]:
    """`{status, headers, json, text}` of an answer.

    `ok` are the statuses that count as success (none: 200 to 299), `passing` those that may pass
    (none: TRANSIENT). Raises NodeError `http_status` for an answer that is no success.
    """
    text = await text_of_answer(answer)
    if not is_success(answer.status, ok):
        raise status_error(answer, ctx.credentials.masked(text[:_LOOKED_AT]), passing)
    parsed = await compute(len(answer.content), _parsed, text)
    return {"status": answer.status, "headers": dict(answer.headers), "json": parsed, "text": text}


def is_success(status: int, ok: Collection[int] = ()) -> bool:
    """Whether a status is one of those that count as success; none: 200 to 299."""
    return status in ok if ok else 200 <= status <= 299


async def text_of_answer(answer: HttpAnswer) -> str:
    """The body in the encoding that the answer names."""
    content_type = answer.headers.get("content-type", "")
    return await compute(len(answer.content), decoded, answer.content, content_type)


def status_error(answer: HttpAnswer, text: str, passing: Collection[int] = ()) -> NodeError:
    """The error that an answer is; `text` is its body, or how it begins."""
    shown = " ".join(text[:_SHOWN].split())
    said = f": {shown}" if shown else "."
    may_pass = answer.status in (passing or TRANSIENT)
    message = f"The service answered {answer.status}{said} {_advice(answer.status, may_pass)}"
    return NodeError(
        "http_status",
        message,
        retryable=may_pass,
        refused=may_pass and answer.status in REFUSED,
        retry_after=_retry_after(answer.headers),
        details={"status": answer.status, "url": answer.url[:500]},
    )


def _advice(status: int, may_pass: bool) -> str:
    """What to do about an answer that is no success."""
    if may_pass:
        return "It may pass: try again later, or set a longer retry."
    if status in (401, 403):
        return "Check the credential, or the key among the headers."
    if status in (404, 405, 410) or 300 <= status < 400:
        return "Check the address and the method."
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


def _parsed(text: str) -> JSON:
    """The JSON of an answer; null where it is none (HTML, text, nothing) or has too many parts."""
    if text[:200].lstrip()[:1] not in tuple('{["-0123456789tfn'):
        return None
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return None
