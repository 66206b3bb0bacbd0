"""Changes of a stored credential, all in one."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts import hooks, services
from accounts.errors import InvalidValue
from accounts.models import Credential
from accounts.permissions import Actor


def change_credential(
    actor: Actor,
    credential: Credential,
    *,
    name: str | None = None,
    values: Mapping[str, Any] | None = None,
    limits: Mapping[str, int | None] | None = None,
) -> Credential:
    """Rename it, change its fields, set its limits: all of what is given, or nothing.

    A secret field that is left out keeps its value. Raises InvalidValue, PermissionRefused.
    """
    actor.require("credential.manage")
    with transaction.atomic():
        row = Credential.objects.select_for_update().get(id=credential.id)
        if name is not None and (name := services.key_name(name)) != row.name:
            _rename(actor, row, name)
        if values is not None:
            services.replace_secret(actor, row, values)
        if limits and any(getattr(row, limit) != value for limit, value in limits.items()):
            services.limit_credential(
                actor,
                row,
                max_concurrent=limits.get("max_concurrent", row.max_concurrent),
                requests_per_minute=limits.get("requests_per_minute", row.requests_per_minute),
            )
    return row


def _rename(actor: Actor, row: Credential, name: str) -> None:
    """Flows that name it by its id do not mind; those that name it by its name would fail."""
    by_name = [use.flow_name for use in hooks.credential_uses(row) if use.by_name]
    if by_name:
        raise InvalidValue(
            "name",
            f"The flow '{by_name[0]}' names it '{row.name}' and would not find it any more. Change "
            "the flow first.",
        )
    if Credential.objects.filter(workspace_id=row.workspace_id, name=name).exists():
        raise InvalidValue("name", f"A credential named '{name}' exists already.")
    old, row.name = row.name, name
    row.save(update_fields=["name", "updated_at"])
    services.audit(actor, "credential.rename", row, name=name, before=old)
