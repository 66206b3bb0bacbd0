"""Reads of collections: by name, with how far their indexes are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet, Sum

from accounts.permissions import Actor
from execution.knowledge.models import (
    Collection,
    Document,
    DocumentState,
    IndexedDocument,
    IndexState,
    SearchIndex,
)

JSON = Any


@dataclass(frozen=True)
class Progress:
    """An index with its documents counted by state."""

    index: SearchIndex
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def pending(self) -> int:
        return self.counts.get(DocumentState.PENDING, 0)

    @property
    def done(self) -> int:
        return self.counts.get(DocumentState.DONE, 0)

    @property
    def failed(self) -> int:
        return self.counts.get(DocumentState.FAILED, 0)

    @property
    def total(self) -> int:
        return self.pending + self.done + self.failed


@dataclass(frozen=True)
class Indexes:
    """The index that is searched, the one being built, and the newest that failed."""

    live: Progress
    building: Progress | None = None
    failed: Progress | None = None

    @property
    def is_busy(self) -> bool:
        return self.building is not None or self.live.pending > 0

    @property
    def state(self) -> str:
        """`rebuilding`, `indexing`, `failed` (the last rebuild did), or `ready`."""
        if self.building is not None:
            return "rebuilding"
        if self.live.pending:
            return "indexing"
        return "failed" if self.failed is not None else "ready"


def visible_collection(actor: Actor, reference: str) -> Collection | None:
    """By id or slug; None where the actor sees none."""
    return _by_reference(Collection.objects.visible_to(actor), reference)


def collection_of(workspace_id: UUID, reference: str) -> Collection | None:
    """By id, slug or name, for a run of the workspace."""
    rows = Collection.objects.filter(workspace_id=workspace_id)
    found = _by_reference(rows, reference)
    if found is not None:
        return found
    named = list(rows.filter(name=reference)[:2])
    return named[0] if len(named) == 1 else None


def _by_reference(rows: QuerySet[Collection], reference: str) -> Collection | None:
    try:
        return rows.filter(pk=UUID(reference)).first()
    except ValueError:
        return rows.filter(slug=reference).first()


def live_index(collection_id: UUID) -> SearchIndex | None:
    """The index that is searched."""
    return SearchIndex.objects.filter(collection_id=collection_id, state=IndexState.LIVE).first()


def indexes_of(collections: Iterable[Collection]) -> dict[UUID, Indexes]:
    """How far each collection's indexes are; two queries."""
    ids = [collection.pk for collection in collections]
    rows = SearchIndex.objects.filter(collection_id__in=ids).exclude(state=IndexState.DISCARDED)
    indexes = list(rows.order_by("number"))
    counted: dict[UUID, dict[str, int]] = defaultdict(dict)
    shown = [index.pk for index in indexes]
    by_state = IndexedDocument.objects.filter(index_id__in=shown).values_list("index_id", "state")
    for index_id, state, count in by_state.annotate(count=Count("id")).order_by():
        counted[index_id][state] = count
    found: dict[UUID, dict[str, Progress]] = defaultdict(dict)
    for index in indexes:
        found[index.collection_id][index.state] = Progress(index, counted[index.pk])
    return {
        key: Indexes(
            states[IndexState.LIVE], states.get(IndexState.BUILDING), states.get(IndexState.FAILED)
        )
        for key, states in found.items()
        if IndexState.LIVE in states
    }


def chunks_of_workspace(workspace_id: UUID) -> int:
    """Chunks in all indexes that are searched or built."""
    rows = SearchIndex.objects.filter(workspace_id=workspace_id)
    kept = rows.exclude(state=IndexState.DISCARDED)
    return kept.aggregate(sum=Sum("chunks"))["sum"] or 0


def documents_of(collection: Collection) -> QuerySet[Document]:
    """Without their texts, which may be long."""
    return Document.objects.filter(collection=collection).defer("text")


def states_of(index_id: UUID, documents: Iterable[Document]) -> dict[UUID, IndexedDocument]:
    """How far each document is in an index."""
    ids = [document.pk for document in documents]
    rows = IndexedDocument.objects.filter(index_id=index_id, document_id__in=ids)
    return {row.document_id: row for row in rows}


def progress_payload(progress: Progress | None) -> dict[str, JSON] | None:
    if progress is None:
        return None
    index = progress.index
    return {
        "number": index.number,
        "model": index.model,
        "dimensions": index.dimensions,
        "chunks": index.chunks,
        "documents": {
            "pending": progress.pending,
            "done": progress.done,
            "failed": progress.failed,
        },
        "input_tokens": index.input_tokens,
        "message": index.error or index.trouble,
    }


def collection_payload(collection: Collection, indexes: Indexes) -> dict[str, JSON]:
    """A collection as the API shows it."""
    return {
        "id": str(collection.pk),
        "slug": collection.slug,
        "name": collection.name,
        "description": collection.description,
        **collection.index_settings,
        "state": indexes.state,
        "index": progress_payload(indexes.live),
        "building": progress_payload(indexes.building),
        "failed": progress_payload(indexes.failed),
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
    }


def document_payload(document: Document, indexed: IndexedDocument | None) -> dict[str, JSON]:
    """A document as the API shows it, without its text."""
    return {
        "id": str(document.pk),
        "name": document.name,
        "source": document.source,
        "media_type": document.media_type,
        "characters": document.characters,
        "metadata": document.metadata,
        "state": indexed.state if indexed else DocumentState.PENDING,
        "chunks": indexed.done if indexed else 0,
        "error": indexed.error if indexed else "",
        "created_at": document.created_at,
    }
