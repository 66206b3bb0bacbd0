"""Who has no password and no factor proves who they are by a new sign-in."""

from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.account.utils import get_next_redirect_url
from allauth.account.views import password_set
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe


@never_cache
@require_safe
def again(request: Any) -> HttpResponse:
    """The ways to sign in once more, and on to where they were.

    What they had sent is asked for anew: a page that asks for a password would send it later.
    """
    request.session.pop(STATE_SESSION_KEY, None)
    onwards = get_next_redirect_url(request) or reverse("you")
    return render(request, "accounts/you/again.html", {"onwards": onwards})


@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def set_password(request: Any) -> HttpResponseBase:
    """A first password, by who is there now: with it a stolen session would become an account.

    allauth keeps what was sent until they are back; a password has no place in a session.
    """
    if request.user.has_usable_password():
        return redirect("account_change_password")
    try:
        answer: HttpResponseBase = _fresh_password_set(request)
    except ReauthenticationRequired:
        first = get_adapter(request).get_reauthentication_methods(request.user)[0]
        answer = redirect(f"{first['url']}?{urlencode({'next': request.path})}")
    return answer


_fresh_password_set = reauthentication_required(password_set)
