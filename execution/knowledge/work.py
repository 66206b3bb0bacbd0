"""What is to be done for a collection, read from the rows: they are the truth, nothing else knows.

All of it is sync database work. A worker that dies leaves rows that say how far it came.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from execution.knowledge.limits import BATCH, LOCAL_BATCH, READ_UP_TO
from execution.knowledge.models import (
    Collection,
    Document,
    DocumentState,
    IndexedDocument,
    IndexState,
    SearchIndex,
)
from flows.engine.chunking import Piece, pieces

#: Between the headings above a chunk and its text, where it is embedded.
BELOW_HEADING = "\n\n"


@dataclass(frozen=True)
class Part:
    """Chunks of one document: the `pieces` from number `first` on, of `total`."""

    document_id: UUID
    first: int
    total: int
    pieces: tuple[Piece, ...]

    def texts(self) -> list[str]:
        """What is embedded: each chunk under its headings."""
        return [
            f"{piece.heading}{BELOW_HEADING}{piece.text}" if piece.heading else piece.text
            for piece in self.pieces
        ]


@dataclass(frozen=True)
class Embedding:
    """A batch to embed and record."""

    index: SearchIndex
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Finishing:
    """An index whose documents are all done: it gets its own indexes and is searched from then."""

    index: SearchIndex


@dataclass(frozen=True)
class Clearing:
    """An index that nobody searches any more."""

    index: SearchIndex


type Task = Embedding | Finishing | Clearing


def next_task(collection_id: UUID) -> Task | None:
    """What to do next for a collection; None: nothing.

    New documents first come into the index that is searched, then the one being built goes on.
    """
    indexes = list(SearchIndex.objects.filter(collection_id=collection_id).order_by("number"))
    gone = not Collection.objects.filter(pk=collection_id).exists()
    for state in (IndexState.LIVE, IndexState.BUILDING):
        for index in indexes:
            if index.state == state and not gone:
                task = _task_of(index)
                if task is not None:
                    return task
    for index in indexes:
        if gone or index.state in (IndexState.DISCARDED, IndexState.FAILED):
            if not gone and index.state == IndexState.FAILED and index.chunks == 0:
                # Empty: kept for what it says.
                continue
            return Clearing(index)
    return None


def _task_of(index: SearchIndex) -> Task | None:
    parts = _batch(index)
    if parts:
        return Embedding(index, tuple(parts))
    if index.state == IndexState.BUILDING:
        return Finishing(index)
    if index.chunks > READ_UP_TO and not index.own_indexes:
        return Finishing(index)
    return None


def _batch(index: SearchIndex) -> list[Part]:
    room = LOCAL_BATCH if index.model.startswith("local/") else BATCH
    found: list[Part] = []
    pending = index.documents.filter(state=DocumentState.PENDING).order_by("document_id")
    for indexed in pending[:room]:
        part = _part(index, indexed, room)
        found.append(part)
        room -= len(part.pieces)
        if room <= 0:
            break
    return found


def _part(index: SearchIndex, indexed: IndexedDocument, room: int) -> Part:
    every = _pieces(indexed.document_id, index.chunk_size, index.chunk_overlap)
    some = every[indexed.done : indexed.done + room]
    return Part(indexed.document_id, indexed.done, len(every), tuple(some))


@lru_cache(maxsize=4)
def _pieces(document_id: UUID, size: int, overlap: int) -> list[Piece]:
    """A document never changes, so its pieces are the same after a crash."""
    row = Document.objects.filter(pk=document_id).values_list("text", "media_type").first()
    if row is None:
        return []
    return pieces(row[0], size=size, overlap=overlap, markdown=row[1] in ("text/markdown", HTML))


HTML = "text/html"


def single(batch: Embedding) -> Iterator[Embedding]:
    """The documents of a batch one by one: to find the one that a provider refuses."""
    for part in batch.parts:
        yield Embedding(batch.index, (part,))
