"""Proving by a provider who one is, for who is signed in and has nothing else to be asked for."""

from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.internal.flows.login import record_authentication
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse

from accounts.authentication.sign_ins import record_about

SOMEBODY_ELSE = (
    "That account at {provider} is not one by which you, {person}, sign in here. Choose the one "
    "that you sign in with; to change to the other one, sign out first."
)


def prove_again(request: HttpRequest, sociallogin: Any) -> None:
    """Write down that who is signed in was there just now; the session stays what it was.

    A sign-in would begin another one, and forget in which workspace they are. Of who has a
    password or a factor that is asked for, and not this.
    """
    user = request.user
    if not user.is_authenticated or not get_adapter(request).cannot_be_asked(user):
        return
    provider = sociallogin.provider
    if sociallogin.user != user:
        reason = "It is not the account that is signed in."
        record_about(user, "sign_in.refused", by=None, reason=reason, **{"with": provider.sub_id})
        said = SOMEBODY_ELSE.format(provider=provider.name, person=user.email)
        messages.error(request, said)
        onwards = urlencode({"next": sociallogin.get_redirect_url(request) or reverse("you")})
        raise ImmediateHttpResponse(redirect(f"{reverse('you-again')}?{onwards}"))
    record_authentication(request, sociallogin)
