"""Accounts elsewhere that a person signs in with, as they are shown to them."""

from dataclasses import dataclass

from django.conf import settings

from accounts.models import User


@dataclass(frozen=True)
class Connection:
    """One of them; `shown` is what it is called over there."""

    id: int
    provider: str
    shown: str


def connections_of(user: User) -> list[Connection]:
    """All of them, also those of a provider that is offered no more."""
    from allauth.socialaccount.models import SocialAccount

    names = {provider.key: provider.name for provider in settings.FLUX_PROVIDERS}
    rows = SocialAccount.objects.filter(user=user).order_by("provider", "pk")
    return [
        Connection(row.pk, names.get(row.provider, row.provider), _shown(row.extra_data))
        for row in rows
    ]


def _shown(told: object) -> str:
    said = told if isinstance(told, dict) else {}
    return str(said.get("email") or said.get("login") or said.get("name") or "")
