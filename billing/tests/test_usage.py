"""Booking usage and adding it up."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User, Workspace
from accounts.permissions import Actor, PermissionRefused, key_actor, member_actor
from accounts.services import create_api_key, create_workspace
from billing.models import UsageRecord
from billing.prices import Price
from billing.queries import UnknownGrouping, usage_totals
from billing.services import record_usage
from flows.engine.model_usage import ModelUsage
from flows.models import Flow

RUN = uuid.UUID(int=1)


@pytest.fixture
def workspace(db: None, without_examples: None) -> Workspace:
    return create_workspace(User.objects.create_user("ada@example.com", "x"), name="Engines")


@pytest.fixture
def actor(workspace: Workspace) -> Actor:
    found = member_actor(workspace.members.get(), workspace)
    assert found is not None
    return found


@pytest.fixture
def flow(workspace: Workspace) -> Flow:
    return Flow.objects.create(workspace=workspace, slug="triage", name="Triage")


def _book(flow: Flow, **changes: Any) -> None:
    booked: dict[str, Any] = {
        "workspace_id": flow.workspace_id,
        "flow_id": flow.id,
        "run_id": RUN,
        "node": "ask",
        "path": ["rows", 3],
        "attempt": 1,
        "model": "anthropic/claude-haiku-5-5",
        "usage": ModelUsage(10, 5, 2, 1),
        "price": Price(Decimal("0.25"), "override"),
    }
    record_usage(**{**booked, **changes})


def test_the_same_attempt_is_booked_once(flow: Flow) -> None:
    _book(flow)
    _book(flow, usage=ModelUsage(99, 99))
    record = UsageRecord.objects.get()
    assert (record.input_tokens, record.output_tokens) == (10, 5)
    assert (record.cache_read_tokens, record.cache_write_tokens) == (2, 1)
    assert (record.cost, record.price_source) == (Decimal("0.25"), "override")


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": 2},
        {"path": ["rows", 4]},
        {"node": "other"},
        {"run_id": uuid.UUID(int=2)},
        {"model": "openai/gpt-5.5"},
    ],
)
def test_another_attempt_is_booked_beside_it(flow: Flow, change: dict[str, Any]) -> None:
    _book(flow)
    _book(flow, **change)
    assert UsageRecord.objects.count() == 2


def test_usage_outlives_its_flow(flow: Flow) -> None:
    _book(flow)
    flow.delete()
    assert UsageRecord.objects.get().flow is None


def test_totals_by_each_grouping(flow: Flow, actor: Actor) -> None:
    key, _ = create_api_key(actor, name="ci")
    _book(flow, api_key_id=key.id)
    _book(flow, attempt=2, node="classify", model="openai/gpt-5.5", price=Price(Decimal(1), "x"))
    today = timezone.now().date().isoformat()
    expected = {
        "flow": [(str(flow.id), "Triage", 2)],
        "node": [
            (f"{flow.id}/classify", "Triage: classify", 1),
            (f"{flow.id}/ask", "Triage: ask", 1),
        ],
        "model": [("openai/gpt-5.5",) * 2 + (1,), ("anthropic/claude-haiku-5-5",) * 2 + (1,)],
        "day": [(today, today, 2)],
        "key": [("", "no key", 1), (str(key.id), "ci", 1)],
    }
    for group_by, rows in expected.items():
        totals = usage_totals(actor, since=None, until=None, group_by=group_by)
        assert [(total.key, total.label, total.calls) for total in totals] == rows
        assert sum(total.cost for total in totals) == Decimal("1.25")
        assert sum(total.input_tokens for total in totals) == 20


def test_totals_are_of_the_asked_time_only(flow: Flow, actor: Actor) -> None:
    _book(flow)
    now = timezone.now()
    hour = timedelta(hours=1)

    def calls(since: Any, until: Any) -> int:
        totals = usage_totals(actor, since=since, until=until, group_by="flow")
        return sum(total.calls for total in totals)

    assert calls(now - hour, now + hour) == 1
    assert calls(now + hour, None) == 0
    assert calls(None, now - hour) == 0


def test_totals_of_another_workspace_are_not_seen(flow: Flow) -> None:
    _book(flow)
    eve = User.objects.create_user("eve@example.com", "x")
    elsewhere = member_actor(eve, create_workspace(eve, name="Elsewhere"))
    assert elsewhere is not None
    assert usage_totals(elsewhere, since=None, until=None, group_by="flow") == []


def test_totals_need_the_scope_and_a_known_grouping(actor: Actor) -> None:
    as_key = key_actor(actor.workspace_id, actor.workspace_id, "ci", ["runs:read"])
    with pytest.raises(PermissionRefused, match="usage:read"):
        usage_totals(as_key, since=None, until=None, group_by="flow")
    with pytest.raises(UnknownGrouping, match="flow, node, model, day, key"):
        usage_totals(actor, since=None, until=None, group_by="colour")
