"""Stores large values: content-addressed within a workspace, in parts.

A connection keeps the room of the largest message it ever carried, and so does every connection of
a pool in turn. Parts keep that small, whatever the value's size.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from django.db import connection

from accounts.ids import new_id
from execution.models import Blob, BlobPart
from flows.engine.errors import NodeError

#: Bytes of one part.
PART = 262_144
#: How a reference is written inside of a blob (payloads.py).
REFERENCE = re.compile(rb'"\$blob":\s*"([0-9a-f]{64})"')
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

    Call inside `transaction.atomic()`, once: a blob is there with all its parts or not at all.
    What is stored already, and what a blob refers to, stays for a day from now on.
    """
    if not blobs:
        return
    unique = {blob.digest: blob for blob in blobs}
    held = {blob.digest: _held_by(blob) for blob in unique.values()}
    # In one order everywhere, first what is there and then what is new: two that store the same
    # values at once never wait for each other.
    keep_blobs(workspace_id, [*unique, *chain.from_iterable(held.values())])
    for digest, blob in sorted(unique.items()):
        row = _claim(workspace_id, blob, held[digest])
        if row is None:
            continue
        for number, start in enumerate(range(0, len(blob.data), PART)):
            part = BlobPart(blob_id=row, number=number, data=blob.data[start : start + PART])
            BlobPart.objects.bulk_create([part])


def _held_by(blob: NewBlob) -> list[str]:
    """The digests that a blob's JSON refers to; data that only looks so does no harm."""
    if blob.kind != "json":
        return []
    return sorted({found.decode() for found in REFERENCE.findall(blob.data)})


# Only now and then: values that many runs share would make them wait for one another.
_KEEP = """
WITH old AS (
  SELECT id FROM execution_blob WHERE workspace_id = %s AND digest = ANY(%s::varchar[])
    AND used_at < now() - interval '1 hour' ORDER BY digest FOR UPDATE)
UPDATE execution_blob SET used_at = now(), check_at = now() + interval '30 days'
WHERE id IN (SELECT id FROM old)
"""


def keep_blobs(workspace_id: UUID | str, digests: Sequence[str]) -> None:
    """Say that stored blobs are used: they stay for a day, and after it while a run names them."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [workspace_id, list(digests)])


_CLAIM = """
INSERT INTO execution_blob
  (id, workspace_id, digest, kind, size, holds, created_at, used_at, check_at)
VALUES (%s, %s, %s, %s, %s, %s::varchar[], now(), now(), now() + interval '30 days')
ON CONFLICT DO NOTHING RETURNING id
"""


def _claim(workspace_id: UUID | str, blob: NewBlob, holds: list[str]) -> UUID | None:
    """The new row's id, or None where the content is stored already.

    Whoever stores the same content at the same time waits here until the other has committed.
    """
    with connection.cursor() as cursor:
        while True:
            values = [new_id(), workspace_id, blob.digest, blob.kind, len(blob.data), holds]
            cursor.execute(_CLAIM, values)
            if row := cursor.fetchone():
                return UUID(str(row[0]))
            cursor.execute(_IS_KEPT, [workspace_id, blob.digest])
            if cursor.fetchone():
                return None
            # It was there, unused, and was dropped in between.


_IS_KEPT = """
SELECT 1 FROM execution_blob
WHERE workspace_id = %s AND digest = %s AND used_at >= now() - interval '2 hours'
"""


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
