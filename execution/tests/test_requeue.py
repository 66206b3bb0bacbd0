"""A requeued run is its maker's still, and a batch of them goes on past those that are refused."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, AuditEvent, User, Workspace
from accounts.permissions import ALL_ACTIONS, Actor, key_actor
from accounts.services import create_api_key
from billing.key_budgets import KeyBudgetExhausted
from execution.errors import IdempotencyConflict, InputsInvalid, RunStateConflict
from execution.models import Run
from execution.requeue import requeue_run
from execution.services import start_run
from execution.steering import rerun_run
from execution.tests.flows_for_tests import published
from flows.tests.fixtures import GREETING

pytestmark = pytest.mark.usefixtures("without_examples")


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.com", "x")


@pytest.fixture
def operator(root: User, workspace: Workspace) -> Actor:
    return Actor(workspace.id, "operator root@example.com", ALL_ACTIONS, user_id=root.id)


@pytest.fixture
def lost(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that somebody started with a key, and that the machinery made fail."""
    monkeypatch.setattr("execution.services.dispatch", lambda *given: None)
    key, _ = create_api_key(actor, name="ci")
    by_key = key_actor(actor.workspace_id, key.id, key.name, key.scopes)
    run = start_run(by_key, published(actor, GREETING), {"name": "Ada"}).run
    return _failed(run)


def _failed(run: Run) -> Run:
    Run.objects.filter(id=run.id).update(
        status="failed",
        finished_at=timezone.now(),
        error={"code": "interrupted", "message": "x"},
    )
    run.refresh_from_db()
    return run


def test_a_requeued_run_stays_its_makers_and_the_trail_names_the_operator(
    operator: Actor, lost: Run
) -> None:
    again = requeue_run(operator, lost)
    assert lost.api_key_id is not None
    assert (again.created_by_id, again.api_key_id) == (lost.created_by_id, lost.api_key_id)
    event = AuditEvent.objects.get(action="run.requeue")
    assert (event.user_id, event.details["again"]) == (operator.user_id, str(again.id))


def test_a_person_who_made_the_run_is_the_maker_of_its_rerun(
    operator: Actor, actor: Actor, lost: Run
) -> None:
    own = _failed(start_run(actor, lost.flow, {"name": "Ada"}).run)
    again = requeue_run(operator, own)
    assert again.created_by_id == own.created_by_id != operator.user_id
    assert again.api_key_id is None


def test_the_budget_of_the_runs_key_holds_for_its_requeue(operator: Actor, lost: Run) -> None:
    lost_key = lost.api_key_id
    assert lost_key is not None
    ApiKey.objects.filter(id=lost_key).update(monthly_budget=Decimal(0))
    with pytest.raises(KeyBudgetExhausted):
        requeue_run(operator, lost)


def test_a_run_is_requeued_once(operator: Actor, lost: Run) -> None:
    again = requeue_run(operator, lost)
    with pytest.raises(RunStateConflict, match=str(again.id)):
        requeue_run(operator, lost)
    assert AuditEvent.objects.filter(action="run.requeue").count() == 1


@pytest.mark.parametrize(
    "refused",
    [
        lambda: IdempotencyConflict("Used before."),
        lambda: Run.DoesNotExist(),
        lambda: InputsInvalid([{"path": "name", "message": "Fill it in."}]),
    ],
    ids=["key used", "deleted meanwhile", "inputs changed"],
)
def test_what_cannot_be_rerun_is_left_alone_and_the_others_are_not(
    client: Client,
    root: User,
    actor: Actor,
    lost: Run,
    monkeypatch: pytest.MonkeyPatch,
    refused: Callable[[], Exception],
) -> None:
    bad = _failed(start_run(actor, lost.flow, {"name": "Ada"}).run)

    def rerun(by: Actor, run: Run, **more: Any) -> Any:
        if run.id == bad.id:
            raise refused()
        return rerun_run(by, run, **more)

    monkeypatch.setattr("execution.requeue.rerun_run", rerun)
    client.force_login(root)
    chosen = [str(bad.id), str(lost.id)]
    sent = {"action": "requeue", "_selected_action": chosen, "reason": "A worker died"}
    text = client.post("/admin/execution/run/", sent, follow=True).content.decode()
    assert "1 left alone" in text
    assert "1 run was started again" in text
    assert Run.objects.filter(rerun_of=lost).count() == 1
