"""What pages about accounts ask: who may make one, and whether mail reaches people."""

from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse

from accounts import passkeys
from accounts.connections import Connection, connections_of
from accounts.signing_up import SignupMode, signup_mode

register = template.Library()


@register.simple_tag
def who_may_sign_up() -> SignupMode:
    """As FLUX_SIGNUP says: open, invitation or closed."""
    return signup_mode()


@register.simple_tag
def mail_reaches_people() -> bool:
    """Whether links by mail arrive at all."""
    return bool(settings.FLUX_MAIL_REACHES_PEOPLE)


@register.simple_tag(takes_context=True)
def passkeys_work(context: dict[str, Any]) -> bool:
    """Whether the browser would use a passkey at this address."""
    return passkeys.passkeys_work(context["request"])


@register.simple_tag
def sign_in_providers() -> list[dict[str, str]]:
    """Those that are configured: name and the address to begin at."""
    return [
        {
            "name": provider.name,
            "url": reverse("oidc_login", args=[provider.key])
            if provider.server_url
            else reverse("github_login"),
        }
        for provider in settings.FLUX_PROVIDERS
        if provider.is_configured
    ]


@register.simple_tag
def public_address() -> str:
    """Where people reach this installation."""
    return str(settings.FLUX_PUBLIC_URL)


@register.simple_tag(takes_context=True)
def own_connections(context: dict[str, Any]) -> list[Connection]:
    """Accounts elsewhere of who is signed in."""
    return connections_of(context["request"].user)
