"""How long and how often a node is tried: the document's word before the type's default."""

from typing import Any

import pytest

from flows.engine.attempts import (
    MARGIN_SECONDS,
    attempt_seconds,
    condition_holds,
    evaluated_of,
    failure_of,
    is_rate_limit,
    retry_is_asked_for,
    retry_of,
)
from flows.engine.document import NodeSpec
from flows.engine.errors import NodeError
from flows.engine.expressions import ExpressionError
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


def test_a_condition_is_part_of_the_retry_and_of_what_is_evaluated() -> None:
    node = NodeSpec.model_validate(
        {"id": "a", "type": "http", "config": {"url": "u"}, "retry": {"if": "{{ b.again }}"}}
    )
    assert retry_of(node, node_type("http")) == RetryDefaults(3, 1, 2, 30, "{{ b.again }}")
    assert evaluated_of(node) == {"url": "u", "retry.if": "{{ b.again }}"}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("{{ error.status in [500, 418] and error.attempt < 3 }}", True),
        ("{{ error.code == 'http_status' and not error.retryable }}", True),
        ("  {{ 'teapot' in error.message }}\n", True),
        ("{{ limits.again }}", False),
        ("{{ 'no' }}", False),
    ],
)
def test_a_condition_reads_the_error_and_what_the_config_may_read(
    condition: str, holds: bool
) -> None:
    error = NodeError("http_status", "I am a teapot", details={"status": 418})
    assert condition_holds(condition, {"limits": {"again": 0}}, error, 2) is holds


def test_an_error_without_a_status_has_none() -> None:
    assert condition_holds("{{ error.status == null }}", {}, NodeError("timeout", "late"), 1)


def test_a_condition_that_cannot_be_evaluated_says_so() -> None:
    with pytest.raises(ExpressionError, match="statuz"):
        condition_holds("{{ error.statuz }}", {}, NodeError("timeout", "late"), 1)
    with pytest.raises(ExpressionError, match="steps"):
        condition_holds(
            "{{ rows | sort | length }}",
            {"rows": ["x" * 10_000] * 200_000},
            NodeError("timeout", "late"),
            1,
        )


@pytest.mark.parametrize(
    ("error", "limited"),
    [
        (NodeError("a", "m", refused=True, retry_after=3), True),
        (NodeError("a", "m", refused=True, details={"status": 429}), True),
        (NodeError("a", "m", refused=True, details={"status": 503}), False),
        (NodeError("a", "m", retry_after=3), False),
        (NodeError("a", "m", details={"status": 429}), False),
    ],
)
def test_a_rate_limit_is_a_refusal_that_says_when_or_says_too_many(
    error: NodeError, limited: bool
) -> None:
    assert is_rate_limit(error) is limited


def test_a_runs_error_names_the_node_and_its_label() -> None:
    error = {"code": "c", "message": "m"}
    node = NodeSpec(id="a", type="http")
    assert failure_of(node, error) == {**error, "node": "a"}
    labelled = NodeSpec(id="a", type="http", label="Ask")
    assert failure_of(labelled, error) == {**error, "node": "a", "label": "Ask"}
