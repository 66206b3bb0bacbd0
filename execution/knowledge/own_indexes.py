"""The HNSW and GIN index that a large search index has to itself, and clearing an index away.

One pair for each large index, over its chunks only: a search of one collection then never wades
through those of others, whatever their share. Small ones are read chunk by chunk, which is exact
and as fast. Made and dropped CONCURRENTLY, so that nobody waits; what a crash left behind half made
is dropped and made again.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection, transaction
from django.utils import timezone

from execution.database import connection_parameters
from execution.knowledge.limits import READ_UP_TO
from execution.knowledge.models import Collection, IndexState, SearchIndex

#: Chunks deleted by one transaction.
AT_ONCE = 2_000
_NAMES = ("knowledge_nearest_{}", "knowledge_words_{}")
_MEMORY = "SET maintenance_work_mem = '256MB'"
_HNSW = """
CREATE INDEX CONCURRENTLY {name} ON knowledge_chunk
USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops)
WITH (m = 16, ef_construction = 64) WHERE index_id = '{id}'::uuid
"""
_GIN = """
CREATE INDEX CONCURRENTLY {name} ON knowledge_chunk USING gin (words)
WHERE index_id = '{id}'::uuid
"""
_VALID = """
SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relname = %s AND pg_table_is_visible(c.oid)
"""
_SOME = """
DELETE FROM knowledge_chunk WHERE id IN (
  SELECT id FROM knowledge_chunk WHERE index_id = %s::uuid LIMIT %s::integer)
"""


def index_names(index_id: UUID) -> tuple[str, str]:
    """What the two are called in the database."""
    nearest, words = (name.format(index_id.hex) for name in _NAMES)
    return nearest, words


def finish(index_id: UUID) -> None:
    """Give an index what it needs, and search it from now on. Safe to repeat."""
    index = SearchIndex.objects.filter(pk=index_id).first()
    if index is None or index.state not in (IndexState.LIVE, IndexState.BUILDING):
        return
    if index.chunks > READ_UP_TO and not index.own_indexes:
        _make(index)
        SearchIndex.objects.filter(pk=index_id).update(own_indexes=True)
    if index.state == IndexState.BUILDING:
        _swap(index)


def _swap(index: SearchIndex) -> None:
    """The new index takes the place of the old one, unless documents came in meanwhile."""
    with transaction.atomic():
        # Who adds a document or starts an index holds the collection's row as well.
        Collection.objects.select_for_update().filter(pk=index.collection_id).first()
        held = SearchIndex.objects.select_for_update().get(pk=index.pk)
        if held.state != IndexState.BUILDING or held.documents.filter(state="pending").exists():
            return
        SearchIndex.objects.filter(collection_id=index.collection_id, state=IndexState.LIVE).update(
            state=IndexState.DISCARDED
        )
        held.state = IndexState.LIVE
        held.finished_at = held.worked_at = timezone.now()
        held.save(update_fields=["state", "finished_at", "worked_at"])


def clear(index_id: UUID, *, alive: Callable[[], bool] = lambda: True) -> None:
    """Delete an index with its chunks; a failed one keeps its row. Safe to repeat.

    Stops early where `alive` says no.
    """
    drop_own(index_id)
    while alive():
        with connection.cursor() as cursor:
            cursor.execute(_SOME, [index_id, AT_ONCE])
            if cursor.rowcount < AT_ONCE:
                break
    else:
        return
    failed = SearchIndex.objects.filter(pk=index_id, state=IndexState.FAILED)
    kept = failed.first()
    if kept is not None and Collection.objects.filter(pk=kept.collection_id).exists():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM knowledge_word WHERE index_id = %s::uuid", [index_id])
            failed.update(chunks=0, own_indexes=False)
        return
    SearchIndex.objects.filter(pk=index_id).delete()


def drop_own(index_id: UUID) -> None:
    """Drop what an index has to itself. Safe to repeat."""
    with _beside() as session:
        for name in index_names(index_id):
            session.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _make(index: SearchIndex) -> None:
    made = zip(index_names(index.id), (_HNSW, _GIN), strict=True)
    with _beside() as session:
        session.execute(_MEMORY)
        for name, statement in made:
            row = session.execute(_VALID, [name]).fetchone()
            if row is not None and row[0]:
                continue
            session.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            session.execute(
                statement.format(name=name, id=index.id, dimensions=int(index.dimensions or 0))
            )


def _beside() -> psycopg.Connection[Any]:
    """A connection of its own: CONCURRENTLY works in no transaction."""
    return psycopg.connect(**connection_parameters(), autocommit=True)
