"""Headers that every answer has, whatever made it: pages, files, errors, calls with a key."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.csp import build_policy
from django.utils.decorators import sync_and_async_middleware

#: What pages may use of a browser's powers: none of what asks a person or reads a device.
PERMISSIONS_POLICY = ", ".join(
    f"{power}=()"
    for power in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
        "xr-spatial-tracking",
    )
)
_POLICY: dict[str, list[str]] = settings.SECURE_CSP
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    # A page of another origin cannot draw our answers in, as pictures or scripts.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS_POLICY,
    "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": settings.X_FRAME_OPTIONS,
}


def set_headers(response: HttpResponseBase) -> HttpResponseBase:
    """Adds what is missing; a view's or Django's own choice stays."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if "Content-Security-Policy" not in response.headers:
        response.headers["Content-Security-Policy"] = build_policy(_POLICY)
    return response


@sync_and_async_middleware
def security_headers(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """The outermost middleware: it sees also what other middlewares and handlers answer."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            return set_headers(await get_response(request))

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        return set_headers(get_response(request))

    return at_once
