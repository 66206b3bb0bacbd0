"""What a model call used until it was cut off is accounted."""

from dataclasses import astuple
from decimal import Decimal

import pytest
from django.db.models import Sum

from billing.models import UsageRecord
from execution.models import Run, RunEvent
from execution.services import cancel_run, start_run
from execution.tally import Tally
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
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import ModelRequest

real = pytest.mark.usefixtures("stack", "models")
PROMPT = "a question of thirty-two letters"


def asked(model: str, **more: object) -> list[dict[str, object]]:
    return [start_node("text"), llm("ask", PROMPT, model, **more), output("{{ ask.text }}")]


def streamed(run: Run) -> bool:
    return RunEvent.objects.filter(run=run, type="node.delta").exists()


@real
@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_what_a_cancelled_call_streamed_is_booked_as_an_estimate(execution: str) -> None:
    actor = new_actor()
    content = document(
        asked("tokens-500x20ms"), ["start>ask", "ask>end"], settings={"execution": execution}
    )
    run = start_run(actor, published(actor, content), {"text": "x"}).run
    until(lambda: streamed(run))
    cancel_run(actor, run)
    assert ended(run, 10).status == "cancelled"
    booked = UsageRecord.objects.get(run_id=run.id)
    assert booked.estimated
    assert booked.model == "openai_compatible/tokens-500x20ms"
    assert booked.input_tokens == len(PROMPT) / 4
    assert 0 < booked.output_tokens < 500
    assert (run.input_tokens, run.output_tokens) == (booked.input_tokens, booked.output_tokens)


@real
def test_a_call_that_breaks_off_is_booked_beside_the_one_that_follows() -> None:
    actor = new_actor()
    retry = {"max_attempts": 2, "initial_seconds": 0.01}
    content = document(asked("cut", retry=retry), ["start>ask", "ask>end"])
    run = run_to_end(actor, published(actor, content), {"text": "x"})
    assert run.error
    assert run.error["code"] == "model_unavailable"
    records = UsageRecord.objects.filter(run_id=run.id).order_by("attempt")
    assert [(record.attempt, record.estimated) for record in records] == [(1, True), (2, True)]
    total = records.aggregate(tokens=Sum("output_tokens"), cost=Sum("cost"))
    assert (run.output_tokens, run.cost) == (total["tokens"], total["cost"] or Decimal(0))
    assert run.output_tokens > 0


@real
def test_a_call_that_was_refused_used_nothing() -> None:
    actor = new_actor()
    content = document(asked("error-400"), ["start>ask", "ask>end"])
    run = run_to_end(actor, published(actor, content), {"text": "x"})
    assert run.status == "failed"
    assert not UsageRecord.objects.filter(run_id=run.id).exists()


def test_what_the_provider_said_goes_before_an_estimate() -> None:
    request = ModelRequest(({"role": "user", "content": "x" * 40},), system="y" * 4)
    heard: list[str] = []
    tally = Tally(request, heard.append)
    assert not tally.begun
    tally.emit("é" * 8)
    assert tally.begun
    assert heard == ["é" * 8]
    assert astuple(tally.usage()) == (11, 4, 0, 0)
    tally.counted(ModelUsage(30, 1, 20, 5), final=False)
    assert astuple(tally.usage()) == (30, 4, 20, 5)
    tally.counted(ModelUsage(30, 90, 20, 5), final=False)
    assert tally.usage().output_tokens == 90
    assert tally.estimated


def test_a_final_count_is_booked_as_it_is_unless_text_follows_it() -> None:
    tally = Tally(ModelRequest(({"role": "user", "content": "x" * 40},)), lambda _: None)
    tally.emit("Donaudampfschifffahrt" * 4)
    tally.counted(ModelUsage(30, 2), final=True)
    assert (tally.usage(), tally.estimated) == (ModelUsage(30, 2), False)
    tally.emit("!")
    assert (tally.usage(), tally.estimated) == (ModelUsage(30, 22), True)
