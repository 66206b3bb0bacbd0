"""Every write of the files app: store and delete files.

The way of new bytes: a Leftover says that they may be there, then they are stored, then one
transaction writes the file and takes the Leftover away. Whatever breaks off in between, a sweep
(sweeps.py) finds what is left. Bytes never go through PostgreSQL.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import IO
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.ids import new_id
from accounts.operators.plans import limits_of
from accounts.permissions import Actor
from accounts.services import audit
from execution.files.errors import FileRefused
from execution.files.models import File, Leftover
from execution.files.queries import stored_bytes
from execution.files.storage import drop_bytes, save_bytes, size_and_digest
from flows.engine.file_names import label_of
from flows.engine.media_types import HEAD, media_type_of
from flows.models import Flow
from flows.sharing import require_on

__all__ = ["FileRefused", "Made", "delete_file", "store_file"]
#: How long bytes may be on their way before they count as left behind.
ON_THE_WAY = timedelta(days=1)


@dataclass(frozen=True)
class Made:
    """What made a file that is no upload: a node of a run."""

    run_id: UUID
    node: str
    flow_id: UUID


def store_file(
    actor: Actor,
    name: str,
    content: IO[bytes],
    *,
    media_type: str = "",
    origin: str | None = None,
    made: Made | None = None,
    keep_days: int | None = None,
) -> File:
    """Store a file. Its name is a label; its kind is told by its bytes before `media_type`.

    A file of the same `origin` (within the workspace) is replaced and keeps its id. `keep_days`:
    None as FLUX_FILES_KEEP_DAYS says, 0 for ever. Uploads are audited; what runs made names its
    run. Raises FileRefused, PermissionRefused.
    """
    actor.require("file.write")
    size, digest = size_and_digest(content, settings.FLUX_FILE_MAX_BYTES)
    label = label_of(name)
    kind = _kind(label, content, media_type)
    same = origin and File.objects.there().filter(
        workspace_id=actor.workspace_id, origin=origin, sha256=digest, name=label
    )
    if same and (found := same.first()):
        return found
    _check_room(actor.workspace_id, size, origin)
    now = timezone.now()
    file = File(
        workspace_id=actor.workspace_id,
        name=label,
        media_type=kind,
        size=size,
        sha256=digest,
        key=f"{actor.workspace_id}/{now:%Y-%m}/{new_id()}",
        origin=origin,
        run_id=made.run_id if made else None,
        flow_id=made.flow_id if made else None,
        node=made.node if made else "",
        created_by_id=actor.user_id,
        api_key_id=actor.api_key_id,
        created_at=now,
        expires_at=_expiry(now, keep_days),
    )
    Leftover.objects.create(key=file.key, due_at=now + ON_THE_WAY)
    try:
        save_bytes(file.key, content)
        return _write(actor, file)
    except BaseException:
        drop_leftover(file.key)
        raise


def _write(actor: Actor, file: File) -> File:
    """The row, in the place of an earlier one of its origin."""
    with transaction.atomic():
        _hold(file.workspace_id)
        _check_room(file.workspace_id, file.size, file.origin)
        if not Leftover.objects.filter(key=file.key).delete()[0]:
            raise FileRefused("file_storage_unavailable", "Storing took over a day. Try again.")
        before = file.origin and File.objects.filter(
            workspace_id=file.workspace_id, origin=file.origin
        )
        if before and (earlier := before.values_list("id", flat=True).first()):
            file.id = earlier
            file.save(force_update=True)
        else:
            file.save(force_insert=True)
        if file.run_id is None:
            audit(actor, "file.upload", file, name=file.name, size=file.size)
    return file


def _hold(workspace_id: UUID) -> None:
    """One after the other within a workspace: what is there is counted and added to at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 5))", [str(workspace_id)])


def _check_room(workspace_id: UUID, size: int, origin: str | None) -> None:
    limit = settings.FLUX_FILES_MAX_TOTAL_BYTES
    of_plan = limits_of(workspace_id).max_file_bytes
    if of_plan is not None:
        limit = min(limit, of_plan)
    if stored_bytes(workspace_id, besides=origin) + size > limit:
        message = (
            f"The files of this workspace would have over {limit:,} bytes together, which is the "
            "limit. Delete some, or ask an operator for more room."
        )
        raise FileRefused("storage_full", message)


def _kind(label: str, content: IO[bytes], media_type: str) -> str:
    head = content.read(HEAD)
    content.seek(0)
    kind = media_type_of(label, head, media_type)
    allowed = settings.FLUX_FILES_ALLOWED_TYPES
    if allowed and not any(fnmatchcase(kind, pattern) for pattern in allowed):
        message = (
            f"'{label[:80]}' is of the type {kind}, which is not stored here. Allowed are: "
            f"{', '.join(allowed)}."
        )
        raise FileRefused("file_type_refused", message)
    return kind


def _expiry(now: datetime, keep_days: int | None) -> datetime | None:
    days = settings.FLUX_FILES_KEEP_DAYS if keep_days is None else keep_days
    return now + timedelta(days=days) if days else None


def delete_file(actor: Actor, file: File) -> None:
    """Delete a file; its bytes go at once, or with the next sweep where the storage is away.

    What runs of a flow made is deleted by who may with that flow. Raises PermissionRefused.
    """
    flow = Flow.objects.filter(id=file.flow_id).first() if file.flow_id else None
    if flow is None:
        actor.require("file.delete")
    else:
        require_on(actor, "file.delete", flow)
    with transaction.atomic():
        audit(actor, "file.delete", file, name=file.name, size=file.size)
        File.objects.filter(id=file.id).delete()
    drop_leftover(file.key)


def drop_leftover(key: str) -> bool:
    """Drop bytes that no file stands for, and what says so; False where it has to wait."""
    if not drop_bytes(key):
        Leftover.objects.filter(key=key).update(due_at=timezone.now() + timedelta(minutes=10))
        return False
    Leftover.objects.filter(key=key).delete()
    return True
