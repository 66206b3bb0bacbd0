"""What operators see of a running engine: queues with who asks for work, and steps that fail."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import AuditEvent
from execution.errors import RunStateConflict
from execution.models import Run
from execution.queue_states import failing_steps, queue_states, server_version
from execution.requeue import requeue_run
from execution.services import cancel_run, start_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
    until,
)
from flows.tests.fixtures import GREETING

pytestmark = pytest.mark.usefixtures("stack")
#: Nobody answers at this name, ever (RFC 6761).
FETCH: dict[str, Any] = {
    "id": "fetch",
    "type": "http",
    "config": {"method": "GET", "url": "https://nowhere.invalid/"},
    "retry": {"max_attempts": 5, "initial_seconds": 60, "backoff": 1, "max_seconds": 60},
}


def test_every_queue_tells_who_asks_it_for_work() -> None:
    states = queue_states()
    assert [(state.work, state.kind) for state in states] == [
        ("workflows", "workflow"),
        ("workflows, I/O", "activity"),
        ("models", "activity"),
        ("code", "activity"),
    ]
    for state in states:
        assert not state.is_stuck
        [*pollers] = state.pollers
        assert pollers
        assert "@" in pollers[0].identity
        assert pollers[0].last_poll > datetime.now(UTC) - timedelta(minutes=3)
        assert pollers[0].build
    assert server_version().startswith("1.")


def test_a_step_that_is_tried_again_is_listed_until_its_run_ends() -> None:
    actor = new_actor()
    nodes = [start_node(), FETCH, output("{{ fetch.status }}")]
    run = start_run(actor, published(actor, document(nodes, ["start>fetch", "fetch>end"])), {}).run

    def found() -> list[Any]:
        return [step for step in failing_steps()[0] if step.run.id == run.id]

    until(found)
    [step] = found()
    assert (step.step, step.type) == ("fetch", "http")
    assert step.error["code"] == "connection_failed"
    assert step.next_try is not None
    assert step.next_try > datetime.now(UTC)
    cancel_run(actor, run)
    ended(run)
    assert found() == []


def test_a_run_that_the_machinery_made_fail_goes_on_in_a_rerun_once() -> None:
    actor = new_actor()
    run = run_to_end(actor, published(actor, GREETING), {"name": "Ada"})
    with pytest.raises(RunStateConflict):
        requeue_run(actor, run)
    Run.objects.filter(id=run.id).update(
        status="failed", error={"code": "interrupted", "message": "x"}
    )
    again = ended(requeue_run(actor, run))
    assert (again.rerun_of_id, again.status) == (run.id, "succeeded")
    with pytest.raises(RunStateConflict):
        requeue_run(actor, run)
    assert Run.objects.filter(rerun_of=run).count() == 1
    assert AuditEvent.objects.filter(action="run.requeue", target_id=str(run.id)).exists()


def test_a_run_whose_start_was_lost_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = new_actor()
    with monkeypatch.context() as lost:
        lost.setattr("execution.services.dispatch", lambda *given: None)
        run = start_run(actor, published(actor, GREETING), {"name": "Ada"}).run
    assert requeue_run(actor, run).id == run.id
    assert ended(run).status == "succeeded"
