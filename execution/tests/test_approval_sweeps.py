"""Decisions that a run has not taken are told again: soon, then ever more rarely."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.permissions import Actor
from execution import approval_sweeps
from execution.approval_models import Approval
from execution.approval_services import Answer, decide
from execution.approvals import settle_approval
from execution.ending import end_from_outside
from execution.models import Run
from execution.tests.approvals_for_tests import call_for, waiting_run

pytestmark = pytest.mark.usefixtures("woken")
WEEK = 7 * 86_400


def decided(actor: Actor, ago: float, told_ago: float | None = None) -> Run:
    """A run whose approval was decided so many seconds ago, and that was told so many ago."""
    run = waiting_run(actor)
    decide(actor, run, "ask", [], Answer("approve"))
    now = timezone.now()
    told = None if told_ago is None else now - timedelta(seconds=told_ago)
    Approval.objects.filter(run=run).update(decided_at=now - timedelta(seconds=ago), woken_at=told)
    return run


def claimed() -> list[str]:
    return [str(place.run_id) for place in approval_sweeps._claim_untaken()]


def test_a_decision_that_was_not_taken_is_told_again_once(actor: Actor) -> None:
    decided(actor, ago=1)
    run = decided(actor, ago=5)
    assert claimed() == [str(run.id)]
    assert claimed() == []


@pytest.mark.parametrize(
    ("ago", "told_ago", "due"),
    [(10, 4, False), (14, 6, False), (14, 8, True), (WEEK, 3_500, False), (WEEK, 3_700, True)],
)
def test_the_pause_doubles_up_to_an_hour(
    actor: Actor, ago: float, told_ago: float, due: bool
) -> None:
    decided(actor, ago, told_ago)
    assert bool(claimed()) is due


def test_what_was_taken_and_what_is_over_is_left_alone(actor: Actor) -> None:
    taken, over = decided(actor, ago=5), decided(actor, ago=5)
    settle_approval(call_for(taken), False)
    end_from_outside(str(over.id), "cancelled", {"code": "cancelled", "message": "Cancelled."})
    waiting_run(actor)
    assert claimed() == []


def test_who_was_told_longest_ago_comes_first(actor: Actor) -> None:
    told, never = decided(actor, 100, told_ago=90), decided(actor, 50)
    assert claimed() == [str(never.id), str(told.id)]
