"""What pages about accounts ask: who may make one, and whether mail reaches people."""

from typing import Any

from django import template
from django.conf import settings
from django.template import RequestContext
from django.urls import reverse

from accounts.authentication import passkeys
from accounts.authentication.connections import Connection, connections_of
from accounts.authentication.signing_up import SignupMode, signup_mode
from accounts.members.joining import remembered
from accounts.models import User, Workspace
from accounts.web import find_member

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


@register.simple_tag(takes_context=True)
def workspace_here(context: RequestContext) -> Workspace | None:
    """The workspace that the frame of a page names; pages about no workspace are asked for it.

    Sets `request.workspaces`, of which the sidebar lets choose.
    """
    request: Any = context.get("request")
    if not isinstance(getattr(request, "user", None), User):
        return None
    if hasattr(request, "workspaces"):
        return getattr(request, "workspace", None)
    found = find_member(request)
    return None if found is None else found[0]


@register.inclusion_tag("accounts/_settings_tabs.html", takes_context=True)
def settings_tabs(context: RequestContext) -> dict[str, Any]:
    """The pages of a workspace's settings that the actor may open, and which of them this is."""
    request: Any = context["request"]
    tabs = [("settings", "Workspace"), ("members", "Members")]
    if request.actor.can("audit.read"):
        tabs.append(("audit", "Audit trail"))
    addresses = [(reverse(route), text) for route, text in tabs]
    # A form that is refused is shown at its own address, below that of its page.
    here = max((href for href, _ in addresses if request.path.startswith(href)), key=len)
    return {"tabs": addresses, "here": here}


@register.simple_tag(takes_context=True)
def invited_to(context: RequestContext) -> Workspace | None:
    """The workspace of the invitation that the visitor followed."""
    invitation = remembered(context["request"])
    return None if invitation is None else invitation.workspace
