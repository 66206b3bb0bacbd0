"""Drops large values and snapshots that no run refers to any more.

A value is stored and referred to in one transaction, and says with `used_at` that it is wanted
(blobs.save_blobs); it stays for a day at least. It is looked at when a run that names it is
deleted, else once a month, and dropped while its row is held, after one more look. A run that was
started from another one's values names it (`rerun_of`, `parent`): when that one goes, what it held
counts as used at this moment.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection, transaction

#: Values that are looked at in one go.
FEW = 25

# Whoever refers to a value was under way when it was stored, or began before it was last stored
# (an hour more: blobs.keep_blobs). From the latest backwards: mostly one of the first ones does,
# and where runs expire none is left to look at. (In an EXISTS the order would not be heeded.)
_REFERRED_TO = """
SELECT (
  SELECT true FROM execution_run AS r
  WHERE r.workspace_id = b.workspace_id
    AND r.created_at <= b.used_at + interval '2 hours'
    AND (r.finished_at IS NULL OR r.finished_at >= b.created_at - interval '1 hour')
    AND (strpos(r.inputs::text, b.digest) > 0 OR strpos(r.outputs::text, b.digest) > 0
      OR strpos(r.options::text, b.digest) > 0
      OR EXISTS (SELECT FROM execution_noderun AS n WHERE n.run_id = r.id
        AND (strpos(n.output::text, b.digest) > 0 OR strpos(n.input::text, b.digest) > 0)))
  ORDER BY r.created_at DESC LIMIT 1
) IS NOT NULL OR EXISTS (
  SELECT FROM execution_blob AS outer_one
  WHERE outer_one.workspace_id = b.workspace_id AND outer_one.holds @> ARRAY[b.digest])
FROM execution_blob AS b WHERE b.id = %s
"""
_DUE = """
SELECT id FROM execution_blob
WHERE check_at <= now() AND used_at < now() - interval '1 day' ORDER BY check_at LIMIT %s
"""
_HOLD = """
SELECT id FROM execution_blob
WHERE id = %s AND used_at < now() - interval '1 day' FOR UPDATE SKIP LOCKED
"""
_LATER = "UPDATE execution_blob SET check_at = now() + interval '30 days' WHERE id = %s"


def drop_unused_blobs() -> int:
    """Look at a few values whose time has come; returns how many were looked at."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [FEW])
        due = [row[0] for row in cursor.fetchall()]
    for blob_id in due:
        if _is_referred_to(blob_id) or not _drop_blob(blob_id):
            with connection.cursor() as cursor:
                cursor.execute(_LATER, [blob_id])
    return len(due)


def _drop_blob(blob_id: UUID) -> bool:
    """Drop a value; False where somebody wants it or has it in hand."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_HOLD, [blob_id])
        # Looked at again: now nobody can store it anew until we are through.
        if cursor.fetchone() is None or _is_referred_to(blob_id):
            return False
        cursor.execute("DELETE FROM execution_blobpart WHERE blob_id = %s", [blob_id])
        cursor.execute("DELETE FROM execution_blob WHERE id = %s", [blob_id])
    return True


def _is_referred_to(blob_id: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_REFERRED_TO, [blob_id])
        row = cursor.fetchone()
    return bool(row and row[0])


# The values that rows of these runs name.
_NAMED = """
WITH texts AS (
  SELECT r.workspace_id, r.id, unnest(ARRAY[r.inputs::text, r.outputs::text, r.options::text])
    AS text
  FROM execution_run AS r WHERE r.id = ANY(%(runs)s::uuid[])
  UNION ALL
  SELECT r.workspace_id, r.id, unnest(ARRAY[n.input::text, n.output::text])
  FROM execution_run AS r JOIN execution_noderun AS n ON n.run_id = r.id
  WHERE r.id = ANY(%(runs)s::uuid[]) AND n.run_id BETWEEN %(first)s::uuid AND %(last)s::uuid
), named AS (
  SELECT DISTINCT workspace_id, found[1] AS digest
  FROM texts, regexp_matches(text, '"\\$blob": "([0-9a-f]{64})"', 'g') AS found
  WHERE strpos(text, '"$blob"') > 0)
"""
_RELEASE = f"""{_NAMED}, held AS (
  SELECT b.id FROM execution_blob AS b JOIN named USING (workspace_id, digest)
  ORDER BY b.digest FOR UPDATE OF b)
UPDATE execution_blob SET
  used_at = CASE WHEN %(taken)s::boolean THEN now() ELSE used_at END,
  check_at = CASE WHEN %(taken)s::boolean THEN now() + interval '30 days'
    ELSE GREATEST(now(), used_at + interval '1 day') END
WHERE id IN (SELECT id FROM held)
"""


def release_values(run_ids: Collection[UUID], *, taken_over: bool) -> None:
    """Look soon at the values of runs that are about to be deleted; call in that transaction.

    `taken_over`: other runs were started from these, and may refer to the same values.
    """
    if not run_ids:
        return
    values: dict[str, Any] = {
        "runs": list(run_ids),
        "first": min(run_ids),
        "last": max(run_ids),
        "taken": taken_over,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, values)


_SNAPSHOTS = """
DELETE FROM execution_snapshot WHERE id IN (
  SELECT s.id FROM execution_snapshot AS s
  WHERE s.used_at < now() - interval '1 day'
    AND NOT EXISTS (SELECT FROM execution_run AS r WHERE r.snapshot_id = s.id)
  LIMIT %s FOR UPDATE OF s SKIP LOCKED)
"""


def drop_unused_snapshots() -> int:
    """Drop a few drafts that no run is pinned to; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_SNAPSHOTS, [FEW])
        return int(cursor.rowcount)
