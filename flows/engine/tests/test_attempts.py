"""How long and how often a node is tried: the document's word before the type's default."""

from typing import Any

import pytest

from flows.engine.attempts import MARGIN_SECONDS, attempt_seconds, retry_is_asked_for, retry_of
from flows.engine.document import NodeSpec
from flows.engine.node_type import RetryDefaults
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


def retry(type: str, said: dict[str, Any] | None) -> RetryDefaults:
    node = NodeSpec.model_validate({"id": "a", "type": type, "retry": said})
    return retry_of(node, node_type(type))


def test_without_a_retry_the_types_defaults_hold() -> None:
    assert retry("llm", None) == retry("llm", {}) == node_type("llm").retry


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"initial_seconds": 5}, RetryDefaults(4, 5, 2, 30)),
        ({"max_attempts": 1}, RetryDefaults(1, 1, 2, 30)),
        ({"backoff": 3, "max_seconds": 4}, RetryDefaults(4, 1, 3, 4)),
        ({"max_attempts": None, "backoff": 1}, RetryDefaults(4, 1, 1, 30)),
        (
            {"max_attempts": 9, "initial_seconds": 8, "backoff": 7, "max_seconds": 6},
            RetryDefaults(9, 8, 7, 6),
        ),
    ],
)
def test_a_partial_retry_changes_only_what_it_names(
    said: dict[str, Any], expected: RetryDefaults
) -> None:
    assert retry("llm", said) == expected


def test_a_long_first_pause_is_not_cut_by_the_types_limit() -> None:
    assert retry("llm", {"initial_seconds": 90}) == RetryDefaults(4, 90, 2, 90)
    assert retry("llm", {"initial_seconds": 90, "max_seconds": 20}).max_seconds == 20


@pytest.mark.parametrize(
    ("said", "asked_for"),
    [(None, False), ({}, False), ({"max_attempts": None}, False), ({"max_attempts": 1}, True)],
)
def test_a_retry_is_asked_for_where_the_document_says_something_of_it(
    said: dict[str, Any] | None, asked_for: bool
) -> None:
    node = NodeSpec.model_validate({"id": "a", "type": "http", "retry": said})
    assert retry_is_asked_for(node) is asked_for
