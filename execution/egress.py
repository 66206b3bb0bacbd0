"""The one way out: every call of a node, a provider or a callback to a host goes through here."""

import asyncio
import ssl
from collections.abc import Mapping

import httpx2

from execution.egress_addresses import is_public, literal, origin_entry
from execution.egress_transport import (
    AllowList,
    GuardedTransport,
    check_url,
    close_connections,
    resolve_host,
    shared_transport,
)
from flows.engine.errors import NodeError
from flows.engine.node_type import HttpAnswer

__all__ = [
    "AllowList",
    "GuardedTransport",
    "check_private",
    "close_connections",
    "failure",
    "fetch",
    "guarded_client",
    "origin_entry",
    "shared_transport",
]

CONNECT_SECONDS = 10.0
MAX_REDIRECTS = 5
USER_AGENT = "FluxPrompt"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Set by the client itself; a caller who sets them could make two readers of a request disagree.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade"})
#: What goes along to another origin on a redirect; keys travel in headers of any name.
_HARMLESS_HEADERS = frozenset({"accept", "accept-encoding", "accept-language", "user-agent"})
_ABOUT_CONTENT = frozenset({"content-type", "content-encoding", "content-language"})


def guarded_client(
    *, also_allowed: tuple[str, ...] = (), read_seconds: float = 600
) -> httpx2.AsyncClient:
    """A client for an SDK's `http_client=`; `also_allowed` is for what the operator configured."""
    return httpx2.AsyncClient(
        transport=shared_transport(also_allowed),
        timeout=httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS),
        trust_env=False,
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
    )


async def fetch(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str | list[str]] | None = None,
    content: bytes | None = None,
    timeout_seconds: float = 30,
    max_bytes: int = 50_000_000,
    secret: bool = False,
    follow: bool = True,
) -> HttpAnswer:
    """One request and its redirects (without `follow` the first answer), read whole.

    Raises NodeError.

    Codes: url_invalid, header_invalid, address_refused, connection_failed, timeout, too_large,
    too_many_redirects, bad_answer, and where it holds a `secret` credential_in_clear.
    `timeout_seconds` is for all of it, redirects included.
    """
    request = _request(method, url, headers or {}, query, content)
    extensions = {
        "timeout": httpx2.Timeout(timeout_seconds, connect=CONNECT_SECONDS).as_dict(),
        "max_bytes": max_bytes,
    }
    transport = shared_transport()
    try:
        async with asyncio.timeout(timeout_seconds):
            if secret and request.url.scheme == "http":
                await check_private(request.url)
            for _ in range(MAX_REDIRECTS + 1):
                request.extensions.update(extensions)
                answer, following = await _exchange(transport, request, follow=follow)
                if answer is not None:
                    return answer
                assert following is not None
                request = following
    except TimeoutError as error:
        raise _timed_out(request.url.host, timeout_seconds) from error
    except httpx2.HTTPError as error:
        raise failure(error, request.url.host, timeout_seconds) from error
    raise NodeError(
        "too_many_redirects",
        f"'{request.url.host}' redirected more than {MAX_REDIRECTS} times; use the final address.",
        field="url",
    )


async def check_private(url: httpx2.URL) -> None:
    """Raises NodeError for an address beyond private networks, where anyone on the way reads along.

    On a redirect a secret goes to the same origin only, so that the first address says it all.
    """
    check_url(url)
    try:
        port = url.port or 80
        found = [url.host] if literal(url.host) else await resolve_host(url.host, port)
    except (OSError, UnicodeError):
        return  # the call itself tells that the host is not known
    if any((address := literal(one)) is None or is_public(address) for one in found):
        raise NodeError(
            "credential_in_clear",
            f"The credential was not sent: with http:// anyone on the way to '{url.host}' could "
            "read it. Use https://.",
            field="url",
        )


def _request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    query: Mapping[str, str | list[str]] | None,
    content: bytes | None,
) -> httpx2.Request:
    method = method.upper()
    if method not in _METHODS:
        raise NodeError(
            "method_invalid", f"'{method}' is no method; use one of {', '.join(sorted(_METHODS))}."
        )
    sent = httpx2.Headers({"user-agent": USER_AGENT, "accept": "*/*"})
    sent["accept-encoding"] = "gzip, deflate"
    for name, value in headers.items():
        if name.lower() in _OWN_HEADERS:
            raise NodeError(
                "header_invalid", f"Remove the header '{name}': it is set for you.", field="headers"
            )
        sent[name] = value
    try:
        address = httpx2.URL(url)
        if query:
            address = address.copy_merge_params(dict(query))
        return httpx2.Request(method, address, headers=sent, content=content)
    except (httpx2.InvalidURL, UnicodeError, ValueError) as error:
        raise NodeError("url_invalid", f"This is no web address: {error}", field="url") from error


async def _exchange(
    transport: GuardedTransport, request: httpx2.Request, *, follow: bool
) -> tuple[HttpAnswer | None, httpx2.Request | None]:
    """One request: its answer, or the request that its redirect asks for."""
    response = await transport.handle_async_request(request)
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    try:
        if follow and response.status_code in _REDIRECTS and "location" in response.headers:
            return None, _redirected(request, response)
        body = bytearray()
        if request.method != "HEAD":
            async for piece in response.stream:
                body += piece
    finally:
        await response.stream.aclose()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpAnswer(response.status_code, headers, bytes(body), str(request.url)), None


def _redirected(request: httpx2.Request, response: httpx2.Response) -> httpx2.Request:
    """The next request, as browsers do it (RFC 9110 §15.4): 303, and POST at 301/302, become GET.

    To another origin only harmless headers go along: a key may be in a header of any name.
    """
    try:
        url = request.url.join(response.headers["location"])
    except (httpx2.InvalidURL, ValueError) as error:
        raise NodeError("url_invalid", f"The redirect leads to no web address: {error}") from error
    method, content = request.method, request.content
    if (response.status_code == 303 and method != "HEAD") or (
        response.status_code in (301, 302) and method == "POST"
    ):
        method, content = "GET", b""
    kept = None if _origin(url) == _origin(request.url) else _HARMLESS_HEADERS
    headers = httpx2.Headers()
    for name, value in request.headers.items():
        if name in _OWN_HEADERS or (name in _ABOUT_CONTENT and not content):
            continue
        if kept is None or name in kept or name in _ABOUT_CONTENT:
            headers[name] = value
    return httpx2.Request(method, url, headers=headers, content=content or None)


def _origin(url: httpx2.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _timed_out(host: str, seconds: float) -> NodeError:
    return NodeError(
        "timeout",
        f"'{host}' did not answer in full within {seconds:g} seconds.",
        retryable=True,
        details={"host": host},
    )


def failure(error: httpx2.HTTPError, host: str, seconds: float) -> NodeError:
    """What a builder reads when a call to `host` failed on its way."""
    if isinstance(error, httpx2.TimeoutException):
        return _timed_out(host, seconds)
    if isinstance(error, httpx2.LocalProtocolError):
        return NodeError("header_invalid", f"The request cannot be sent: {error}.", field="headers")
    if isinstance(error, httpx2.RemoteProtocolError) and "too long" in str(error):
        return NodeError("too_large", f"The headers that '{host}' answered are too large.")
    if certificate := _certificate_error(error):
        return NodeError(
            "connection_failed",
            f"The certificate of '{host}' was not accepted: {certificate.verify_message}.",
            details={"host": host},
        )
    reason = f": {error}" if str(error) else ""
    return NodeError(
        "connection_failed",
        f"The call to '{host}' failed{reason}. Check the address and whether it is up.",
        retryable=True,
        details={"host": host},
    )


def _certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
