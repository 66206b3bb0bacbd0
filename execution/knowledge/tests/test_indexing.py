"""Indexes follow their documents: batch by batch, each recorded once, whatever happens between."""

import asyncio
from typing import Any

import pytest
from django.db import connection

from accounts.permissions import Actor
from billing.models import UsageRecord
from execution.knowledge.models import Chunk, IndexedDocument, IndexState, SearchIndex, Word
from execution.knowledge.queries import indexes_of
from execution.knowledge.recording import note_failure, record, refuse_documents
from execution.knowledge.searching import find
from execution.knowledge.services import (
    add_document,
    delete_collection,
    delete_document,
    reindex,
    update_collection,
)
from execution.knowledge.tests.collections_for_tests import (
    TEXTS,
    collection_with,
    document_of,
    index_of,
    work_in_this_transaction,
)
from execution.knowledge.work import Embedding, next_task
from execution.providers.access import access_for
from execution.providers.embeddings import embed
from flows.engine.errors import NodeError
from tests.support.embeddings import vector_of
from tests.support.model_server import ModelServer

pytestmark = pytest.mark.django_db
LONG = "\n\n".join(f"Paragraph {n} is about the number {n}." for n in range(300))


def names_found(index: SearchIndex, query: str) -> list[str]:
    return [one.document for one in find(index, vector_of(query), query, top_k=3)]


def words_of(index: SearchIndex) -> dict[str, int]:
    return dict(Word.objects.filter(index=index, chunks__gt=0).values_list("word", "chunks"))


def counted(index: SearchIndex) -> dict[str, int]:
    """What the words' counts ought to be."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word, count(*) FROM knowledge_chunk, unnest(tsvector_to_array(words)) word "
            "WHERE index_id = %s::uuid GROUP BY word",
            [index.id],
        )
        return dict(cursor.fetchall())


def test_a_long_document_goes_on_where_it_stopped(actor: Actor, server: ModelServer) -> None:
    made = collection_with(actor, {"Long": LONG}, chunk_size=100, chunk_overlap=0)
    assert work_in_this_transaction(made.pk, batches=1) == 1
    half = IndexedDocument.objects.get(index=index_of(made))
    assert (half.state, half.done) == ("pending", 64)
    work_in_this_transaction(made.pk)
    index = index_of(made)
    whole = IndexedDocument.objects.get(index=index)
    assert (whole.state, whole.done) == ("done", whole.chunks)
    assert index.chunks == Chunk.objects.filter(index=index).count() == whole.chunks
    assert words_of(index) == counted(index)
    booked = UsageRecord.objects.filter(run_id=index.id)
    assert booked.count() == len(server.calls)
    assert sum(used.input_tokens for used in booked) == index.input_tokens > 0


def test_a_batch_that_comes_twice_is_recorded_once(actor: Actor, server: ModelServer) -> None:
    made = collection_with(actor)
    task = next_task(made.pk)
    assert isinstance(task, Embedding)
    texts = [text for part in task.parts for text in part.texts()]
    embedded = asyncio.run(
        embed("openai_compatible/bag", access_for(actor.workspace_id), texts, "passage")
    )
    record(task, embedded)
    record(task, embedded)
    index = index_of(made)
    assert (index.chunks, Chunk.objects.filter(index=index).count()) == (3, 3)
    assert words_of(index) == counted(index)
    assert UsageRecord.objects.filter(run_id=index.id).count() == 1


def test_one_more_document_is_the_only_one_embedded(actor: Actor, server: ModelServer) -> None:
    made = collection_with(actor)
    work_in_this_transaction(made.pk)
    server.reset()
    add_document(actor, made, name="Bees", text="Honey comes from bees.")
    again, is_new = add_document(actor, made, name="Bees again", text="Honey comes from bees.")
    assert (again.name, is_new) == ("Bees", False)
    work_in_this_transaction(made.pk)
    assert [call.prompt for call in server.calls] == ["Honey comes from bees."]
    assert names_found(index_of(made), "honey")[0] == "Bees"


def test_the_old_index_is_searched_until_the_new_one_is_complete(
    actor: Actor, server: ModelServer
) -> None:
    made = collection_with(actor)
    work_in_this_transaction(made.pk)
    before = index_of(made)
    update_collection(actor, made, chunk_size=100, chunk_overlap=0)
    work_in_this_transaction(made.pk, batches=0)
    assert indexes_of([made])[made.pk].state == "rebuilding"
    assert index_of(made) == before
    # What comes in meanwhile is in both.
    add_document(actor, made, name="Bees", text="Honey comes from bees.")
    assert work_in_this_transaction(made.pk, batches=1) == 1
    assert names_found(index_of(made), "honey")[0] == "Bees"
    work_in_this_transaction(made.pk)
    after = index_of(made)
    assert (after.number, after.chunk_size) == (before.number + 1, 100)
    assert names_found(after, "honey")[0] == "Bees"
    assert not SearchIndex.objects.filter(pk=before.pk).exists()
    assert not Chunk.objects.filter(index_id=before.pk).exists()


def test_a_rebuild_that_fails_leaves_the_index_that_is_searched(
    actor: Actor, server: ModelServer
) -> None:
    made = collection_with(actor)
    work_in_this_transaction(made.pk)
    reindex(actor, made)
    building = SearchIndex.objects.get(collection=made, state=IndexState.BUILDING)
    refused = NodeError("model_auth", "The key was refused.")
    assert note_failure(building.pk, refused, may_pass=False) is None
    work_in_this_transaction(made.pk)
    indexes = indexes_of([made])[made.pk]
    assert (indexes.state, indexes.failed and indexes.failed.index.error) == (
        "failed",
        "The key was refused.",
    )
    assert names_found(indexes.live.index, "refund")[0] == "Returns"
    reindex(actor, made)
    work_in_this_transaction(made.pk)
    assert indexes_of([made])[made.pk].state == "ready"


def test_failures_that_may_pass_are_tried_again_after_growing_pauses(
    actor: Actor, server: ModelServer
) -> None:
    made = collection_with(actor)
    index = index_of(made)
    busy = NodeError("model_rate_limited", "Too busy.", retryable=True, retry_after=7)
    waits = [note_failure(index.pk, busy, may_pass=True) for _ in range(12)]
    assert waits == [7, 7, 8, 16, 32, 60, 60, 60, 60, 60, 60, None]
    rows = IndexedDocument.objects.filter(index=index)
    assert {(row.state, row.error) for row in rows} == {("failed", "Too busy.")}
    reindex(actor, made, only_failed=True)
    assert work_in_this_transaction(made.pk) == 1
    assert {row.state for row in IndexedDocument.objects.filter(index=index)} == {"done"}


def test_a_document_that_is_refused_stops_no_other(actor: Actor, server: ModelServer) -> None:
    made = collection_with(actor)
    task = next_task(made.pk)
    assert isinstance(task, Embedding)
    refused = NodeError("model_bad_request", "Too long.")
    refuse_documents(task.index.pk, task.parts[:1], refused)
    work_in_this_transaction(made.pk)
    states = indexes_of([made])[made.pk].live
    assert (states.done, states.failed, states.index.chunks) == (2, 1, 2)


def test_deleted_documents_and_collections_are_found_no_more(
    actor: Actor, server: ModelServer
) -> None:
    made = collection_with(actor)
    work_in_this_transaction(made.pk)
    index = index_of(made)
    delete_document(actor, made, document_of(made, "Shipping"))
    assert "Shipping" not in names_found(index, "Rotterdam parcels")
    index.refresh_from_db()
    assert index.chunks == len(TEXTS) - 1
    assert words_of(index) == counted(index)
    key = made.pk
    delete_collection(actor, made)
    assert find(index, vector_of("refund"), "refund", top_k=3) == []
    work_in_this_transaction(key)
    assert not SearchIndex.objects.filter(collection_id=key).exists()
    assert not Chunk.objects.filter(index_id=index.pk).exists()


def test_vectors_of_another_length_are_refused(actor: Actor, server: ModelServer) -> None:
    made = collection_with(actor)
    task = next_task(made.pk)
    assert isinstance(task, Embedding)
    SearchIndex.objects.filter(pk=task.index.pk).update(dimensions=5)
    access = access_for(actor.workspace_id)
    texts = [text for part in task.parts for text in part.texts()]
    embedded = asyncio.run(embed(task.index.model, access, texts, "passage"))
    with pytest.raises(NodeError, match="build the index anew"):
        record(task, embedded)


@pytest.mark.parametrize(
    ("name", "most", "message"),
    [("DOCUMENTS_PER_COLLECTION", 3, "3 documents"), ("CHUNKS_PER_WORKSPACE", 0, "0 chunks")],
)
def test_what_does_not_fit_is_refused(
    actor: Actor, monkeypatch: pytest.MonkeyPatch, name: str, most: int, message: str
) -> None:
    from execution.knowledge import limits
    from execution.knowledge.errors import KnowledgeFull

    made = collection_with(actor)
    monkeypatch.setattr(limits, name, most)
    with pytest.raises(KnowledgeFull, match=message):
        add_document(actor, made, name="More", text="One more.")
    assert made.documents.count() == 3


def test_the_chunks_of_a_workspace_end_at_their_limit(
    actor: Actor, server: ModelServer, monkeypatch: Any
) -> None:
    from execution.knowledge import recording

    monkeypatch.setattr(recording, "CHUNKS_PER_WORKSPACE", 2)
    made = collection_with(actor)
    work_in_this_transaction(made.pk)
    states = indexes_of([made])[made.pk].live
    assert (states.done, states.failed) == (2, 1)
