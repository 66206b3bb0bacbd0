"""The engine's side of approvals: opened once, settled once, closed with the run."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Workspace
from accounts.permissions import Actor
from execution.approval_models import Approval
from execution.approval_services import Answer, decide
from execution.approvals import open_approval, settle_approval
from execution.attempts import RunOver
from execution.ending import end_from_outside
from execution.models import Blob, NodeRun, Run
from execution.payloads import resolve_references
from execution.tests.approvals_for_tests import (
    approval_of,
    ask,
    asking,
    call_for,
    person,
    waiting_run,
)
from execution.tests.flows_for_tests import event_types, published
from execution.tests.pages_for_tests import make_run
from flows.engine.errors import NodeError

pytestmark = pytest.mark.usefixtures("woken")


def past(run: Run) -> None:
    """Let the deadline be over."""
    Approval.objects.filter(run=run).update(deadline=timezone.now() - timedelta(seconds=5))


def test_a_run_that_comes_to_an_approval_waits_with_its_question(actor: Actor) -> None:
    fields = [{"name": "amount", "type": "number", "required": True}]
    config = {"message": "Pay?", "fields": fields, "assignees": ["Ada@Example.com"]}
    run = waiting_run(actor, config, label="Check it")
    approval = approval_of(run)
    assert (approval.message, approval.assignees) == ("Pay?", ["ada@example.com"])
    assert (approval.title, approval.state) == ("Check it", "open")
    assert approval.fields[0]["name"] == "amount"
    row = NodeRun.objects.get(run=run)
    assert (row.status, row.attempt, row.type) == ("waiting", 1, "approval")
    assert row.input == config
    started = run.events.get(type="node.started")
    assert started.data == {"attempt": 1, "waiting_for": "approval"}


def test_the_deadline_is_told_in_the_words_of_the_row(actor: Actor) -> None:
    run = make_run(published(actor, asking()), "running", last_seq=1)
    told = ask(run, {"timeout_seconds": 3600})["deadline"]
    approval = approval_of(run)
    assert approval.deadline is not None
    assert told == approval.deadline.isoformat()
    assert timedelta(minutes=59) < approval.deadline - timezone.now() < timedelta(minutes=61)


@pytest.mark.parametrize("config", [{}, {"timeout_seconds": 60}])
def test_opened_again_after_a_crash_it_finds_its_own_row(
    actor: Actor, config: dict[str, Any]
) -> None:
    run = make_run(published(actor, asking()), "running", last_seq=1)
    first = ask(run, config)
    before = event_types(run)
    assert ask(run, config) == first
    assert Approval.objects.filter(run=run).count() == 1
    assert NodeRun.objects.filter(run=run).count() == 1
    assert event_types(run) == before


def test_what_came_along_is_recorded_with_it(actor: Actor) -> None:
    run = make_run(published(actor, asking()), "queued", last_seq=1, started_at=None)
    call = call_for(run)
    at = timezone.now().isoformat()
    call["records"] = [
        {
            "node": "start",
            "type": "input",
            "path": [],
            "status": "succeeded",
            "at": at,
            "input": None,
            "output": {"topic": "Tea"},
            "ports": ["out"],
            "error": None,
        }
    ]
    open_approval(call, {"message": "Go?"})
    assert event_types(run) == [
        "run.started",
        "node.started:start",
        "node.finished:start",
        "node.started:ask",
    ]
    run.refresh_from_db()
    assert run.status == "running"


def test_iterations_of_one_node_are_asked_apart(actor: Actor) -> None:
    run = make_run(published(actor, asking()), "running", last_seq=1)
    for index in (0, 1):
        ask(run, path=["rows", index])
    decide(actor, run, "ask", ["rows", 1], Answer("approve"))
    assert settle_approval(call_for(run, ["rows", 0]), False) is None
    done = settle_approval(call_for(run, ["rows", 1]), False)
    assert done is not None
    assert done["ports"] == ["approved"]


def test_a_config_that_does_not_fit_is_refused_before_anything_is_written(actor: Actor) -> None:
    run = make_run(published(actor, asking()), "running", last_seq=1)
    with pytest.raises(NodeError) as refused:
        ask(run, {"assignees": ["nobody"]})
    assert (refused.value.code, refused.value.field) == ("config_invalid", "assignees[0]")
    assert not Approval.objects.filter(run=run).exists()
    assert not NodeRun.objects.filter(run=run).exists()


def test_a_long_message_is_kept_whole_and_recorded_by_reference(actor: Actor) -> None:
    run = make_run(published(actor, asking()), "running", last_seq=1)
    ask(run, {"message": "é" * 50_000})
    assert approval_of(run).message == "é" * 50_000
    given = NodeRun.objects.get(run=run).input
    assert given is not None
    assert "$blob" in given["message"]
    assert Blob.objects.filter(workspace_id=run.workspace_id).exists()


def test_a_reference_to_a_large_value_is_shown_whole(actor: Actor) -> None:
    run = make_run(published(actor, asking()), "running", last_seq=1)
    ask(run, {"message": "x" * 40_000})
    reference = NodeRun.objects.get(run=run).input["message"]  # type: ignore[index]
    other = make_run(run.flow, "running", last_seq=1)
    ask(other, {"message": reference})
    assert approval_of(other).message == "x" * 40_000


def test_without_a_decision_it_keeps_waiting(actor: Actor) -> None:
    run = waiting_run(actor, {"message": "Go?", "timeout_seconds": 3600})
    assert settle_approval(call_for(run), False) is None
    # A timer that fires too early does not count.
    assert settle_approval(call_for(run), True) is None
    assert approval_of(run).state == "open"
    assert "node.finished:ask" not in event_types(run)


@pytest.mark.parametrize(("word", "port"), [("approve", "approved"), ("reject", "rejected")])
def test_a_decision_closes_the_node_with_its_port_and_who_decided(
    actor: Actor, word: str, port: str
) -> None:
    fields = [{"name": "amount", "type": "number", "default": 40}]
    run = waiting_run(actor, {"message": "Pay?", "fields": fields})
    decide(actor, run, "ask", [], Answer(word, "Why not", {"amount": "35"}), via="page")
    done = settle_approval(call_for(run), False)
    assert done is not None
    assert (done["ports"], done["ends_run"]) == ([port], None)
    assert done["output"] == {
        "decision": port,
        "comment": "Why not",
        "data": {"amount": 35},
        "by": {
            "id": str(actor.user_id),
            "email": "ada@example.com",
            "name": "ada@example.com",
            "via": "page",
        },
    }
    row = NodeRun.objects.get(run=run)
    assert (row.status, row.output, row.ports) == ("succeeded", done["output"], [port])
    assert approval_of(run).delivered_at is not None


def test_settled_again_it_hands_back_what_is_recorded(actor: Actor) -> None:
    run = waiting_run(actor)
    decide(actor, run, "ask", [], Answer("approve"))
    first = settle_approval(call_for(run), False)
    delivered = approval_of(run).delivered_at
    assert settle_approval(call_for(run), True) == first
    assert approval_of(run).delivered_at == delivered
    assert event_types(run).count("node.finished:ask") == 1


@pytest.mark.parametrize(("outcome", "port"), [("approve", "approved"), ("reject", "rejected")])
def test_at_the_deadline_what_was_said_for_it_counts(actor: Actor, outcome: str, port: str) -> None:
    fields = [{"name": "note", "default": "none"}, {"name": "sum", "type": "number"}]
    config = {"message": "Go?", "fields": fields, "timeout_seconds": 1, "on_timeout": outcome}
    run = waiting_run(actor, config)
    past(run)
    assert settle_approval(call_for(run), False) is None
    done = settle_approval(call_for(run), True)
    assert done is not None
    assert done["ports"] == [port]
    assert done["output"] == {
        "decision": port,
        "comment": "",
        "data": {"note": "none", "sum": None},
        "by": None,
    }
    assert approval_of(run).state == "expired"


def test_a_deadline_may_fail_the_node_each_time_it_is_asked(actor: Actor) -> None:
    run = waiting_run(actor, {"message": "Go?", "timeout_seconds": 1, "on_timeout": "fail"})
    past(run)
    for _ in range(2):
        with pytest.raises(NodeError) as failed:
            settle_approval(call_for(run), True)
        assert failed.value.code == "approval_timeout"
    row = NodeRun.objects.get(run=run)
    assert (row.status, (row.error or {})["code"]) == ("failed", "approval_timeout")
    finished = run.events.get(type="node.finished")
    assert finished.data["error"]["code"] == "approval_timeout"


def test_a_decision_that_came_just_before_the_timer_counts(actor: Actor) -> None:
    run = waiting_run(actor, {"message": "Go?", "timeout_seconds": 60})
    decide(actor, run, "ask", [], Answer("approve"))
    past(run)
    done = settle_approval(call_for(run), True)
    assert done is not None
    assert done["ports"] == ["approved"]


def test_large_answers_travel_by_reference(actor: Actor) -> None:
    fields = [{"name": "text", "type": "text"}]
    run = waiting_run(actor, {"message": "Go?", "fields": fields})
    data = {"text": "y" * 50_000}
    decide(actor, run, "ask", [], Answer("approve", "", data))
    done = settle_approval(call_for(run), False)
    assert done is not None
    assert len(str(done["output"])) < 2_000
    assert resolve_references(run.workspace_id, done["output"])["data"] == data


def test_the_end_of_a_run_closes_what_nobody_decided(actor: Actor, workspace: Workspace) -> None:
    run = waiting_run(actor)
    _, colleague = person(workspace, "builder")
    decided = waiting_run(actor)
    decide(colleague, decided, "ask", [], Answer("approve"))
    for each in (run, decided):
        end_from_outside(str(each.id), "cancelled", {"code": "cancelled", "message": "Cancelled."})
    assert approval_of(run).state == "cancelled"
    assert approval_of(decided).state == "decided"
    assert NodeRun.objects.get(run=run).status == "cancelled"
    for call in (lambda: settle_approval(call_for(run), True), lambda: ask(run)):
        with pytest.raises(RunOver):
            call()
