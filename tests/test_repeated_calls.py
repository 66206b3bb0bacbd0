"""What may not be done twice is sent once, unless the document asks for retries."""

import uuid
from typing import Any

import pytest

from execution.models import NodeRun, Run
from execution.tests.flows_for_tests import (
    document,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)
from fluxprompt.testing.live_stack import LiveStack

JSON = Any
RETRY = {"max_attempts": 3, "initial_seconds": 0.05}


def post(stack: LiveStack, model: str, **more: JSON) -> Run:
    """The run of a flow that posts to a service which behaves as the model's name says."""
    actor = new_actor()
    question = {"model": model, "messages": [{"role": "user", "content": uuid.uuid4().hex}]}
    url = f"{stack.model_server.url}/v1/chat/completions"
    config = {"method": "POST", "url": url, "body": question}
    nodes = [
        start_node("text"),
        {"id": "send", "type": "http", "config": config, **more},
        output("{{ send.status }}"),
    ]
    flow = published(actor, document(nodes, ["start>send", "send>end"]))
    return run_to_end(actor, flow, {"text": "x"})


def attempts(run: Run) -> list[str]:
    rows = NodeRun.objects.filter(run=run, node="send").order_by("attempt")
    return [row.error["code"] if row.error else row.status for row in rows]


def test_a_post_that_was_refused_is_sent_again(stack: LiveStack) -> None:
    run = post(stack, "flaky-1")
    assert (run.status, attempts(run)) == ("succeeded", ["http_status", "succeeded"])


@pytest.mark.parametrize(("more", "tries"), [({}, 1), ({"retry": RETRY}, 3)])
def test_a_post_that_failed_is_sent_again_only_where_the_document_asks(
    stack: LiveStack, more: dict[str, JSON], tries: int
) -> None:
    run = post(stack, "error-500", **more)
    assert (run.status, attempts(run)) == ("failed", ["http_status"] * tries)


@pytest.mark.parametrize(("more", "tries"), [({}, 1), ({"retry": RETRY}, 3)])
def test_a_post_that_was_cut_off_may_have_been_acted_upon(
    stack: LiveStack, more: dict[str, JSON], tries: int
) -> None:
    run = post(stack, "hang", timeout_seconds=0.5, **more)
    assert (run.status, attempts(run)) == ("failed", ["timeout"] * tries)
