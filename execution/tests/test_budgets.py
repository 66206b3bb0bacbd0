"""Runs are held to their budgets: their own, and those of the runs that started them."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from execution.budgets import check_budget
from execution.models import NodeRun, Run
from execution.results import Spent
from execution.tests.flows_for_tests import (
    document,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage
from flows.models import Flow

JSON = Any
#: A model with a known price, which the scripted server answers with an echo.
PRICED = "openai/gpt-4o"


@pytest.fixture
def flow(db: None) -> Flow:
    return published(new_actor(), document([start_node("text"), output("x")], ["start>end"]))


def make(flow: Flow, *, above: Run | None = None, **values: Any) -> Run:
    """A run, below another one where it is given."""
    lineage = [] if above is None else [*above.lineage, str(above.id)]
    return Run.objects.create(
        workspace_id=flow.workspace_id,
        flow=flow,
        status="running",
        created_at=timezone.now(),
        parent=above,
        lineage=lineage,
        **values,
    )


def refusal(run: Run, *spent: Spent) -> NodeError | None:
    try:
        check_budget(str(run.id), spent)
    except NodeError as error:
        return error
    return None


def test_a_run_spends_until_its_budget_is_reached(flow: Flow) -> None:
    run = make(flow, budget=Decimal("0.50"), cost=Decimal("0.49999999"))
    assert refusal(run) is None
    Run.objects.filter(id=run.id).update(cost=Decimal("0.5"))
    error = refusal(run)
    assert error is not None
    assert (error.code, error.retryable) == ("budget_exceeded", False)
    assert "has spent 0.5 USD of its budget of 0.5 USD" in error.message
    assert "settings.budget" in error.message


def test_a_budget_of_nothing_lets_nothing_be_asked(flow: Flow) -> None:
    assert refusal(make(flow, budget=Decimal(0))) is not None


def test_what_the_attempt_used_so_far_counts(flow: Flow) -> None:
    run = make(flow, budget=Decimal("0.01"))
    assert refusal(run, Spent(PRICED, ModelUsage(10, 10))) is None
    assert refusal(run, Spent(PRICED, ModelUsage(100_000, 10_000))) is not None


def test_runs_below_count_against_every_run_above(flow: Flow) -> None:
    top = make(flow, budget=Decimal(1), cost=Decimal("0.2"))
    middle = make(flow, above=top, cost=Decimal("0.3"))
    lower = make(flow, above=middle, cost=Decimal("0.4"), budget=Decimal("0.5"))
    beside = make(flow, above=top)
    assert [refusal(run) for run in (top, middle, lower, beside)] == [None] * 4
    Run.objects.filter(id=beside.id).update(cost=Decimal("0.1"))
    errors = [refusal(run) for run in (top, middle, lower, beside)]
    assert all(errors)
    assert f"The run {top.id}, which started this one," in str(errors[1])
    assert "of its budget of 1 USD" in str(errors[2])


def test_a_run_below_is_held_to_its_own_budget_too(flow: Flow) -> None:
    top = make(flow, budget=Decimal(1))
    below = make(flow, above=top, budget=Decimal("0.1"), cost=Decimal("0.1"))
    assert refusal(top) is None
    assert str(refusal(below)).startswith("The run has spent 0.1 USD")


def test_a_run_without_a_budget_is_looked_up_once(flow: Flow) -> None:
    run = make(flow, cost=Decimal(99))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for _ in range(5):
            assert refusal(run) is None
    assert len(queries) == 1


def ask(name: str, model: str = PRICED) -> dict[str, JSON]:
    config = {"model": model, "prompt": "{{ start.text }}"}
    return {"id": name, "type": "llm", "config": config, "label": "Ask " + name}


@pytest.mark.usefixtures("stack")
def test_a_flow_stops_at_the_call_for_which_no_budget_is_left() -> None:
    actor = new_actor()
    nodes = [start_node("text"), ask("one"), ask("two"), output("{{ two.text }}")]
    edges = ["start>one", "one>two", "two>end"]
    content = document(nodes, edges, settings={"budget": "0.000001"})
    run = run_to_end(actor, published(actor, content), {"text": "Hello you"})
    assert run.budget == Decimal("0.000001")
    assert run.cost > 0
    assert run.error is not None
    assert (run.status, run.error["code"]) == ("failed", "budget_exceeded")
    assert (run.error["node"], run.error["label"]) == ("two", "Ask two")
    assert [row.attempt for row in NodeRun.objects.filter(run=run, type="llm")] == [1, 1]


@pytest.mark.usefixtures("stack")
def test_a_budget_that_is_not_reached_changes_nothing() -> None:
    actor = new_actor()
    content = document(
        [start_node("text"), ask("one"), output("{{ one.text }}")],
        ["start>one", "one>end"],
        settings={"budget": "5"},
    )
    run = run_to_end(actor, published(actor, content), {"text": "Hello"})
    assert (run.status, run.outputs) == ("succeeded", {"end": "Hello"})
