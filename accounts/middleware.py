"""Middleware of the accounts app: where a request of the site comes from."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from accounts.addresses import client_address
from accounts.audit.origin import BROWSER, OPERATOR, Origin, acting

#: Pages below it are the operators' own.
OPERATORS = "/admin/"


@sync_and_async_middleware
def origin(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Says that what the request does comes from a browser, or an operator's, at its address.

    Calls with a key are told by their authentication.
    """
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> Any:
            with acting(_origin_of(request)):
                return await get_response(request)

        return later

    def now(request: HttpRequest) -> Any:
        with acting(_origin_of(request)):
            return get_response(request)

    return now


def _origin_of(request: HttpRequest) -> Origin:
    via = OPERATOR if request.path.startswith(OPERATORS) else BROWSER
    return Origin(via, client_address(request.META) or None)
