"""Connections to vetted addresses only: the guard below every call that leaves.

A host is resolved once, each of its addresses is vetted, and the connection goes to a vetted
address, so that a name which changes its answer gains nothing. TLS still checks the host's name.
No proxy is read from the environment: a proxy would resolve the name again, unvetted.
"""

import asyncio
import functools
import re
import socket
import ssl
import weakref
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpcore2
import httpx2
from django.conf import settings

from execution.egress_addresses import AllowList, is_public, literal
from execution.egress_decoding import BoundedStream
from execution.egress_streams import ProbedStream
from flows.engine.errors import NodeError

type Resolve = Callable[[str, int], Awaitable[list[str]]]

#: Answers through `guarded_client`, which has no limit of its own (bytes).
CLIENT_MAX_BYTES = 100_000_000
MAX_URL_CHARACTERS = 8_192
#: What an escaped or scoped host holds; no public host needs one.
_NO_HOST = re.compile(r"[\s%/\\@]")
_CONNECTIONS = httpx2.Limits(
    max_connections=500, max_keepalive_connections=100, keepalive_expiry=30
)


#: Threads of their own: a name server that does not answer holds one for half a minute, and
#: nothing else of the process may wait for that.
_resolvers = ThreadPoolExecutor(64, thread_name_prefix="resolve")


async def resolve_host(host: str, port: int) -> list[str]:
    """Addresses of a host by the system's resolver. Raises socket.gaierror."""
    loop = asyncio.get_running_loop()
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await loop.run_in_executor(_resolvers, look_up)
    return list(dict.fromkeys(str(answer[4][0]) for answer in found))


def is_own(address: str) -> bool:
    """Whether this machine has the address: only then a socket can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections to vetted addresses only."""

    def __init__(self, allowed: AllowList, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self.vetted(host, port)
                return ProbedStream(await self._connect(addresses, port, timeout))
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"no connection to {host} in {timeout} s") from error

    async def vetted(self, host: str, port: int) -> list[str]:
        """The host's addresses, all of which may be reached. Raises NodeError, ConnectError."""
        try:
            found = [host] if literal(host) else await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"the host {host} is not known") from error
        if not found:
            raise httpcore2.ConnectError(f"the host {host} has no address")
        for text in found:
            address = literal(text)
            if address is None or not (
                (is_public(address) and not is_own(text))
                or self._allowed.admits(host, port, address)
            ):
                raise refused(host, port)
        return found

    async def _connect(
        self, addresses: list[str], port: int, timeout: float | None
    ) -> httpcore2.AsyncNetworkStream:
        share = timeout / len(addresses) if timeout else None
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout=share)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue  # the host's next address; the last one's error is the one to tell
        return await self._inner.connect_tcp(addresses[-1], port, timeout=share)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise refused(path, 0)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def refused(host: str, port: int) -> NodeError:
    # The address found is not told: it would map the operator's network to whoever asks.
    return NodeError(
        "address_refused",
        f"'{host}' is not at a public address, so it was not called. The operator of this "
        f"installation can allow it with FLUX_ALLOW_HOSTS={host}:{port}.",
        field="url",
        details={"host": host},
    )


@functools.cache
def _trust() -> ssl.SSLContext:
    """The operating system's trusted authorities (or SSL_CERT_FILE); slow to load, so kept."""
    return httpx2.create_ssl_context()


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """httpx2's transport over guarded connections, with answers bounded in size.

    `request.extensions["max_bytes"]` lowers or raises the bound for one request.
    """

    def __init__(
        self,
        allowed: AllowList | None = None,
        *,
        resolve: Resolve = resolve_host,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        trust = trust or _trust()
        super().__init__(verify=trust, trust_env=False)
        # httpx2 has no argument for this; the version is pinned and test_egress.py would notice.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=trust,
            max_connections=_CONNECTIONS.max_connections,
            max_keepalive_connections=_CONNECTIONS.max_keepalive_connections,
            keepalive_expiry=_CONNECTIONS.keepalive_expiry,
            network_backend=GuardedBackend(allowed or AllowList(), resolve),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        check_url(request.url)
        response = await super().handle_async_request(request)
        max_bytes = request.extensions.get("max_bytes", CLIENT_MAX_BYTES)
        inner = response.stream
        assert isinstance(inner, httpx2.AsyncByteStream)
        try:
            response.stream = BoundedStream(inner, response.headers, max_bytes)
        except NodeError:
            await inner.aclose()
            raise
        # The body is plain from here on; a client must not decode it again.
        if response.headers.pop("content-encoding", None):
            response.headers.pop("content-length", None)
        return response

    async def aclose(self) -> None:
        """Left open: clients come and go, the connections are shared. See `close`."""

    async def close(self) -> None:
        await super().aclose()


def check_url(url: httpx2.URL) -> None:
    """Raises NodeError `url_invalid` for what is never called."""
    problem = ""
    if url.scheme not in ("http", "https"):
        problem = f"'{url.scheme or 'no scheme'}' cannot be called; begin with https:// or http://."
    elif not url.host:
        problem = "The address has no host."
    elif _NO_HOST.search(url.host) or not 0 < (80 if url.port is None else url.port) < 65_536:
        problem = f"'{url.netloc.decode()[:100]}' is no host with a port from 1 to 65535."
    elif url.userinfo:
        problem = "A user or password in the address is not sent; use a credential."
    elif len(str(url)) > MAX_URL_CHARACTERS:
        problem = f"The address is longer than {MAX_URL_CHARACTERS} characters."
    if problem:
        raise NodeError("url_invalid", problem, field="url")


type _PerLoop = dict[tuple[str, ...], GuardedTransport]
_transports: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _PerLoop] = (
    weakref.WeakKeyDictionary()
)


def shared_transport(also_allowed: tuple[str, ...] = ()) -> GuardedTransport:
    """The running loop's transport for these allowances; its connections are re-used.

    One transport per set of allowances: a connection that one may make must not be found in
    the pool by another that may not.
    """
    entries = (*settings.FLUX_ALLOW_HOSTS, *also_allowed)
    per_loop = _transports.setdefault(asyncio.get_running_loop(), {})
    transport = per_loop.get(entries)
    if transport is None:
        transport = per_loop[entries] = GuardedTransport(allow_list(also_allowed))
    return transport


def allow_list(also_allowed: tuple[str, ...] = ()) -> AllowList:
    """What the operator allows. Raises NodeError `configuration_invalid`."""
    try:
        return AllowList.parse((*settings.FLUX_ALLOW_HOSTS, *also_allowed))
    except ValueError as error:
        raise NodeError("configuration_invalid", str(error)) from error


async def close_connections() -> None:
    """Closes what the running loop keeps open; for the end of a process or a test."""
    for transport in _transports.pop(asyncio.get_running_loop(), {}).values():
        await transport.close()
