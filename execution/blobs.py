"""Stores large values: content-addressed within a workspace, in parts.

A connection keeps the room of the largest message it ever carried, and so does every connection of
a pool in turn. Parts keep that small, whatever the value's size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from accounts.ids import new_id
from execution.models import Blob, BlobPart
from flows.engine.errors import NodeError

#: Bytes of one part.
PART = 262_144
#: Parts that are read with one question.
TOGETHER = 8


@dataclass(frozen=True)
class NewBlob:
    """A blob to store: content and address."""

    digest: str
    kind: str
    data: bytes


def save_blobs(workspace_id: UUID | str, blobs: Sequence[NewBlob]) -> None:
    """Store blobs that are new to the workspace; equal content is stored once.

    Call inside `transaction.atomic()`: a blob is there with all its parts or not at all.
    """
    unique = {blob.digest: blob for blob in blobs}
    # In one order everywhere: two that store the same values at once never wait for each other.
    for _, blob in sorted(unique.items()):
        row = _claim(workspace_id, blob)
        if row is None:
            continue
        for number, start in enumerate(range(0, len(blob.data), PART)):
            part = BlobPart(blob_id=row, number=number, data=blob.data[start : start + PART])
            BlobPart.objects.bulk_create([part])


_CLAIM = """
INSERT INTO execution_blob (id, workspace_id, digest, kind, size, created_at)
VALUES (%s, %s, %s, %s, %s, now())
ON CONFLICT DO NOTHING RETURNING id
"""


def _claim(workspace_id: UUID | str, blob: NewBlob) -> UUID | None:
    """The new row's id, or None where the content is stored already.

    Whoever stores the same content at the same time waits here until the other has committed.
    """
    with connection.cursor() as cursor:
        values = [new_id(), workspace_id, blob.digest, blob.kind, len(blob.data)]
        cursor.execute(_CLAIM, values)
        row = cursor.fetchone()
    return row[0] if row else None


def blob_bytes(workspace_id: UUID | str, digest: str) -> tuple[str, bytes]:
    """Kind and content of a blob of this workspace. Raises NodeError value_missing."""
    row = Blob.objects.filter(workspace_id=workspace_id, digest=digest).first()
    content = b"" if row is None else b"".join(_parts(row))
    if row is None or len(content) != row.size:
        raise NodeError(
            "value_missing",
            "A large value this node reads is no longer stored. Run the flow again from the start.",
        )
    return row.kind, content


def _parts(row: Blob) -> Iterator[bytes]:
    for first in range(0, -(-row.size // PART), TOGETHER):
        few = BlobPart.objects.filter(
            blob_id=row.id, number__gte=first, number__lt=first + TOGETHER
        )
        yield from map(bytes, few.order_by("number").values_list("data", flat=True))
