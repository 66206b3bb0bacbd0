"""From which address somebody calls, also behind proxies."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

from django.conf import settings

#: Proxies one behind the other that are looked through; who sends more is no proxy of ours.
MOST_PROXIES = 10


def client_address(meta: Mapping[str, Any]) -> str:
    """The caller's address by a request's META; empty where the server was not told one.

    `X-Forwarded-For` counts only where it comes from a proxy of FLUX_TRUSTED_PROXIES, and from its
    end up to the first address that is none of them: what is before it anybody can have sent.
    """
    at = _address(str(meta.get("REMOTE_ADDR") or ""))
    if at is None or not _is_trusted(at):
        return str(at or "")
    hops = str(meta.get("HTTP_X_FORWARDED_FOR") or "").split(",")
    for hop in reversed(hops[-MOST_PROXIES:]):
        before = _address(hop)
        if before is None:
            break
        at = before
        if not _is_trusted(at):
            break
    return str(at)


def network_of(meta: Mapping[str, Any]) -> str:
    """What limits count by, of a request's META: the address, of IPv6 the whole /64 of a caller."""
    at = _address(client_address(meta))
    if isinstance(at, IPv6Address):
        return str(ip_network((at, 64), strict=False))
    return str(at or "")


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
