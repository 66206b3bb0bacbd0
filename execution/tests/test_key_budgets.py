"""Runs that a key starts are held to the key's budget of the month."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.ids import new_id
from accounts.models import ApiKey
from accounts.permissions import Actor
from accounts.services import create_api_key
from billing.key_budgets import KeyBudgetExhausted, check_key_budget, spent_this_month
from billing.models import UsageRecord
from execution.models import Run
from flows.models import Flow
from flows.tests.fixtures import Api, assert_problem

pytestmark = pytest.mark.usefixtures("dispatched")


@pytest.fixture
def keyed(actor: Actor) -> tuple[ApiKey, Api]:
    scopes = ["runs:write", "runs:read", "keys:write"]
    key, token = create_api_key(actor, name="shop", scopes=scopes, monthly_budget=Decimal("0.50"))
    return key, Api(token)


def book(key: ApiKey, cost: str, **values: Any) -> UsageRecord:
    record = UsageRecord.objects.create(
        workspace_id=key.workspace_id,
        api_key=key,
        run_id=new_id(),
        node="a",
        attempt=1,
        model="x/y",
        cost=Decimal(cost),
    )
    if values:
        UsageRecord.objects.filter(id=record.id).update(**values)
    return record


def test_a_run_is_refused_once_the_keys_budget_is_spent(
    keyed: tuple[ApiKey, Api], api: Api, flow: Flow
) -> None:
    key, called = keyed
    body = {"inputs": {"topic": "Tea"}}
    address = f"/flows/{flow.id}/runs"
    last_month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    book(key, "9", at=last_month - timedelta(seconds=1))
    book(key, "0.49999999")
    first = called.post(address, body, Idempotency_Key="k1")
    assert first.status_code == 201
    book(key, "0.00000001")
    problem = assert_problem(called.post(address, body), 402, "key_budget_exhausted")
    assert (problem["budget"], problem["spent"]) == ("0.5000", "0.50000000")
    Run.objects.update(status="succeeded", finished_at=timezone.now())
    rerun = called.post(f"/runs/{first.json()['id']}/rerun", {})
    assert_problem(rerun, 402, "key_budget_exhausted")
    # What was started before is answered still, and another key's money is another's.
    again = called.post(address, body, Idempotency_Key="k1")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert api.post(address, body).status_code == 201
    assert Run.objects.count() == 2
    (shown,) = [row for row in called.get("/keys").json()["results"] if row["id"] == str(key.id)]
    assert shown["spent_this_month"] == "0.50000000"


def test_what_keys_spent_is_read_from_their_index(keyed: tuple[ApiKey, Api]) -> None:
    key, _ = keyed
    book(key, "0.25")
    assert spent_this_month([key.id, new_id()]) == {key.id: Decimal("0.25")}


def test_a_key_without_a_budget_costs_no_question(actor: Actor) -> None:
    key, _ = create_api_key(actor, name="free")
    free = Actor(actor.workspace_id, "key", frozenset(), api_key_id=key.id, has_budget=False)
    with CaptureQueriesContext(connection) as asked:
        check_key_budget(free)
        check_key_budget(actor)
    assert len(asked) == 0
    # Where nobody knows whether it has one, it is looked up.
    ApiKey.objects.filter(id=key.id).update(monthly_budget=0)
    with pytest.raises(KeyBudgetExhausted):
        check_key_budget(Actor(actor.workspace_id, "key", frozenset(), api_key_id=key.id))
