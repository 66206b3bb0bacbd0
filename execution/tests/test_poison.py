"""A node that takes its worker down is slowed and given up; one whose worker stops is not."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from execution.attempts import (
    INTERRUPTED,
    MAX_INTERRUPTIONS,
    RATE_LIMITED,
    STOPPED,
    Attempt,
    begin_attempt,
)
from execution.models import NodeRun, NodeStatus, Run, RunEvent
from execution.shapes import NodeCall
from execution.tests.flows_for_tests import document, new_actor, output, published, start_node
from flows.engine.errors import NodeError

pytestmark = pytest.mark.django_db


@pytest.fixture
def call() -> NodeCall:
    """The call of a node in a run that has begun."""
    actor = new_actor()
    flow = published(actor, document([start_node("text"), output("x")], ["start>end"]))
    run = Run.objects.create(
        workspace_id=actor.workspace_id, flow=flow, status="running", created_at=timezone.now()
    )
    return NodeCall(
        run_id=str(run.id),
        workspace_id=str(actor.workspace_id),
        flow_id=str(flow.id),
        node="ask",
        type="llm",
        config={},
        path=[],
        timeout_seconds=60,
        retry={"max_attempts": 4, "initial_seconds": 1, "backoff": 2, "max_seconds": 30},
        retry_asked_for=False,
        context={},
        incoming=[],
        from_record=[],
        run_inputs={},
        session_id=None,
        started_at=datetime.now(UTC).isoformat(),
        deadline=(datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        value_limit=32_768,
        records=[],
    )


def begin(call: NodeCall) -> Attempt:
    return begin_attempt(call, uuid.uuid4().hex)


def end(call: NodeCall, number: int, error: dict[str, Any]) -> None:
    """Write how the attempt ended."""
    NodeRun.objects.filter(run_id=call["run_id"], attempt=number).update(
        status=NodeStatus.FAILED, error=error, finished_at=timezone.now()
    )


def let_pass(call: NodeCall, seconds: float) -> None:
    """As if so many seconds had passed since the last attempt."""
    last = NodeRun.objects.filter(run_id=call["run_id"]).latest("attempt")
    assert last.finished_at is not None
    last.finished_at -= timedelta(seconds=seconds)
    last.save()


def test_a_node_that_kills_its_workers_comes_back_after_growing_pauses_and_is_given_up(
    call: NodeCall,
) -> None:
    begin(call)
    # Each attempt vanishes without a word; the next begin finds it running.
    assert begin(call).number == 2
    for number, pause in ((3, 2), (4, 4), (5, 8)):
        early = begin(call)
        assert (early.number, early.pause) == (0, pytest.approx(pause, abs=0.5))
        let_pass(call, pause / 2)
        assert begin(call).pause == pytest.approx(pause / 2, abs=0.5)
        let_pass(call, pause / 2)
        assert (begin(call).number, number) == (number, number)
    with pytest.raises(NodeError, match=f"{MAX_INTERRUPTIONS} times"):
        begin(call)
    told = RunEvent.objects.filter(run_id=call["run_id"], type="node.retrying").order_by("seq")
    assert [event.data["next_attempt_in"] for event in told] == [0, 2, 4, 8, 0]
    assert not any(event.data["counted"] for event in told)


def test_a_worker_that_is_stopped_counts_for_nothing_however_often(call: NodeCall) -> None:
    for number in range(1, 3 * MAX_INTERRUPTIONS):
        attempt = begin(call)
        assert (attempt.number, attempt.tries, attempt.pause) == (number, 1, 0)
        end(call, number, STOPPED)


def test_an_attempt_taken_from_a_worker_that_was_not_heard_counts_as_an_interruption(
    call: NodeCall,
) -> None:
    for number in (1, 2):
        assert begin(call).number == number
        end(call, number, INTERRUPTED)
    assert begin(call).pause > 0


def test_rate_limits_are_no_tries_and_are_summed_up(call: NodeCall) -> None:
    begin(call)
    end(call, 1, {**RATE_LIMITED, "next_attempt_in": 30.5})
    begin(call)
    end(call, 2, {"code": "timeout", "message": "late"})
    begin(call)
    end(call, 3, {**RATE_LIMITED, "next_attempt_in": 12})
    attempt = begin(call)
    assert (attempt.number, attempt.tries) == (4, 2)
    assert (attempt.waits, attempt.waited) == (2, 42.5)


def test_a_begin_whose_answer_was_lost_finds_its_own_attempt(call: NodeCall) -> None:
    begin(call)
    end(call, 1, {"code": "timeout", "message": "late"})
    first = begin_attempt(call, "me")
    assert begin_attempt(call, "me") == first
    assert (first.number, first.tries) == (2, 2)
