"""What operators decide about runs: whether they are taken, how many, how dear, and with what."""

import io
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import FeatureSwitch, Membership, Plan, User, Workspace
from accounts.operators.operating import COMMAND
from accounts.operators.plans import PlanLimitReached, check_members
from accounts.operators.services import begin_maintenance, change_setting, switch_feature
from accounts.permissions import Actor
from billing.credits import put_on_plan
from billing.models import CreditMonth, RunMonth, UsageRecord
from execution.describing import NoDraft, describe
from execution.files.errors import FileRefused
from execution.files.services import store_file
from execution.models import Run
from execution.queue_reasons import queued_of
from execution.recording import new_run_event
from execution.services import start_run
from execution.steering import rerun_run
from execution.taking import FeatureOff
from execution.tests.flows_for_tests import (
    document,
    ended,
    new_actor,
    output,
    published,
    start_node,
)
from flows.models import Flow
from flows.queries import flow_problems
from flows.services import create_flow, publish_flow
from flows.tests.fixtures import GREETING, Api, assert_problem

CODE = {"id": "sum", "type": "code", "config": {"source": "result = 1", "inputs": {}}}
#: Without its model: nothing is asked of it.
WITH_CODE = document([*GREETING["nodes"], CODE], ["start>result", "start>sum"])
INLINE = {**GREETING, "settings": {"execution": "inline"}}
COMPUTES = document(
    [start_node("text"), output("{{ start.text }}")],
    ["start>end"],
    settings={"execution": "inline"},
)


@pytest.fixture
def greeting(actor: Actor, dispatched: Any) -> Flow:
    return published(actor, GREETING)


def on_plan(workspace: Workspace, **limits: Any) -> Plan:
    plan = Plan.objects.create(name=f"Team {uuid4().hex}", **limits)
    put_on_plan(COMMAND, workspace, plan, "Signed")
    return plan


def test_a_workspace_without_credit_starts_nothing_more(
    api: Api, workspace: Workspace, greeting: Flow
) -> None:
    on_plan(workspace, monthly_credit=Decimal("1.5"))
    assert api.post(f"/flows/{greeting.id}/runs", {"inputs": {"name": "Ada"}}).status_code == 201
    UsageRecord.objects.create(
        workspace=workspace, run_id=uuid4(), node="a", attempt=1, model="x/y", cost=Decimal("1.5")
    )
    refused = api.post(f"/flows/{greeting.id}/runs", {"inputs": {"name": "Ada"}})
    told = assert_problem(refused, 402, "credit_exhausted")
    assert (told["allowance"], told["spent"]) == ("1.5000", "1.50000000")
    run = Run.objects.get()
    Run.objects.update(status="failed")
    again = api.post(f"/runs/{run.id}/rerun", {"from": "start"})
    assert_problem(again, 402, "credit_exhausted")
    assert Run.objects.count() == 1


def test_a_plan_allows_so_many_runs_a_month(api: Api, workspace: Workspace, greeting: Flow) -> None:
    on_plan(workspace, max_runs=2)
    said = [
        api.post(f"/flows/{greeting.id}/runs", {"inputs": {"name": "Ada"}}).status_code
        for _ in range(3)
    ]
    assert said == [201, 201, 402]


def test_deleted_runs_give_no_more_runs_a_month(
    actor: Actor, workspace: Workspace, greeting: Flow
) -> None:
    start_run(actor, greeting, {"name": "Ada"})
    # The count begins with what is there when the limit comes.
    on_plan(workspace, max_runs=2)
    start_run(actor, greeting, {"name": "Ada"}, idempotency_key="k")
    Run.objects.all().delete()
    for _ in range(2):
        with pytest.raises(PlanLimitReached, match="allows 2 runs a month"):
            start_run(actor, greeting, {"name": "Ada"})
    assert not Run.objects.exists()
    assert RunMonth.objects.get().number == 2
    # Without a limit nothing is counted, and a later one begins anew.
    put_on_plan(COMMAND, workspace, None, "Left")
    start_run(actor, greeting, {"name": "Ada"})
    assert not RunMonth.objects.exists()


def test_a_parallel_request_that_used_the_plan_up_answers_the_one_with_its_key(
    actor: Actor, workspace: Workspace, greeting: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_plan(workspace, max_runs=1)
    first = start_run(actor, greeting, {"name": "Ada"}, idempotency_key="k").run
    found = [None, first]
    monkeypatch.setattr("execution.services.earlier_run", lambda *asked: found.pop(0))
    again = start_run(actor, greeting, {"name": "Ada"}, idempotency_key="k")
    assert (again.run, again.created, found) == (first, False, [])


def test_an_inline_run_that_is_over_at_once_counts_as_well(
    actor: Actor, workspace: Workspace, dispatched: Any
) -> None:
    on_plan(workspace, max_runs=1)
    flow = published(actor, COMPUTES)
    assert start_run(actor, flow, {"text": "x"}).run.status == "succeeded"
    assert RunMonth.objects.get().number == 1
    with pytest.raises(PlanLimitReached):
        start_run(actor, flow, {"text": "x"})


def test_sub_flows_are_part_of_the_run_that_was_counted(
    actor: Actor, workspace: Workspace, greeting: Flow
) -> None:
    on_plan(workspace, max_runs=1)
    first = start_run(actor, greeting, {"name": "Ada"}).run
    child = Run(workspace=workspace, flow=greeting, parent=first, created_at=first.created_at)
    new_run_event(child, [])
    assert RunMonth.objects.get().number == 1


def test_a_plan_without_a_limit_of_runs_costs_a_start_nothing(
    actor: Actor, workspace: Workspace, greeting: Flow
) -> None:
    on_plan(workspace, max_flows=99)
    start_run(actor, greeting, {"name": "Ada"})
    with CaptureQueriesContext(connection) as asked:
        start_run(actor, greeting, {"name": "Ada"})
    assert not [one for one in asked.captured_queries if "runmonth" in one["sql"]]


def test_a_plan_that_loses_its_limits_frees_the_month_of_who_is_on_it(
    admin_client: Client, actor: Actor, workspace: Workspace, greeting: Flow
) -> None:
    plan = on_plan(workspace, max_runs=5, monthly_credit=Decimal(10))
    start_run(actor, greeting, {"name": "Ada"})
    assert (RunMonth.objects.count(), CreditMonth.objects.count()) == (1, 1)
    page = f"/admin/accounts/plan/{plan.id}/change/"
    for changed, left in (({"max_runs": 5, "monthly_credit": 9}, 1), ({}, 0)):
        answer = admin_client.post(page, {"name": plan.name, **changed})
        assert answer.status_code == 302, answer.content
        assert (RunMonth.objects.count(), CreditMonth.objects.count()) == (left, left)


def test_a_plan_holds_back_what_is_over_its_running_runs(
    actor: Actor, workspace: Workspace, greeting: Flow
) -> None:
    on_plan(workspace, max_running=1)
    first, second = (start_run(actor, greeting, {"name": "Ada"}).run for _ in range(2))
    assert first.admitted_at is not None
    assert second.admitted_at is None
    assert queued_of([second])[second.id].limit == 1
    # What operators gave this workspace itself wins.
    Workspace.objects.filter(id=workspace.id).update(max_running=5)
    assert queued_of([second])[second.id].limit == 5


def test_the_installations_limit_is_changed_while_it_runs(actor: Actor, greeting: Flow) -> None:
    change_setting(COMMAND, "max_running", 1)
    runs = [start_run(actor, greeting, {"name": "Ada"}).run for _ in range(2)]
    assert [run.admitted_at is None for run in runs] == [False, True]
    assert queued_of(runs)[runs[1].id].limit == 1


def test_a_plan_allows_so_many_flows_members_and_bytes(
    actor: Actor, api: Api, workspace: Workspace, greeting: Flow
) -> None:
    on_plan(workspace, max_flows=2, max_members=2, max_file_bytes=10)
    create_flow(actor, name="The second")
    with pytest.raises(PlanLimitReached, match="allows 2 flows"):
        create_flow(actor, name="One too many")
    assert_problem(api.post("/flows", {"name": "x"}), 402, "plan_limit")
    check_members(workspace.id)
    other = User.objects.create_user("bob@example.com", "x")
    Membership.objects.create(workspace=workspace, user=other)
    with pytest.raises(PlanLimitReached, match="allows 2 members"):
        check_members(workspace.id)
    store_file(actor, "a.txt", io.BytesIO(b"12345"))
    with pytest.raises(FileRefused, match="over 10 bytes"):
        store_file(actor, "b.txt", io.BytesIO(b"123456"))


def test_the_page_of_new_flows_says_what_the_plan_allows(
    visitor: Any, workspace: Workspace, greeting: Flow
) -> None:
    on_plan(workspace, max_flows=1)
    answer = visitor.post("/flows/new/", {"name": "One too many"})
    assert answer.status_code == 403
    assert "allows 1 flow" in answer.content.decode()


def test_during_maintenance_nothing_new_is_started_and_repeated(
    actor: Actor, api: Api, greeting: Flow
) -> None:
    run = start_run(actor, greeting, {"name": "Ada"}).run
    Run.objects.update(status="failed")
    begin_maintenance(COMMAND, message="New disks.")
    refused = api.post(f"/flows/{greeting.id}/runs", {"inputs": {"name": "Ada"}})
    assert assert_problem(refused, 503, "maintenance")["detail"] == "New disks."
    assert refused["Retry-After"] == "60"
    for start in (
        lambda: start_run(actor, greeting, {"name": "Ada"}),
        lambda: rerun_run(actor, run),
    ):
        with pytest.raises(Exception, match="New disks"):
            start()


def test_a_flow_with_a_node_that_is_switched_off_says_so_everywhere(
    actor: Actor, api: Api, dispatched: Any
) -> None:
    flow = published(actor, WITH_CODE)
    switch_feature(COMMAND, "code", "off")
    problems = [(p.code, p.node, p.severity) for p in flow_problems(flow)]
    assert ("feature_off", "sum", "error") in problems
    refused = api.post(f"/flows/{flow.id}/runs", {"inputs": {"name": "Ada"}})
    told = assert_problem(refused, 403, "feature_off")
    assert told["detail"].startswith("'sum': Code nodes are switched off.")
    assert_problem(api.post(f"/flows/{flow.id}/publish"), 422, "document_invalid")
    # What of it is run without that node runs.
    start_run(actor, flow, {"name": "Ada"}, options={"only": "result", "given": {}})
    with pytest.raises(FeatureOff):
        start_run(actor, flow, {"name": "Ada"}, options={"only": "sum"})
    switch_feature(COMMAND, "code", "chosen", [actor.workspace_id])
    start_run(actor, flow, {"name": "Ada"})
    publish_flow(actor, flow)


def test_describing_is_switched_off(actor: Actor, greeting: Flow, visitor: Any) -> None:
    switch_feature(COMMAND, "describe", "off")
    with pytest.raises(NoDraft, match="switched off"):
        describe(actor, greeting, "Greet people")


def test_inline_flows_run_durably_where_that_is_switched_off(actor: Actor, dispatched: Any) -> None:
    flow = published(actor, INLINE)
    assert start_run(actor, flow, {"name": "Ada"}).run.execution == "inline"
    switch_feature(COMMAND, "inline_runs", "off")
    run = start_run(actor, flow, {"name": "Ada"}).run
    assert (run.execution, run.status) == ("durable", "queued")


@pytest.mark.usefixtures("stack")
def test_a_run_under_way_fails_at_a_node_that_is_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    actor = new_actor()
    mail = {"id": "post", "type": "email", "config": {"to": ["a@example.com"], "subject": "x"}}
    nodes = [{"id": "start", "type": "input", "config": {"fields": []}}, mail, output("sent")]
    settings = {"execution": "inline"}
    flow = published(actor, document(nodes, ["start>post", "post>end"], settings=settings))
    # As if it had begun before.
    monkeypatch.setattr("execution.services.check_features", lambda *given: None)
    try:
        switch_feature(COMMAND, "email", "chosen", [new_actor().workspace_id])
        run = ended(start_run(actor, flow, {}).run)
    finally:
        FeatureSwitch.objects.all().delete()
    assert run.status == "failed"
    assert run.error is not None
    assert (run.error["code"], run.error["node"]) == ("feature_off", "post")
