"""Who comes by a provider to an account that never verified its address: let in, or told how."""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect

from accounts.authentication.claims import hand_over_unused
from accounts.authentication.sign_ins import record_about
from accounts.models import User

HANDED_OVER = (
    "Your account was waiting for its address to be verified, and {provider} has done that. A "
    "password that was chosen for it does not count, nor does another account that was connected: "
    "choose one or connect it under You if you want that."
)
_THERE_IS_ONE = (
    "There is an account with {email} already, which never verified that address, so that "
    "{provider} does not open it. "
)
_AS_BEFORE = (
    "Sign in to it as you did before, and connect {provider} there (You → Connected accounts). "
)
_NOT_YOURS = "Did you not make it? Ask an operator of this installation."


def open_or_refuse(request: HttpRequest, sociallogin: Any, email: str, holder: User) -> None:
    """Sign the owner of the address in to the account of `holder`, or turn them away with words.

    The provider has proved the address; the account has not, so that somebody else may be in it.
    No mail helps to verify it here: the owner would verify what is somebody else's account.
    """
    provider = sociallogin.provider
    if hand_over_unused(email, name=sociallogin.user.name, by=provider.sub_id):
        sociallogin.lookup()
        messages.info(request, HANDED_OVER.format(provider=provider.name))
        return
    said_of_it = {"with": provider.sub_id, "reason": "their address is not verified"}
    record_about(holder, "sign_in.refused", by=None, **said_of_it)
    said = (_THERE_IS_ONE + _AS_BEFORE + _NOT_YOURS).format(email=email, provider=provider.name)
    messages.error(request, said)
    raise ImmediateHttpResponse(redirect("account_login"))
