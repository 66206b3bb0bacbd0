"""Plans that change, and workspaces that close, while their runs start; each in a connection."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.hooks import plan_changed
from accounts.members.closing import close_workspace
from accounts.models import Plan, Workspace
from accounts.operators.operating import COMMAND
from accounts.operators.plans import Limits, hold_who_is_on
from accounts.permissions import Actor
from billing.credits import check_credit, put_on_plan
from billing.models import CreditMonth, RunMonth
from execution.models import Run
from execution.recording import new_run_event
from execution.run_limits import check_runs
from execution.tests.flows_for_tests import document, new_actor, output, published, start_node
from flows.models import Flow

pytestmark = pytest.mark.django_db(transaction=True)
#: Seconds in which the other one comes as far as it can.
BETWEEN = 0.5
GREETS = document([start_node("name"), output("{{ start.name }}")], ["start>end"])


@pytest.fixture
def actor(transactional_db: None) -> Actor:
    return new_actor()


@pytest.fixture
def workspace(actor: Actor) -> Workspace:
    return Workspace.objects.get(id=actor.workspace_id)


@pytest.fixture
def flow(actor: Actor) -> Flow:
    return published(actor, GREETS)


def alone(work: Callable[[], None]) -> None:
    """In a thread of its own, whose connection is closed after it."""
    try:
        work()
    finally:
        connection.close()


def start(flow: Flow) -> None:
    now = timezone.now()
    with transaction.atomic():
        new_run_event(Run(workspace_id=flow.workspace_id, flow=flow, created_at=now), [])


def no_plan(actor: Actor, workspace: Workspace) -> None:
    put_on_plan(COMMAND, workspace, None, "Left")


def plan_without_limits(actor: Actor, workspace: Workspace) -> None:
    with transaction.atomic():
        assert workspace.plan is not None
        Plan.objects.filter(id=workspace.plan.id).update(max_runs=None, monthly_credit=None)
        plan = Plan.objects.get(id=workspace.plan.id)
        plan_changed(plan, hold_who_is_on(plan))


@pytest.mark.parametrize("begun", [True, False], ids=["later run", "first run"])
@pytest.mark.parametrize("change", [no_plan, plan_without_limits, close_workspace])
def test_a_start_and_what_changes_its_workspace_wait_for_each_other_one_way_only(
    actor: Actor, workspace: Workspace, flow: Flow, change: Any, begun: bool
) -> None:
    put_on_plan(COMMAND, workspace, Plan.objects.create(name="Team", max_runs=9), "Signed")
    if begun:
        start(flow)
    counted = threading.Event()

    def slow_start() -> None:
        with transaction.atomic():
            start(flow)
            counted.set()
            threading.Event().wait(BETWEEN)

    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(alone, slow_start)
        assert counted.wait(20)
        change(actor, workspace)
        assert started.exception(timeout=30) is None
    assert not RunMonth.objects.exists()


def test_a_process_that_knows_of_a_limit_that_is_gone_begins_no_month_again(
    workspace: Workspace, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    _knows_the_limits_of_before(monkeypatch)
    start(flow)
    check_runs(workspace.id)
    check_credit(workspace.id)
    assert not RunMonth.objects.exists()
    assert not CreditMonth.objects.exists()
    assert Run.objects.count() == 1


@pytest.mark.parametrize("check", [check_runs, check_credit])
@pytest.mark.parametrize("change", [no_plan, plan_without_limits])
def test_a_month_that_is_being_freed_is_not_begun_meanwhile(
    actor: Actor, workspace: Workspace, change: Any, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan.objects.create(name="Team", max_runs=9, monthly_credit=Decimal(10))
    put_on_plan(COMMAND, workspace, plan, "Signed")
    _knows_the_limits_of_before(monkeypatch)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        change(actor, workspace)
        checked = pool.submit(alone, partial(check, workspace.id))
        threading.Event().wait(BETWEEN)
        assert not checked.done()
    assert checked.exception(timeout=30) is None
    assert not RunMonth.objects.exists()
    assert not CreditMonth.objects.exists()


def test_a_month_is_held_to_the_credit_of_now_by_whoever_writes_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan.objects.create(name="Team", monthly_credit=Decimal(20))
    put_on_plan(COMMAND, workspace, plan, "Signed")
    _knows_the_limits_of_before(monkeypatch)
    check_credit(workspace.id)
    assert CreditMonth.objects.get().allowance == 20


def _knows_the_limits_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that read the plan some seconds ago."""
    before = Limits("Team", max_runs=9, monthly_credit=Decimal(10))
    for module in ("billing.credits", "execution.run_limits"):
        monkeypatch.setattr(f"{module}.limits_of", lambda workspace_id: before)
