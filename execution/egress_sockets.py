"""Connections that speak no HTTP (databases, mail servers): to vetted addresses only, as all are.

The host is resolved once and the caller connects to what was vetted; TLS checks the host's name.
"""

import asyncio
import functools
import socket
import ssl

import httpcore2
import httpx2

from execution.egress_transport import GuardedBackend, allow_list, resolve_host
from flows.engine.errors import NodeError

CONNECT_SECONDS = 10.0
#: Where all such hosts come from: what an error names.
FIELD = "credential"


async def vetted_addresses(
    host: str, port: int, *, also_allowed: tuple[str, ...] = ()
) -> list[str]:
    """The host's addresses, each of which may be reached.

    Raises NodeError: address_refused, connection_failed, configuration_invalid.
    """
    backend = GuardedBackend(allow_list(also_allowed), resolve_host)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await backend.vetted(host, port)
    except NodeError as error:
        error.field = FIELD
        raise
    except (TimeoutError, httpcore2.ConnectError) as error:
        raise unreachable(host, port, "the host is not known") from error


async def open_socket(host: str, port: int, *, also_allowed: tuple[str, ...] = ()) -> socket.socket:
    """A connected socket that does not block. Raises NodeError as `vetted_addresses` does."""
    addresses = await vetted_addresses(host, port, also_allowed=also_allowed)
    reason = ""
    for address in addresses:
        try:
            return await _connected(address, port, CONNECT_SECONDS / len(addresses))
        except TimeoutError:
            reason = "it did not answer in time"
        except OSError as error:
            reason = error.strerror or type(error).__name__
    raise unreachable(host, port, reason)


async def _connected(address: str, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except BaseException:
        opened.close()
        raise
    return opened


def unreachable(host: str, port: int, reason: str) -> NodeError:
    """Nothing was sent yet, so trying again does nothing twice."""
    return NodeError(
        "connection_failed",
        f"The connection to '{host}' (port {port}) failed: {reason}. Check the credential's "
        "address and whether the server is up.",
        retryable=True,
        refused=True,
        field=FIELD,
        details={"host": host},
    )


def certificate_refused(host: str, reason: str) -> NodeError:
    return NodeError(
        "connection_failed",
        f"The certificate of '{host}' was not accepted: {reason}. Give the certificate authority "
        "in the credential if it is not a public one.",
        field=FIELD,
        details={"host": host},
    )


@functools.cache
def _public_trust() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def tls_context(authority: str = "", *, checked: bool = True) -> ssl.SSLContext:
    """Trusts the public authorities, or only `authority` (PEM); unchecked, anyone."""
    if checked and not authority:
        return _public_trust()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if checked:
        context.load_verify_locations(cadata=authority)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
