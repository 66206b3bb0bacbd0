"""From where the current request or command comes: what the audit trail writes beside who it is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings

BROWSER, OPERATOR, COMMAND, SYSTEM = "browser", "operator", "command", "system"
#: Entries of X-Forwarded-For that are read, from the last on: more proxies nobody has in a row.
MOST_PROXIES = 20


@dataclass(frozen=True)
class Origin:
    """`via`: browser, operator, command, system or the beginning of a key; `ip` where known."""

    via: str = SYSTEM
    ip: str | None = None


_NOBODY = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=_NOBODY)


def current_origin() -> Origin:
    """Where what happens now comes from; the system itself where nobody said."""
    return _origin.get()


def set_origin(origin: Origin) -> None:
    """From here on, in this context: what a request does comes from there."""
    _origin.set(origin)


@contextmanager
def acting(origin: Origin) -> Iterator[None]:
    """What is done inside comes from there."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


def client_ip(meta: Mapping[str, Any]) -> str | None:
    """The address of who calls; `meta` is a request's META.

    X-Forwarded-For counts only where it comes from a proxy of FLUX_TRUSTED_PROXIES, and from its
    end up to the first address that is none of them: what stands before it, anyone can have sent.
    """
    at = _address(str(meta.get("REMOTE_ADDR") or ""))
    if at is None or not _is_trusted(at):
        return str(at) if at else None
    hops = str(meta.get("HTTP_X_FORWARDED_FOR") or "").split(",")
    for hop in reversed(hops[-MOST_PROXIES:]):
        before = _address(hop)
        if before is None:
            break
        at = before
        if not _is_trusted(at):
            break
    return str(at)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _networks(tuple(settings.FLUX_TRUSTED_PROXIES)))


@lru_cache(maxsize=4)
def _networks(written: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(one, strict=False) for one in written)
