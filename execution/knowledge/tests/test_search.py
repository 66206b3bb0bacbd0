"""A search finds by meaning and by words, in the index that is live, and in no other workspace."""

from typing import Any

import pytest
from django.db import connection

from accounts.permissions import Actor
from billing.models import UsageRecord
from execution.knowledge.finding import search_collection
from execution.knowledge.models import LANGUAGES
from execution.knowledge.searching import MOST_CANDIDATES, chosen_words, find
from execution.knowledge.tests.collections_for_tests import (
    collection_with,
    index_of,
    work_in_this_transaction,
)
from flows.engine.errors import NodeError
from tests.support.embeddings import vector_of
from tests.support.model_server import ModelServer

pytestmark = pytest.mark.django_db


def test_meanings_and_words_find_each_what_the_other_misses(
    actor: Actor, server: ModelServer
) -> None:
    made = collection_with(actor)
    work_in_this_transaction(made.pk)
    index = index_of(made)

    def names(query: str, mode: Any) -> list[str]:
        found = find(index, vector_of(query), query, top_k=3, mode=mode)
        return [one.document for one in found]

    assert names("How does a refund work", "vector")[0] == "Returns"
    assert names("How does a refund work", "text") == []
    assert names("Rotterdam", "text") == ["Shipping"]
    assert names("a refund from Rotterdam", "hybrid")[:2] == ["Shipping", "Returns"]


def test_a_match_says_where_it_stands_and_how_alike_it_is(
    actor: Actor, server: ModelServer
) -> None:
    text = "# Cars\n\n## Washing\n\n" + "We wash every automobile. " * 8
    made = collection_with(actor, {"Garage": text}, chunk_size=120, chunk_overlap=0)
    made.documents.update(media_type="text/markdown")
    work_in_this_transaction(made.pk)
    (first, *_) = search_collection(actor, made, "wash a car", top_k=2)
    assert (first.document, first.source) == ("Garage", "https://x.test/Garage")
    assert text[first.start :].startswith(first.text)
    assert first.heading == "Cars › Washing"
    assert 0.4 < first.score < 1
    assert search_collection(actor, made, "wash a car", top_k=2, min_score=0.99) == []
    booked = UsageRecord.objects.filter(workspace_id=actor.workspace_id, node="knowledge-search")
    assert [record.input_tokens for record in booked] == [3, 3]


def test_an_empty_collection_is_searched_without_a_call(actor: Actor, server: ModelServer) -> None:
    assert search_collection(actor, collection_with(actor, {}), "x", top_k=5) == []
    assert server.calls == []


@pytest.mark.parametrize(
    ("query", "code"), [("  ", "query_empty"), ("x" * 8_001, "query_too_long")]
)
def test_queries_that_are_none_are_refused(actor: Actor, query: str, code: str) -> None:
    with pytest.raises(NodeError) as refused:
        search_collection(actor, collection_with(actor, {}), query, top_k=5)
    assert refused.value.code == code


def test_hostile_queries_are_only_words(actor: Actor, server: ModelServer) -> None:
    made = collection_with(actor, {"Odd": "it's a back\\slash & | ! <-> ':*' of Rotterdam"})
    work_in_this_transaction(made.pk)
    for query in ("it's", "back\\slash", "Rotterdam & !", "'); DROP TABLE x;--", "a:* <-> b", "%s"):
        assert len(search_collection(actor, made, query, top_k=5)) == 1


def test_every_language_offered_is_known_to_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cfgname FROM pg_ts_config")
        assert LANGUAGES.keys() <= {row[0] for row in cursor.fetchall()}


def test_rare_words_are_looked_for_and_common_ones_only_together() -> None:
    some = chosen_words([("zebra", 3), ("it's", 40), ("the", MOST_CANDIDATES)], 50_000)
    assert some.query == "'zebra' | 'it''s'"
    assert some.words == ("'zebra'", "'it''s'", "'the'")
    assert some.weights[0] > some.weights[1] > some.weights[2] > 0
    common = chosen_words([("a", MOST_CANDIDATES + 1), ("b", MOST_CANDIDATES + 2)], 50_000)
    assert common.query == "'a' & 'b'"
    assert chosen_words([], 10).query == ""


def test_words_that_nobody_has_make_the_others_count_less() -> None:
    half = chosen_words([("unknown", 0), ("zebra", 3)], 50_000)
    assert half.query == "'zebra'"
    assert 0.4 < half.weights[0] / half.whole < 0.5
