"""Indexing by real workers: through a kill, up to a search by a flow's node, and cleared away."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from billing.models import UsageRecord
from execution.knowledge import own_indexes
from execution.knowledge.limits import BATCH
from execution.knowledge.models import Chunk, SearchIndex
from execution.knowledge.queries import indexes_of
from execution.knowledge.searching import find, statement
from execution.knowledge.services import add_document, create_collection, delete_collection
from execution.knowledge.tests.collections_for_tests import MODEL, collection_with, index_of
from execution.models import NodeRun
from execution.tests.flows_for_tests import (
    document,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)
from tests.support.embeddings import vector_of


def until(ready: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def is_ready(collection: Any) -> bool:
    return indexes_of([collection])[collection.pk].state == "ready"


def test_a_flow_finds_what_a_worker_has_indexed_and_its_tokens_are_booked(
    stack: Any,
) -> None:
    actor = new_actor()
    made = collection_with(actor)
    until(lambda: is_ready(made))
    config = {"collection": "Handbook", "query": "{{ start.text }}", "top_k": 1}
    nodes = [
        start_node("text"),
        {"id": "sources", "type": "knowledge", "config": config},
        output("{{ sources.text }}"),
    ]
    flow = published(actor, document(nodes, ["start>sources", "sources>end"]))
    run = run_to_end(actor, flow, {"text": "How long does a refund take?"})
    assert run.outputs is not None
    assert run.outputs["end"].startswith("[1] Returns (https://x.test/Returns)\nYou can send")
    step = NodeRun.objects.get(run=run, node="sources")
    assert step.input_tokens == run.input_tokens == 6
    assert UsageRecord.objects.get(run_id=run.id).model == MODEL
    _is_searched_by_indexes_of_its_own(made)
    before = index_of(made)
    delete_collection(actor, made)
    until(lambda: not SearchIndex.objects.filter(pk=before.pk).exists())
    assert _names_in_the_database(before) == set()


def _is_searched_by_indexes_of_its_own(made: Any) -> None:
    """As it would be, were it large."""
    index = index_of(made)
    found = find(index, vector_of("refund"), "Rotterdam", top_k=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_indexes, "READ_UP_TO", 1)
        own_indexes.finish(index.pk)
        own_indexes.finish(index.pk)
    assert _names_in_the_database(index) == set(own_indexes.index_names(index.pk))
    assert find(index, vector_of("refund"), "Rotterdam", top_k=3) == found
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("SET enable_sort = off")
        try:
            cursor.execute("EXPLAIN " + statement(index.pk, 64, 0), _values())
            plan = "\n".join(row[0] for row in cursor.fetchall())
        finally:
            cursor.execute("RESET enable_seqscan")
            cursor.execute("RESET enable_sort")
    assert f"using knowledge_nearest_{index.pk.hex}" in plan


def _values() -> dict[str, Any]:
    numbers = {"by_vector": True, "depth": 9, "most": 9, "rrf": 9, "weight": 1, "min_score": 0}
    query = str(vector_of("refund"))
    return {"query": query, "wanted": "'a'", "whole": 1, "top_k": 3, **numbers}


def _names_in_the_database(index: SearchIndex) -> set[str]:
    with connection.cursor() as cursor:
        names = list(own_indexes.index_names(index.pk))
        cursor.execute("SELECT relname FROM pg_class WHERE relname = ANY(%s)", [names])
        return {row[0] for row in cursor.fetchall()}


def test_a_killed_worker_costs_one_batch_at_most(stack: Any) -> None:
    actor = new_actor()
    made = create_collection(
        actor, name="Long", model="openai_compatible/slow-60ms", chunk_size=100, chunk_overlap=0
    )
    text = "\n\n".join(f"Part {n} of {made.pk}, about {n * 7}." for n in range(12 * BATCH))
    add_document(actor, made, name="Long", text=text)
    index = index_of(made)
    until(lambda: Chunk.objects.filter(index=index).count() >= 2 * BATCH)
    stack.kill_worker()
    so_far = Chunk.objects.filter(index=index).count()
    stack.start_worker()
    until(lambda: is_ready(made))
    index.refresh_from_db()
    chunks = Chunk.objects.filter(index=index).order_by("position")
    assert [chunk.position for chunk in chunks] == list(range(index.chunks))
    assert so_far < index.chunks == 12 * BATCH
    asked = Counter(call.prompt for call in stack.model_server.calls if str(made.pk) in call.prompt)
    # A call that nobody recorded may have been made twice; all others were made once.
    assert sorted(asked.values())[:-1] == [1] * (len(asked) - 1)
    assert len(asked) == 12
    assert max(asked.values()) <= 2
