"""Changes of API keys after they were made."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.db import transaction

from accounts.keys.rules import KeyLimits, checked, granted
from accounts.models import ApiKey
from accounts.permissions import Actor
from accounts.services import audit, key_name

LIMITS = tuple(field.name for field in fields(KeyLimits))
CHANGEABLE = ("name", "scopes", *LIMITS)


def update_api_key(actor: Actor, key: ApiKey, changes: Mapping[str, Any]) -> ApiKey:
    """Change what `changes` names of CHANGEABLE; scopes only become fewer.

    It counts from the next call on. Raises InvalidValue, PermissionRefused.
    """
    actor.require("key.manage")
    with transaction.atomic():
        row = ApiKey.objects.select_for_update().get(id=key.id)
        before = {name: getattr(row, name) for name in CHANGEABLE}
        wanted = {**before, **{name: changes[name] for name in CHANGEABLE if name in changes}}
        limits = {name: wanted[name] for name in LIMITS}
        if any(limits[name] != before[name] for name in LIMITS):
            _check_changed(actor, limits, before)
        row.name = key_name(wanted["name"])
        row.scopes = granted(actor, wanted["scopes"], before["scopes"])
        for name in LIMITS:
            setattr(row, name, limits[name])
        changed = [name for name in CHANGEABLE if getattr(row, name) != before[name]]
        if changed:
            row.save(update_fields=changed)
            said = {name: _plain(getattr(row, name)) for name in changed}
            audit(actor, "key.change", row, prefix=row.prefix, changes=said)
    return row


def _check_changed(actor: Actor, limits: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """An expiry that stays as it is may be over by now."""
    kept = dict(limits)
    if limits["expires_at"] == before["expires_at"] and actor.api_key_id is None:
        kept["expires_at"] = None
    checked(actor, KeyLimits(**kept))


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | list | None) else str(value)
