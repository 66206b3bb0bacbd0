"""How often an address may try a door that nobody has to sign in for, and fail; and how many
invitations are mailed.

Who comes with what is right is never held up: only wrong keys, dead links and refusals count.
allauth counts sign-ins, sign-ups and resets by itself (`ACCOUNT_RATE_LIMITS`), in the cache, under
a lock of its own.
"""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from hashlib import sha256
from math import ceil
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string

from accounts.addresses import network_of
from accounts.counting import count_once_more

#: Door → how often within a second, minute, hour or day; FLUX_RATE_LIMITS changes single ones.
DEFAULTS = {
    # Wrong, revoked and expired API keys.
    "api_key": "60/m",
    # Links of mails that work no more, or never did.
    "approval_link": "30/m",
    "setup_link": "30/m",
    "invitation": "30/m",
    # Sign-ins with Google, GitHub and the like: those that begin, and those that fail.
    "provider": "30/m",
    # One's own data as a file; the password asked before an account is deleted, by person: each.
    "own_data": "10/h",
    "own_password": "10/m",
    # Events that say of somebody that it was too often: whoever goes on fills no trail.
    "own_password_told": "1/h",
    # Invitations that are mailed: by a person in a workspace, from a workspace to an address, and
    # to an address from everybody.
    "invitations": "50/h",
    "invited_address": "1/m",
    "invited_address_daily": "5/d",
    # Sockets that lead nowhere.
    "socket": "60/m",
    # The Temporal UI's questions without an operator behind them.
    "codec": "60/m",
}
_RATE = re.compile(r"([1-9][0-9]{0,6})/([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
SAID = "Too many tries that failed from this address. Wait {wait} seconds and try again."
SAID_OF_PERSON = "Too many tries with your account. Wait {wait} seconds and try again."


class RateInvalid(ValueError):
    """A limit that cannot be read."""


def rate(door: str) -> tuple[int, int]:
    """Tries, and the seconds in which they may be made. Raises RateInvalid."""
    written = str(settings.FLUX_RATE_LIMITS.get(door, DEFAULTS[door]))
    found = _RATE.fullmatch(written)
    if found is None:
        raise RateInvalid(f"'{written}' is no limit for {door}: write 60/m, 5/s, 1000/h or 5/d.")
    return int(found[1]), _SECONDS[found[2]]


def failed(door: str, meta: Mapping[str, Any]) -> int:
    """Count a try that failed, by a request's META.

    The seconds to wait where there were too many, else 0.
    """
    return counted(door, network_of(meta))


def counted(door: str, who: str) -> int:
    """Count one more of somebody; the seconds to wait where there were too many, else 0."""
    tries, seconds = rate(door)
    # A digest: the row says of nobody that they were here.
    key = UUID(bytes=sha256(f"{door}:{who}".encode()).digest()[:16])
    count, left = count_once_more(key, most=tries, seconds=seconds)
    return max(1, ceil(left)) if count > tries else 0


def counts_failures(door: str, *statuses: int) -> Callable[..., Any]:
    """A view whose answers with these statuses count; beyond the limit they become 429."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            response = view(request, *args, **kwargs)
            if response.status_code in statuses and (wait := failed(door, request.META)):
                return too_many(request, wait)
            return response

        return limited

    return decorate


def too_many(request: HttpRequest, wait: int, said: str = SAID) -> HttpResponse:
    """429 as a page that says when to come again."""
    return HttpResponse(
        render_to_string("429.html", {"said": said.format(wait=wait)}, request),
        status=429,
        headers={"Retry-After": str(wait), "Cache-Control": "no-store"},
    )
