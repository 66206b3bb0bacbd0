"""A form that leads to another site does so by a page in between.

The policy of our pages lets forms go to ourselves only, and browsers hold every redirect behind a
form to it: also those of the other site, which nobody can list. A page that leads on is no form.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

_REDIRECTS = (301, 302, 303, 307, 308)


def leaving(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: answers to forms that redirect to another site become a page that leads there."""

    def led(request: HttpRequest) -> Any:
        return lead_on(request, get_response(request))

    return led


def lead_on(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The answer itself, or the page that leads to where it would have redirected."""
    if request.method != "POST" or response.status_code not in _REDIRECTS:
        return response
    target = urlsplit(response.headers.get("Location", ""))
    if target.scheme not in ("http", "https") or target.netloc in ("", request.get_host()):
        return response
    page = render(
        request, "accounts/leaving.html", {"target": target.geturl(), "site": target.netloc}
    )
    page.headers["Cache-Control"] = "no-store"
    page.cookies.update(response.cookies)  # type: ignore[attr-defined]
    return page
