"""The condition of a retry is checked like the node's config, with one more name: `error`."""

from typing import Any

import pytest

from flows.engine.errors import Problem
from flows.engine.tests.test_validate import found, one, template


def asking(condition: str, **more: Any) -> dict[str, Any]:
    config = {"url": "https://example.com"}
    return {"id": "ask", "type": "http", "config": config, "retry": {"if": condition}, **more}


@pytest.mark.parametrize(
    "condition",
    [
        "{{ error.status == 503 or error.code == 'timeout' }}",
        "{{ error.attempt < 3 and not error.retryable }}\n",
        "{{ ticket.subject in error.message and vars.again and run.id }}",
    ],
)
def test_a_sound_condition_has_no_problems(condition: str) -> None:
    assert found(asking(condition)) == []


@pytest.mark.parametrize(
    ("condition", "code", "hint"),
    [
        ("{{ error.statuz }}", "unknown_field", "Did you mean 'status'?"),
        ("{{ tickit.subject }}", "unknown_reference", "Did you mean 'ticket'?"),
        ("{{ ticket.subjct }}", "unknown_field", "Did you mean 'subject'?"),
        ("{{ ask.status }}", "reference_not_before", "of its own node"),
        ("{{ end.value }}", "reference_not_before", "cannot have run before"),
        ("always", "retry_if_invalid", "one expression"),
        ("{{ 1 }} and {{ 2 }}", "retry_if_invalid", "one expression"),
    ],
)
def test_what_is_wrong_with_a_condition_is_named(condition: str, code: str, hint: str) -> None:
    problem: Problem = one(asking(condition))
    assert (problem.code, problem.node, problem.path) == (code, "ask", "retry.if")
    assert hint in problem.message


def test_a_condition_that_cannot_be_read_is_an_error() -> None:
    problem = one(asking("{{ error. }}"))
    assert (problem.severity, problem.path) == ("error", "retry.if")


def test_a_node_that_gives_the_same_every_time_is_told_so() -> None:
    problem = one({**template("{{ ticket.subject }}"), "retry": {"if": "{{ true }}"}})
    assert (problem.code, problem.severity) == ("retry_without_effect", "warning")


def test_error_means_nothing_in_the_config_itself() -> None:
    problem = one({**asking("{{ true }}"), "config": {"url": "https://{{ error.code }}"}})
    assert problem.code == "unknown_reference"


@pytest.mark.parametrize(
    ("node", "hint"),
    [
        ({"type": "map", "config": {"items": [1]}}, "inside"),
        ({"type": "wait", "config": {"seconds": 1}}, "that call"),
    ],
)
def test_what_only_holds_or_waits_is_told_that_it_is_tried_once(
    node: dict[str, Any], hint: str
) -> None:
    problems = found({"id": "ask", **node, "retry": {"max_attempts": 3}})
    (problem,) = [each for each in problems if each.code == "retry_without_effect"]
    assert (problem.severity, problem.path) == ("warning", "retry")
    assert hint in problem.message
