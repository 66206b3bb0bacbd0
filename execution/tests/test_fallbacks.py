"""Fallback models on the real stack: what streams, what is booked, what the record shows."""

import uuid
from typing import Any

import pytest

from billing.models import UsageRecord
from execution.models import NodeRun, Run, RunEvent
from execution.queries import event_payload
from execution.services import start_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
    until,
)
from execution.views.steps import step_of
from flows.engine.document import parse

pytestmark = pytest.mark.usefixtures("stack")
JSON = Any


def flow_of(model: str, *fallbacks: str, **more: JSON) -> Any:
    node = llm("ask", "{{ start.text }}", model, **more)
    node["config"]["fallback_models"] = [f"openai_compatible/{name}" for name in fallbacks]
    nodes = [start_node("text"), node, output("{{ ask }}")]
    return document(nodes, ["start>ask", "ask>end"])


def run_of(model: str, *fallbacks: str, **more: JSON) -> Run:
    actor = new_actor()
    flow = published(actor, flow_of(model, *fallbacks, **more))
    return run_to_end(actor, flow, {"text": f"Hello {uuid.uuid4().hex}"})


def test_the_model_that_answers_is_named_with_those_that_failed_before_it() -> None:
    run = run_of("error-404", "error-503", "echo")
    assert run.status == "succeeded", run.error
    assert run.outputs is not None
    said = run.outputs["end"]
    assert said["model"] == "openai_compatible/echo"
    assert [(fact["model"], fact["code"]) for fact in said["fallbacks"]] == [
        ("openai_compatible/error-404", "model_unknown"),
        ("openai_compatible/error-503", "model_unavailable"),
    ]
    row = NodeRun.objects.get(run=run, node="ask")
    assert (row.attempt, row.model) == (1, "openai_compatible/echo")


def test_every_call_is_booked_also_one_that_was_refused() -> None:
    run = run_of("refusal", "echo")
    booked = UsageRecord.objects.filter(run_id=run.id).values_list("model", "attempt")
    assert sorted(booked) == [("openai_compatible/echo", 1), ("openai_compatible/refusal", 1)]
    assert run.output_tokens == sum(
        UsageRecord.objects.filter(run_id=run.id).values_list("output_tokens", flat=True)
    )


def test_a_node_all_of_whose_models_fail_says_so() -> None:
    run = run_of("error-404", "refusal", retry={"max_attempts": 1})
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["code"] == "model_unknown"
    assert "openai_compatible/refusal (model_refused)" in run.error["message"]


def test_the_text_of_a_failed_model_gives_way_to_the_next_ones() -> None:
    actor = new_actor()
    # What is filtered in the end was streamed like an answer, and kept like one.
    content = flow_of("filter+tokens-60x40ms", "tokens-80x40ms")
    flow = published(actor, content)
    run = start_run(actor, flow, {"text": "x"}).run
    kept = RunEvent.objects.filter(run=run, type="node.delta")
    until(lambda: any(event.data.get("part") == 1 for event in kept.all()))
    row = NodeRun.objects.get(run=run, node="ask")
    step = step_of(run, parse(content), row, "ask")
    assert step.part == 1
    whole = "".join(f"t{number} " for number in range(80))
    assert step.text
    assert whole.startswith(step.text)
    assert ended(run).status == "succeeded"
    text, part = "", 0
    for event in map(event_payload, kept.order_by("seq")):
        if event.get("part", 0) > part:
            text, part = "", event["part"]
        assert event["offset"] == len(text)
        text += event["text"]
    assert part == 1
    assert whole.startswith(text)
