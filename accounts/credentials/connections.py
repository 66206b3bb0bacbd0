"""A credential that a person connected at its provider: what was given is kept, or given up."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.credentials.types import CONNECTION, end_connection
from accounts.credentials.vault import SecretUnreadable, seal, unseal
from accounts.errors import InvalidValue
from accounts.models import AccessToken, Credential
from accounts.permissions import Actor
from accounts.services import audit

_MOVED = (
    "The credential was changed while you were at the provider, so nothing was kept. Connect again."
)
_UNREADABLE = "What is stored cannot be read any more. Enter the client's secret again."


@dataclass(frozen=True)
class Connection:
    """What a provider gave: an access token for so many seconds, a refresh token or none, and as
    whom the person is known there, where it said so.
    """

    token: str = field(repr=False)
    seconds: int
    refresh: str = field(default="", repr=False)
    account: str = ""


def connect_credential(
    actor: Actor, credential: Credential, given: Connection, *, asked_with: dict[str, Any]
) -> Credential:
    """Keep what the provider gave in the place of what was there.

    `asked_with`: the settings that it was asked with; where they are others by now nothing is kept.
    Raises InvalidValue, PermissionRefused.
    """
    actor.require("credential.manage")
    now = timezone.now()
    until = now + timedelta(seconds=given.seconds)
    with transaction.atomic():
        row = Credential.objects.select_for_update().get(id=credential.id)
        if row.settings != asked_with:
            raise InvalidValue("grant", _MOVED)
        secret = _without_refresh(row)
        if given.refresh:
            secret["refresh_token"] = given.refresh
        row.secret = seal(row.workspace_id, secret)
        row.connected_at, row.connected_by_id = now, actor.user_id
        row.connected_as = " ".join(given.account.replace("\x00", "").split())[:200]
        row.connected_until = None if given.refresh else until
        row.save(update_fields=["secret", "updated_at", *CONNECTION])
        AccessToken.objects.update_or_create(
            credential=row,
            defaults={
                "secret": seal(row.workspace_id, {"access_token": given.token}),
                "expires_at": until - timedelta(seconds=min(60, given.seconds // 10)),
                "fetcher": None,
                "claimed_until": None,
            },
        )
        audit(actor, "credential.connect", row, account=row.connected_as)
    return row


def disconnect_credential(actor: Actor, credential: Credential) -> Credential:
    """Forget what the provider gave; the client's id and secret stay. Twice changes nothing."""
    actor.require("credential.manage")
    with transaction.atomic():
        row = Credential.objects.select_for_update().get(id=credential.id)
        if row.connected_at is None:
            return row
        row.secret = seal(row.workspace_id, _without_refresh(row))
        end_connection(row)
        row.save(update_fields=["secret", "updated_at", *CONNECTION])
        AccessToken.objects.filter(credential=row).delete()
        audit(actor, "credential.disconnect", row)
    return row


def _without_refresh(row: Credential) -> dict[str, Any]:
    try:
        secret = unseal(row.workspace_id, row.secret)
    except SecretUnreadable:
        raise InvalidValue("client_secret", _UNREADABLE) from None
    return {name: value for name, value in secret.items() if name != "refresh_token"}
