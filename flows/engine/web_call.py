"""A request to another service: what is asked for, and how it is sent. Shared by nodes."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from flows.engine.config import NodeConfig, Text
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.errors import NodeError
from flows.engine.expressions import has_expression, text_of
from flows.engine.node_type import Context, HttpAnswer
from flows.engine.web_body import body_of
from flows.engine.web_files import read_files

#: What tells a service a request sent again from a new one.
KEY_HEADER = "Idempotency-Key"
#: Methods that may be sent again without doing a thing twice (RFC 9110, 9.2.2).
IDEMPOTENT = ("GET", "PUT", "DELETE", "HEAD", "OPTIONS")
#: Longest time that one request may take, in seconds.
MAX_SECONDS = 600


def web_address(url: str) -> str:
    """The address without white space around it. Raises ValueError where it is none of the web."""
    url = url.strip()
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError("the address has to start with https:// or http://")
    return url


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


#: Bytes of an answer that are read at most, unpacked.
MAX_BYTES = 50_000_000
#: Types of credentials that a request can carry.
CREDENTIALS = ("bearer", "basic", "header", "oauth2")


class WebCall(NodeConfig):
    """One request, as a node's settings say it."""

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
        description="What to send: any JSON, fields of a form, text, bytes in base64, or a file.",
        json_schema_extra={"widget": "json"},
    )
    body_type: Literal["json", "form", "multipart", "text", "base64", "file", "none"] = Field(
        default="json", title="Body type", description="How the body is sent."
    )
    credential: Text = Field(
        default="",
        title="Credential",
        description="Name or id of a stored token, password or header that is sent along.",
        max_length=200,
        json_schema_extra={"widget": "credential", "types": list(CREDENTIALS)},
    )
    timeout_seconds: float = Field(
        default=30,
        title="Timeout",
        description="Seconds to wait for the answer.",
        gt=0,
        le=MAX_SECONDS,
    )
    max_bytes: int = Field(
        default=MAX_BYTES,
        title="Longest answer",
        description="Bytes of the answer, unpacked; a longer one is an error.",
        gt=0,
        le=MAX_BYTES,
    )

    @field_validator("url")
    @classmethod
    def _web(cls, url: str) -> str:
        return web_address(url)

    @field_validator("headers")
    @classmethod
    def _one_line(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not name or any(c in name + value for c in "\r\n\0"):
                raise ValueError(f"the header '{name[:40]}' holds a line break; remove it")
        return headers


async def send(call: WebCall, ctx: Context, *, part: str = "") -> HttpAnswer:
    """The answer, whatever its status. Raises NodeError where there is none.

    `part` tells the requests of a node apart that sends several, so that a service does not take
    the second for the first sent again; the same in every attempt.
    """
    body = await read_files(call.body, call.body_type, ctx.files)
    content, sent_type = body_of(body, call.body_type)
    headers = _headers(call, sent_type, _key(ctx.idempotency_key, part))
    if not call.credential.strip():
        return await _sent(call, ctx, headers, content, secret=False)
    async with ctx.credentials.open(call.credential, CREDENTIALS) as opened:
        name, value = header_of(opened)
        if any(name.lower() == written.lower() for written in call.headers):
            message = (
                f"The credential '{opened.name}' sends the header '{name}'. Remove that header, or "
                "the credential."
            )
            raise NodeError("config_invalid", message, field="headers")
        kept = {key: one for key, one in headers.items() if key.lower() != name.lower()}
        answer = await _sent(call, ctx, {**kept, name: value}, content, secret=True)
        if answer.status == 401 and opened.renew is not None:
            # Taken back before its time; what was refused did nothing, so it may be sent again.
            name, value = header_of(await opened.renew())
            answer = await _sent(call, ctx, {**kept, name: value}, content, secret=True)
        return answer


async def _sent(
    call: WebCall,
    ctx: Context,
    headers: Mapping[str, str],
    content: bytes | None,
    *,
    secret: bool,
) -> HttpAnswer:
    try:
        return await ctx.http(
            call.method,
            call.url,
            headers=headers,
            query=_query(call.query),
            content=content,
            timeout_seconds=call.timeout_seconds,
            max_bytes=call.max_bytes,
            secret=secret,
        )
    except NodeError as error:
        if error.code == "too_large":
            error.field = "max_bytes"
        raise


def header_of(opened: OpenedCredential) -> tuple[str, str]:
    """Name and value of the header that a credential is sent as. Raises NodeError."""
    if opened.type == "basic":
        pair = f"{opened.settings['username']}:{opened.secret['password']}"
        return "Authorization", f"Basic {b64encode(pair.encode()).decode()}"
    if opened.type == "header":
        name, value = opened.settings["header"], opened.secret["value"]
    else:
        name, value = "Authorization", f"Bearer {opened.secret['token']}"
    if not (value.isascii() and value.isprintable()):
        # What cannot be sent would be told by an error in a form that nothing masks.
        message = f"The credential '{opened.name}' holds a character that no header can carry."
        raise NodeError("credential_unfit", f"{message} Enter it again.", field="credential")
    return name, value


def _key(key: str, part: str) -> str:
    return sha256(f"{key}/{part}".encode()).hexdigest()[:32] if part else key


def _query(query: Mapping[str, Any]) -> dict[str, str | list[str]]:
    pairs: dict[str, str | list[str]] = {}
    for name, value in query.items():
        if isinstance(value, list):
            pairs[name] = [text_of(item) for item in value]
        elif value is not None:
            pairs[name] = text_of(value)
    return pairs


def _headers(call: WebCall, content_type: str | None, key: str) -> dict[str, str]:
    """The author's headers, and those that are added where the author wrote none.

    A worker may die with a request in flight, which is then sent again: services that know
    `Idempotency-Key` do not act upon it twice.
    """
    added = {"Content-Type": content_type} if content_type else {}
    if not is_idempotent(call):
        added[KEY_HEADER] = key
    written = {name.lower() for name in call.headers}
    if call.body_type == "multipart" and "content-type" in written:
        message = "The header Content-Type of a form with files is set for you: remove it."
        raise NodeError("config_invalid", message, field="headers")
    headers = {name: value for name, value in added.items() if name.lower() not in written}
    for name, value in call.headers.items():
        if value or name.lower() != KEY_HEADER.lower():
            headers[name] = value
    return headers


def is_idempotent(call: WebCall) -> bool:
    """Whether the request may be sent twice: a lost answer may still have been acted upon."""
    return call.method in IDEMPOTENT


def request_seconds(config: Mapping[str, Any]) -> float | None:
    """Seconds that raw settings give the request; an expression may give it the most allowed.

    None where they say nothing, or what `WebCall` refuses.
    """
    return seconds_within(config.get("timeout_seconds"), MAX_SECONDS)


def seconds_within(value: Any, most: float) -> float | None:
    """A raw number of seconds above 0 and up to `most`, which an expression counts as."""
    if isinstance(value, str) and has_expression(value):
        return float(most)
    try:
        given = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return given if 0 < given <= most else None
