"""Which addresses a workspace's calls may reach: public ones, and what the operator allows."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: IPv6 hands out public addresses from this block only (IANA's global unicast range).
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Networks that translate to IPv4: the address that counts is in the last 32 bits (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: Inside the public ranges but not public; named here because `is_global` differs by release.
_REFUSED = tuple(
    ipaddress.ip_network(block)
    for block in (
        "192.0.0.0/24",
        "168.63.129.16/32",  # Azure's machines get their settings and secrets here
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address of the sender's choice
        "3fff::/20",
    )
)
#: Clouds answer here with their machines' secrets; a host name on the allow list is not enough.
_METADATA = tuple(
    ipaddress.ip_network(block)
    for block in (
        *("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128"),
        *("100.100.100.200/32", "168.63.129.16/32"),
    )
)


def is_public(address: Address) -> bool:
    """Whether anyone on the internet may be at this address, and nothing nearer."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
        if address not in _GLOBAL_UNICAST:
            return False
    if any(address in network for network in _REFUSED):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def literal(host: str) -> Address | None:
    """The address a host spells out; None for a name (and for odd forms, which get resolved)."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


@dataclass(frozen=True)
class AllowList:
    """What else may be reached: `host`, `host:port`, an address, `[v6]:port` or a CIDR block."""

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[Network, int | None], ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "AllowList":
        """Raises ValueError that names the entry it cannot read."""
        names: set[tuple[str, int | None]] = set()
        networks: list[tuple[Network, int | None]] = []
        for entry in entries:
            host, port = _split(entry.strip())
            try:
                networks.append((ipaddress.ip_network(host, strict=False), port))
            except ValueError:
                if not host or "/" in host:
                    raise ValueError(
                        f"FLUX_ALLOW_HOSTS: cannot read {entry!r}; write host, host:port or a "
                        "network like 10.0.0.0/8, separated by commas."
                    ) from None
                names.add((host, port))
        return cls(frozenset(names), tuple(networks))

    def admits(self, host: str, port: int, address: Address) -> bool:
        """Whether this address of this host may be reached though it is not public."""
        inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        for network, allowed_port in self.networks:
            if allowed_port in (None, port) and (inner or address) in network:
                return True
        if any((inner or address) in network for network in _METADATA):
            return False
        name = _plain(host)
        return (name, None) in self.names or (name, port) in self.names


def _split(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]")
        port = port.removeprefix(":")
    elif entry.count(":") == 1:
        host, _, port = entry.partition(":")
    else:
        host, port = entry, ""
    if port and not port.isdecimal():
        raise ValueError(f"FLUX_ALLOW_HOSTS: {port!r} in {entry!r} is no port number.")
    return _plain(host), int(port) if port else None


def origin_entry(url: str) -> str:
    """The allow-list entry for one URL that the operator configured: its host and port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
