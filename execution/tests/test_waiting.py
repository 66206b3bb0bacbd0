"""Runs that wait, for time and for people, from the start to the recorded end."""

import time
from typing import Any

import pytest

from accounts.permissions import Actor
from execution.approval_models import Approval
from execution.approval_services import Answer, decide
from execution.models import NodeRun, Run, RunEvent, RunStatus
from execution.services import cancel_run, start_run
from execution.steering import pause_run, resume_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    new_actor,
    output,
    published,
    start_node,
    until,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack")


def asked(**config: JSON) -> dict[str, JSON]:
    nodes = [
        start_node("text"),
        {"id": "ask", "type": "approval", "config": {"message": "{{ start.text }}?", **config}},
        output("{{ ask }}", "yes"),
        output("{{ ask.comment }}", "no"),
    ]
    return document(nodes, ["start>ask", "ask.approved>yes", "ask.rejected>no"])


def started(actor: Actor, content: dict[str, JSON]) -> Run:
    return start_run(actor, published(actor, content), {"text": "Go"}).run


def waits(run: Run) -> bool:
    return Run.objects.filter(id=run.id, status=RunStatus.WAITING).exists()


def test_a_run_waits_for_a_decision_and_goes_on_with_it() -> None:
    actor = new_actor()
    fields = [{"name": "amount", "type": "number", "required": True}]
    run = started(actor, asked(fields=fields))
    until(lambda: waits(run))
    row = NodeRun.objects.get(run=run, node="ask")
    assert (row.status, (row.input or {})["message"]) == ("waiting", "Go?")
    decide(actor, run, "ask", [], Answer("approve", "fine", {"amount": 5}), via="api")
    over = ended(run, 20)
    assert over.status == RunStatus.SUCCEEDED, over.error
    given = (over.outputs or {})["yes"]
    assert (given["decision"], given["comment"], given["data"]) == (
        "approved",
        "fine",
        {"amount": 5},
    )
    kinds = list(RunEvent.objects.filter(run=run).order_by("seq").values_list("type", flat=True))
    assert "run.waiting" in kinds
    assert kinds[-1] == "run.finished"


def test_a_decision_that_is_made_while_no_worker_lives_is_taken_up(stack: Any) -> None:
    actor = new_actor()
    run = started(actor, asked())
    until(lambda: waits(run))
    stack.restart_worker()
    decide(actor, run, "ask", [], Answer("reject", "no", {}), via="page")
    stack.wait_until_ready()
    assert ended(run, 30).outputs == {"no": "no"}


@pytest.mark.parametrize(
    ("policy", "status", "outputs"),
    [("reject", "succeeded", {"no": ""}), ("fail", "failed", None)],
)
def test_at_its_deadline_an_approval_does_what_was_said(
    policy: str, status: str, outputs: JSON
) -> None:
    actor = new_actor()
    run = started(actor, asked(timeout_seconds=1, on_timeout=policy))
    over = ended(run, 20)
    assert over.status == status
    assert over.outputs == outputs or outputs is None
    assert Approval.objects.get(run=run).state == "expired"


def test_a_cancelled_run_takes_no_decision_any_more() -> None:
    actor = new_actor()
    run = started(actor, asked())
    until(lambda: waits(run))
    cancel_run(actor, run)
    assert ended(run, 20).status == RunStatus.CANCELLED
    assert Approval.objects.get(run=run).state == "cancelled"
    assert NodeRun.objects.get(run=run, node="ask").status == "cancelled"


def waiting(seconds: float, **more: JSON) -> dict[str, JSON]:
    nodes = [
        start_node("text"),
        {"id": "pause", "type": "wait", "config": {"seconds": seconds}},
        output("{{ pause.waited_seconds >= 1 }}"),
    ]
    return document(nodes, ["start>pause", "pause>end"], **more)


def test_a_wait_survives_the_death_of_its_worker_and_does_not_count_as_work(
    stack: Any,
) -> None:
    actor = new_actor()
    run = started(actor, waiting(5, settings={"timeout_seconds": 3}))
    until(lambda: waits(run))
    stack.restart_worker()
    over = ended(run, 30)
    assert (over.status, over.outputs) == (RunStatus.SUCCEEDED, {"end": True})
    row = NodeRun.objects.get(run=run, node="pause")
    assert row.duration_ms is not None
    assert 5_000 <= row.duration_ms < 15_000


def test_a_run_that_is_paused_while_it_waits_says_that_it_waits_afterwards() -> None:
    actor = new_actor()
    run = started(actor, waiting(3))
    until(lambda: waits(run))
    assert pause_run(actor, run).status == RunStatus.PAUSED
    assert resume_run(actor, run).status == RunStatus.WAITING
    pause_run(actor, run)
    time.sleep(3.5)
    run.refresh_from_db()
    assert run.status == RunStatus.PAUSED
    resume_run(actor, run)
    assert ended(run, 20).status == RunStatus.SUCCEEDED
