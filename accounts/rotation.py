"""Changing keys: stored secrets are sealed anew, in batches, while everything runs."""

from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from accounts.models import Credential
from accounts.vault import SecretUnreadable, seal, unseal

BATCH = 200


@dataclass
class Rotation:
    """How a rotation went; `unreadable` names credentials and says why."""

    rotated: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_secrets() -> Rotation:
    """Seal every credential with the newest key. What cannot be read is left as it is."""
    outcome = Rotation()
    ids = list(Credential.objects.order_by("id").values_list("id", flat=True))
    for start in range(0, len(ids), BATCH):
        with transaction.atomic():
            _rotate_batch(ids[start : start + BATCH], outcome)
    return outcome


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
