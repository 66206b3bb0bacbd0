"""Starts at the same moment: of one Idempotency-Key, and of a workspace with a limit of runs."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import Plan, Workspace
from accounts.operators.operating import COMMAND
from accounts.operators.plans import PlanLimitReached
from billing.credits import put_on_plan
from billing.models import RunMonth
from execution.models import Run, RunEvent
from execution.services import Started, start_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    new_actor,
    output,
    published,
    start_node,
)


@pytest.mark.usefixtures("stack")
def test_one_key_from_many_threads_at_once_is_exactly_one_run() -> None:
    actor = new_actor()
    nodes = [start_node("text"), output("{{ start.text }}")]
    flow = published(actor, document(nodes, ["start>end"]))
    together = Barrier(8)

    def start(key: str) -> Started:
        try:
            together.wait()
            return start_run(actor, flow, {"text": "x" * 50_000}, idempotency_key=key)
        finally:
            connection.close()

    for key in ("a", "b", "c"):
        with ThreadPoolExecutor(8) as pool:
            started = list(pool.map(start, [key] * 8))
        assert len({one.run.id for one in started}) == 1
        assert sum(one.created for one in started) == 1
        run = ended(Run.objects.get(workspace_id=actor.workspace_id, idempotency_key=key))
        assert RunEvent.objects.filter(run=run, type="run.started").count() == 1
    assert Run.objects.filter(flow=flow).count() == 3


@pytest.mark.django_db(transaction=True)
def test_threads_at_once_begin_no_more_runs_than_the_plan_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("execution.services.dispatch", lambda *given: None)
    actor = new_actor()
    flow = published(actor, document([start_node("text"), output("x")], ["start>end"]))
    plan = Plan.objects.create(name="Five", max_runs=5)
    put_on_plan(COMMAND, Workspace.objects.get(id=actor.workspace_id), plan, "Signed")
    together = Barrier(20)

    def start(number: int) -> bool:
        try:
            together.wait()
            return start_run(actor, flow, {"text": str(number)}).created
        except PlanLimitReached:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(start, range(20))) == 5
    assert Run.objects.filter(flow=flow).count() == 5
    assert RunMonth.objects.get(workspace_id=actor.workspace_id).number == 5
