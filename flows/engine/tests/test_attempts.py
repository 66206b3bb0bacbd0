"""How long an attempt may last: the document's word, then the config's, then the type's."""

from typing import Any

import pytest

from flows.engine.attempts import MARGIN_SECONDS, attempt_seconds
from flows.engine.document import NodeSpec
from flows.engine.tests.support import node_type


def seconds(type: str, config: dict[str, Any], **more: Any) -> float:
    node = NodeSpec.model_validate({"id": "a", "type": type, "config": config, **more})
    return attempt_seconds(node, node_type(type))


def test_an_attempt_lasts_as_long_as_its_config_asks_and_a_margin() -> None:
    assert seconds("http", {"timeout_seconds": 300}) == 300 + MARGIN_SECONDS
    assert seconds("http", {"timeout_seconds": "90.5"}) == 90.5 + MARGIN_SECONDS


def test_a_config_that_asks_for_little_or_nothing_leaves_the_types_default() -> None:
    assert seconds("http", {}) == node_type("http").timeout_seconds
    assert seconds("http", {"timeout_seconds": 5}) == node_type("http").timeout_seconds
    assert seconds("llm", {"timeout_seconds": 500}) == node_type("llm").timeout_seconds


def test_an_expression_may_give_the_longest_time() -> None:
    assert seconds("http", {"timeout_seconds": "{{ vars.t }}"}) == 600 + MARGIN_SECONDS


def test_the_documents_own_limit_wins() -> None:
    assert seconds("http", {"timeout_seconds": 300}, timeout_seconds=20) == 20
    assert seconds("http", {"timeout_seconds": 5}, timeout_seconds=900) == 900


@pytest.mark.parametrize(
    "value", [None, "", "soon", [], {}, 0, -1, 601, 10**400, float("nan"), float("inf")]
)
def test_what_the_config_may_not_say_leaves_the_types_default(value: Any) -> None:
    assert seconds("http", {"timeout_seconds": value}) == node_type("http").timeout_seconds
