"""Writes what was embedded: chunks, their words, progress and usage in one transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from billing.prices import price
from billing.services import record_usage
from execution.knowledge.limits import CHUNKS_PER_WORKSPACE, MOST_DIMENSIONS, MOST_FAILURES
from execution.knowledge.models import (
    Document,
    DocumentState,
    IndexedDocument,
    IndexState,
    SearchIndex,
)
from execution.knowledge.queries import chunks_of_workspace
from execution.knowledge.searching import as_text
from execution.knowledge.work import Embedding, Part
from execution.providers.embeddings import Embedded
from flows.engine.errors import NodeError

#: What usage of an index is booked under: the index's id stands where a run's would.
USED_BY_INDEX = "knowledge-index"
OVER = (IndexState.DISCARDED, IndexState.FAILED)

_CHUNKS = """
WITH made AS (
  INSERT INTO knowledge_chunk
    (index_id, document_id, position, start, heading, text, embedding, words)
  SELECT %(index)s::uuid, %(document)s::uuid, one.position, one.start, one.heading, one.text,
    one.embedding::halfvec,
    strip(to_tsvector(%(language)s::text::regconfig, one.heading || ' ' || one.text))
  FROM unnest(%(positions)s::integer[], %(starts)s::integer[], %(headings)s::text[],
    %(texts)s::text[], %(embeddings)s::text[])
    AS one(position, start, heading, text, embedding)
  RETURNING words
)
INSERT INTO knowledge_word AS known (index_id, word, chunks)
SELECT %(index)s::uuid, word, count(*)
FROM made, unnest(tsvector_to_array(made.words)) AS word GROUP BY word ORDER BY word
ON CONFLICT (index_id, word) DO UPDATE SET chunks = known.chunks + excluded.chunks
"""
_FORGET_WORDS = """
UPDATE knowledge_word known SET chunks = known.chunks - gone.chunks
FROM (
  SELECT word, count(*) AS chunks FROM knowledge_chunk chunk,
    unnest(tsvector_to_array(chunk.words)) AS word
  WHERE chunk.index_id = %(index)s::uuid AND chunk.document_id = %(document)s::uuid GROUP BY word
) AS gone
WHERE known.index_id = %(index)s::uuid AND known.word = gone.word
"""
_FORGET_CHUNKS = """
DELETE FROM knowledge_chunk WHERE index_id = %(index)s::uuid AND document_id = %(document)s::uuid
"""


def record(batch: Embedding, embedded: Embedded) -> None:
    """Write a batch. What was recorded before, or is not wanted any more, changes nothing.

    Raises NodeError where the vectors do not fit the index.
    """
    vectors = iter(embedded.vectors)
    with transaction.atomic():
        index = SearchIndex.objects.select_for_update().get(pk=batch.index.pk)
        _book(index, batch, embedded)
        if index.state in OVER:
            return
        _check_dimensions(index, len(embedded.vectors[0]))
        room = CHUNKS_PER_WORKSPACE - chunks_of_workspace(index.workspace_id)
        for part in batch.parts:
            mine = [next(vectors) for _ in part.pieces]
            made = _record_part(index, part, mine, room)
            index.chunks += made
            room -= made
        index.dimensions = len(embedded.vectors[0])
        index.input_tokens += embedded.usage.input_tokens
        index.failures, index.trouble, index.worked_at = 0, "", timezone.now()
        index.save()


def _check_dimensions(index: SearchIndex, dimensions: int) -> None:
    if index.dimensions not in (None, dimensions):
        message = (
            f"{index.model} now gives {dimensions} numbers for a text, not {index.dimensions} as "
            "before: build the index anew."
        )
        raise NodeError("dimensions_changed", message)
    if dimensions > MOST_DIMENSIONS:
        message = (
            f"{index.model} gives {dimensions:,} numbers for a text; an index takes "
            f"{MOST_DIMENSIONS:,} at most. Choose another model."
        )
        raise NodeError("dimensions_too_many", message)


def _record_part(
    index: SearchIndex, part: Part, vectors: Sequence[Sequence[float]], room: int
) -> int:
    rows = IndexedDocument.objects.select_for_update(of=("self",)).filter(index=index)
    indexed = rows.filter(document_id=part.document_id, state=DocumentState.PENDING).first()
    if indexed is None or indexed.done != part.first:
        return 0
    if len(part.pieces) > room:
        indexed.state = DocumentState.FAILED
        indexed.error = (
            f"The workspace has {CHUNKS_PER_WORKSPACE:,} chunks, the most it may have. "
            "Delete documents or choose larger chunks."
        )
        indexed.save()
        return 0
    values: dict[str, Any] = {
        "index": index.id,
        "document": part.document_id,
        "language": index.language,
        "positions": [part.first + number for number in range(len(part.pieces))],
        "starts": [piece.start for piece in part.pieces],
        "headings": [piece.heading for piece in part.pieces],
        "texts": [piece.text for piece in part.pieces],
        "embeddings": [as_text(vector) for vector in vectors],
    }
    with connection.cursor() as cursor:
        cursor.execute(_CHUNKS, values)
    indexed.done += len(part.pieces)
    indexed.chunks, indexed.error = part.total, ""
    if indexed.done >= part.total:
        indexed.state = DocumentState.DONE
    indexed.save()
    return len(part.pieces)


def _book(index: SearchIndex, batch: Embedding, embedded: Embedded) -> None:
    first = batch.parts[0]
    record_usage(
        workspace_id=index.workspace_id,
        flow_id=None,
        run_id=index.id,
        node=USED_BY_INDEX,
        path=[str(first.document_id), first.first],
        attempt=1,
        model=embedded.model,
        usage=embedded.usage,
        price=price(embedded.model, embedded.usage),
        estimated=embedded.estimated,
    )


def forget_document(document: Document) -> None:
    """Take a document out of every index; called in the transaction that deletes it."""
    indexes = SearchIndex.objects.select_for_update().filter(collection_id=document.collection_id)
    for index in indexes.order_by("id"):
        with connection.cursor() as cursor:
            values = {"index": index.id, "document": document.id}
            cursor.execute(_FORGET_WORDS, values)
            cursor.execute(_FORGET_CHUNKS, values)
            gone = cursor.rowcount
        SearchIndex.objects.filter(pk=index.pk).update(chunks=F("chunks") - gone)


def refuse_documents(index_id: UUID, parts: Sequence[Part], error: NodeError) -> None:
    """These documents cannot be embedded; the others go on."""
    with transaction.atomic():
        IndexedDocument.objects.filter(
            index_id=index_id, document_id__in=[part.document_id for part in parts]
        ).update(state=DocumentState.FAILED, error=error.message)
        SearchIndex.objects.filter(pk=index_id).update(worked_at=timezone.now())


def note_failure(index_id: UUID, error: NodeError, *, may_pass: bool) -> float | None:
    """Write that a batch failed: seconds until it is tried again; None: it is not.

    An index being built that fails for good leaves the one that is searched as it is. In that
    one, the documents that wait are marked as failed.
    """
    with transaction.atomic():
        index = SearchIndex.objects.select_for_update().get(pk=index_id)
        index.failures += 1
        index.worked_at = timezone.now()
        if may_pass and index.failures < MOST_FAILURES:
            index.trouble = error.message
            index.save()
            return max(error.retry_after or 0.0, min(60.0, 2.0**index.failures))
        index.failures, index.trouble = 0, ""
        if index.state == IndexState.BUILDING:
            index.state, index.error = IndexState.FAILED, error.message
            index.finished_at = timezone.now()
        index.documents.filter(state=DocumentState.PENDING).update(
            state=DocumentState.FAILED, error=error.message
        )
        index.save()
    return None
