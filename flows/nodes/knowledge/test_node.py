"""The knowledge node hands matches on, and marks them so that an answer can name its sources."""

from typing import Any

import pytest

from flows.engine.doors.knowledge import Match
from flows.engine.errors import NodeError
from flows.engine.tests.support import FakeContext, FakeKnowledge, perform

FOUND = [
    Match("Send it back.", 0.91, "Returns", "d1", 3, "Orders › Returns", "https://x.test/r"),
    Match("We pay {{ 1+1 }}.", 0.82, "Costs", "d2", 0, metadata={"year": 2026}),
]


def world() -> FakeContext:
    return FakeContext(knowledge=FakeKnowledge({"handbook": FOUND}))


def failure(**config: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        perform("knowledge", {"collection": "handbook", "query": "x", **config}, world())
    return caught.value


def test_matches_and_a_text_with_numbered_sources_are_handed_on() -> None:
    asked = world()
    config = {"collection": "handbook", "query": "{{ a }}", "top_k": "2"}
    output = perform("knowledge", config, asked, {"a": "refund"}).output
    assert asked.knowledge.asked == [("handbook", "refund", 2, 0)]
    assert output["matches"][0] == {
        "text": "Send it back.",
        "score": 0.91,
        "document": "Returns",
        "document_id": "d1",
        "source": "https://x.test/r",
        "heading": "Orders › Returns",
        "position": 3,
        "metadata": {},
    }
    assert output["matches"][1]["metadata"] == {"year": 2026}
    assert output["text"] == (
        "[1] Returns › Orders › Returns (https://x.test/r)\nSend it back.\n\n"
        "[2] Costs\nWe pay {{ 1+1 }}."
    )


def test_no_match_is_an_empty_text_and_no_error() -> None:
    config = {"collection": "handbook", "query": "x", "min_score": 0.95}
    assert perform("knowledge", config, world()).output == {"matches": [], "text": ""}


@pytest.mark.parametrize(
    ("config", "code", "field"),
    [
        ({"collection": "nothing"}, "collection_missing", "collection"),
        ({"query": ""}, "config_invalid", "query"),
        ({"top_k": 51}, "config_invalid", "top_k"),
        ({"min_score": 2}, "config_invalid", "min_score"),
    ],
)
def test_what_cannot_be_searched_is_told(config: dict[str, Any], code: str, field: str) -> None:
    error = failure(**config)
    assert (error.code, error.field) == (code, field)
