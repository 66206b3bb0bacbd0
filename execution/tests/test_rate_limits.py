"""Rate limits and conditions of retries in whole runs, against services that really answer so."""

import uuid
from typing import Any

import pytest

from execution.models import NodeRun, Run, RunEvent
from execution.tests.flows_for_tests import (
    document,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)
from tests.support.model_behaviours import Behaviour
from tests.support.model_script import Call

JSON = Any


def answering(stack: JSON, *behaviours: Behaviour) -> str:
    """A prompt that is answered so, one after the other, and then echoed."""
    tag = uuid.uuid4().hex
    left = list(behaviours)
    for behaviour in reversed(behaviours):

        def is_its_turn(call: Call, behaviour: Behaviour = behaviour) -> bool:
            if tag in call.prompt and left and left[0] is behaviour:
                del left[0]
                return True
            return False

        stack.model_server.script(is_its_turn, behaviour)
    return tag


def run_of(node: dict[str, JSON], *, given: str = "x", **more: JSON) -> Run:
    """The run of one node between an input and an output."""
    actor = new_actor()
    nodes = [start_node("text"), node, output("{{ ask }}")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"], **more))
    return run_to_end(actor, flow, {"text": given})


def codes(run: Run) -> list[str]:
    rows = NodeRun.objects.filter(run=run, node="ask").order_by("attempt")
    return [row.error["code"] if row.error else row.status for row in rows]


def test_a_model_that_asks_for_patience_is_waited_for_without_using_attempts(
    stack: JSON,
) -> None:
    tag = answering(stack, *[Behaviour(error=429, retry_after=0.2)] * 4, Behaviour(error=500))
    run = run_of(llm("ask", tag, retry={"max_attempts": 2, "initial_seconds": 0.1}))
    assert run.status == "succeeded", run.error
    assert codes(run) == [*["rate_limited"] * 4, "model_unavailable", "succeeded"]
    events = RunEvent.objects.filter(run=run, type="node.retrying").order_by("seq")
    said = [(event.data.get("counted", True), event.data["next_attempt_in"]) for event in events]
    assert [counted for counted, _ in said] == [*[False] * 4, True]
    assert all(0.2 <= wait < 0.3 for _, wait in said[:4])


def test_a_service_that_asks_for_patience_is_waited_for_even_by_a_post(stack: JSON) -> None:
    tag = answering(stack, *[Behaviour(error=503, retry_after=1)] * 2)
    url = f"{stack.model_server.url}/v1/chat/completions"
    body = {"model": "echo", "messages": [{"role": "user", "content": tag}]}
    config = {"method": "POST", "url": url, "body": body}
    run = run_of({"id": "ask", "type": "http", "config": config, "retry": {"max_attempts": 1}})
    assert (run.status, codes(run)) == ("succeeded", ["rate_limited", "rate_limited", "succeeded"])


def test_a_wait_beyond_the_end_of_the_run_fails_at_once_and_says_so(stack: JSON) -> None:
    run = run_of(llm("ask", "Hi", "error-429-retry-60"), settings={"timeout_seconds": 20})
    assert (run.status, codes(run)) == ("failed", ["model_rate_limited"])
    assert run.error is not None
    assert "settings.timeout_seconds" in run.error["message"]


def test_a_condition_repeats_what_says_that_it_cannot_pass(stack: JSON) -> None:
    condition = "{{ error.status == 404 and error.attempt < 3 and not error.retryable }}"
    retry = {"if": condition, "max_attempts": 5, "initial_seconds": 0.05}
    run = run_of(llm("ask", "Hi", "error-404", label="Ask it", retry=retry))
    assert codes(run) == ["model_unknown"] * 3
    assert run.error is not None
    told = {name: run.error.get(name) for name in ("node", "label", "attempt", "max_attempts")}
    assert told == {"node": "ask", "label": "Ask it", "attempt": 3, "max_attempts": 5}


def test_a_condition_keeps_from_repeating_what_may_pass(stack: JSON) -> None:
    retry = {"if": "{{ start.text == 'again' }}", "max_attempts": 2, "initial_seconds": 0.05}
    node = llm("ask", "Hi", "error-500", retry=retry)
    assert codes(run_of(node)) == ["model_unavailable"]
    assert codes(run_of(node, given="again")) == ["model_unavailable"] * 2


def test_a_condition_that_breaks_is_told_with_the_error(stack: JSON) -> None:
    retry = {"if": "{{ error.message[start.text] }}", "max_attempts": 3}
    run = run_of(llm("ask", "Hi", "error-500", retry=retry))
    assert codes(run) == ["model_unavailable"]
    assert run.error is not None
    assert "'retry.if' cannot be evaluated" in run.error["message"]


def test_a_large_value_in_a_condition_is_loaded_for_it(stack: JSON) -> None:
    retry = {"if": "{{ start.text | length > 90000 }}", "max_attempts": 2, "initial_seconds": 0.05}
    run = run_of(llm("ask", "Hi", "error-404", retry=retry), given="x" * 100_000)
    assert codes(run) == ["model_unknown"] * 2


@pytest.mark.parametrize("model", ["error-500", "error-503"])
def test_a_service_that_is_down_uses_attempts(stack: JSON, model: str) -> None:
    retry = {"max_attempts": 2, "initial_seconds": 0.05}
    assert codes(run_of(llm("ask", "Hi", model, retry=retry))) == ["model_unavailable"] * 2
