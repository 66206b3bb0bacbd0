"""Passkeys: to which name they are bound, and where browsers make them at all."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

LOCALHOST = "localhost"


def relying_party(request: HttpRequest) -> str:
    """The host that passkeys are bound to (WebAuthn's RP ID): that of FLUX_PUBLIC_URL.

    On one's own machine that is an address, for which browsers make none; who comes to
    http://localhost gets theirs for that name.
    """
    host = urlsplit(settings.FLUX_PUBLIC_URL).hostname or ""
    asked = urlsplit(f"//{request.get_host()}").hostname or ""
    return LOCALHOST if asked == LOCALHOST and _is_loopback(host) else host


def passkeys_work(request: HttpRequest) -> bool:
    """Whether a browser would make or use one here: a name, over https or on one's own machine."""
    host = relying_party(request)
    asked = urlsplit(f"//{request.get_host()}").hostname or ""
    if _is_address(host) or asked != host:
        return False
    return request.is_secure() or host == LOCALHOST or host.endswith(f".{LOCALHOST}")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == LOCALHOST or (_is_address(host) and ip_address(host).is_loopback)
