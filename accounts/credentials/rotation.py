"""Changing keys: stored secrets are sealed anew, in batches, while everything runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.credentials.vault import SecretUnreadable, open_text, seal, seal_text, unseal
from accounts.models import AccessToken, Credential

BATCH = 200


@dataclass
class Rotation:
    """How a rotation went; `unreadable` names credentials and says why."""

    rotated: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_secrets() -> Rotation:
    """Seal every stored secret with the newest key. What cannot be read is left as it is."""
    outcome = Rotation()
    _in_batches(Credential, _rotate_batch, outcome)
    _in_batches(AccessToken, _rotate_tokens, outcome)
    _in_batches(Authenticator, _rotate_factors, outcome)
    return outcome


def _in_batches(
    model: Any, rotate: Callable[[list[Any], Rotation], None], outcome: Rotation
) -> None:
    ids = list(model.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), BATCH):
        with transaction.atomic():
            rotate(ids[start : start + BATCH], outcome)


def _rotate_batch(ids: list[UUID], outcome: Rotation) -> None:
    # Locked: a secret that somebody replaces meanwhile must not be undone.
    rows = Credential.objects.select_for_update(of=("self",)).select_related("workspace")
    changed = []
    for row in rows.filter(id__in=ids):
        try:
            row.secret = seal(row.workspace_id, unseal(row.workspace_id, row.secret))
        except SecretUnreadable as error:
            outcome.unreadable.append(
                f"'{row.name}' of workspace {row.workspace.slug}: {error.message}"
            )
        else:
            changed.append(row)
    Credential.objects.bulk_update(changed, ["secret"])
    outcome.rotated += len(changed)


def _rotate_tokens(ids: list[UUID], outcome: Rotation) -> None:
    """Access tokens, which are fetched anew where they cannot be read: they just go."""
    rows = AccessToken.objects.select_for_update(of=("self",)).select_related("credential")
    for row in rows.filter(pk__in=ids, secret__isnull=False):
        workspace = row.credential.workspace_id
        try:
            row.secret = seal(workspace, unseal(workspace, row.secret or b""))
        except SecretUnreadable:
            row.delete()
        else:
            row.save(update_fields=["secret"])


def _rotate_factors(ids: list[int], outcome: Rotation) -> None:
    rows = Authenticator.objects.select_for_update(of=("self",)).select_related("user")
    for row in rows.filter(id__in=ids):
        try:
            data = {name: _sealed_anew(name, value) for name, value in row.data.items()}
        except SecretUnreadable as error:
            outcome.unreadable.append(f"second factor of {row.user.email}: {error.message}")
            continue
        if data != row.data:
            row.data = data
            row.save(update_fields=["data"])
            outcome.rotated += 1


def _sealed_anew(name: str, value: Any) -> Any:
    """The parts of an authenticator's data that allauth stores encrypted."""
    if name in ("secret", "seed"):
        return seal_text(open_text(value))
    if name == "migrated_codes":
        return [seal_text(open_text(code)) for code in value]
    return value
