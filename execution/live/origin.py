"""Sockets are for our own pages: a page of another origin gets none, on whatever port it is."""

from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host


def same_origin_only(application: Any) -> Any:
    """The ASGI application, behind a check that the page and the socket share host and port.

    A cookie knows no ports, and a browser sends it along to a socket of any page's wish.
    """

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        chosen = application if _is_ours(scope) else WebsocketDenier()
        await chosen(scope, receive, send)

    return guarded


def _is_ours(scope: dict[str, Any]) -> bool:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get(b"host", "").lower()
    try:
        origin = urlsplit(headers.get(b"origin", "")).netloc.lower()
    except ValueError:
        return False
    known = validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)
    return bool(host) and origin == host and known
