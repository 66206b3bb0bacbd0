"""Runs go when their workspace says so, with all that hangs on them, and in nobody's way."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Workspace
from billing.models import UsageRecord
from billing.prices import Price
from billing.services import record_usage
from execution import reconciler, retention
from execution.models import NodeRun, Run, RunEvent, RunText
from execution.recording import Event, hold_run, write_events
from execution.retention import Retention, expire_runs
from execution.search import FoundBy, keep_words
from execution.tests.pages_for_tests import make_run
from flows.engine.model_usage import ModelUsage
from flows.models import Flow

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    """A workspace that keeps its runs for thirty days."""
    Workspace.objects.filter(id=workspace.id).update(retention_days=30)
    return workspace


@pytest.fixture
def ended(flow: Flow, workspace: Workspace) -> Callable[..., Run]:
    """A run that ended so many days ago, with what it recorded."""

    def make(days: float, **fields: Any) -> Run:
        at = timezone.now() - days * DAY
        values = {"created_at": at - 2 * DAY, "started_at": at - DAY, "finished_at": at}
        run = make_run(flow, **{**values, "last_seq": 1, **fields})
        NodeRun.objects.create(run=run, node="ask", type="llm", status="succeeded")
        RunEvent.objects.create(run=run, seq=1, key="run.queued", at=at, type="run.queued")
        keep_words(FoundBy(str(run.id), str(workspace.id), str(flow.id), None, run.inputs))
        return run

    return make


def kept() -> set[Any]:
    return set(Run.objects.values_list("id", flat=True))


def test_a_run_goes_with_all_it_recorded_but_what_it_cost(
    ended: Callable[..., Run], workspace: Workspace
) -> None:
    old, young = ended(31), ended(29)
    record_usage(
        workspace_id=workspace.id,
        flow_id=old.flow_id,
        run_id=old.id,
        node="ask",
        path=[],
        attempt=1,
        model="local/x",
        usage=ModelUsage(input_tokens=5, output_tokens=7),
        price=Price(Decimal("0.25"), "test"),
    )
    assert expire_runs() == 1
    assert kept() == {young.id}
    for model in (NodeRun, RunEvent, RunText):
        assert {row.run_id for row in model.objects.all()} == {young.id}
    assert UsageRecord.objects.get(run_id=old.id).cost == Decimal("0.25")
    assert expire_runs() == 0


def test_a_run_is_kept_from_its_end_on_and_while_it_is_open(ended: Callable[..., Run]) -> None:
    late = ended(1, created_at=timezone.now() - 400 * DAY)
    still_open = ended(400, status="waiting", finished_at=None)
    assert expire_runs() == 0
    assert kept() == {late.id, still_open.id}


@pytest.mark.parametrize(
    ("own", "installation", "days", "goes"),
    [
        (None, None, 5_000, False),
        (None, 10, 11, True),
        (None, 10, 9, False),
        (30, 10, 11, False),
        (30, 10, 31, True),
        (5, None, 6, True),
    ],
)
def test_the_workspaces_policy_wins_over_the_installations(
    ended: Callable[..., Run],
    workspace: Workspace,
    settings: Any,
    own: int | None,
    installation: int | None,
    days: int,
    goes: bool,
) -> None:
    settings.FLUX_RETENTION_DAYS = installation
    Workspace.objects.filter(id=workspace.id).update(retention_days=own)
    ended(days)
    assert expire_runs() == int(goes)


def test_one_transaction_deletes_a_few_and_the_next_goes_on(
    ended: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for days in range(31, 36):
        ended(days)
    assert [expire_runs() for _ in range(4)] == [2, 2, 1, 0]


def test_a_rerun_stays_when_the_run_it_repeats_goes(ended: Callable[..., Run]) -> None:
    old = ended(31)
    again, below = ended(1, rerun_of=old), ended(1, parent=old)
    assert expire_runs() == 1
    again.refresh_from_db()
    below.refresh_from_db()
    assert (again.rerun_of_id, below.parent_id) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_a_run_that_somebody_writes_is_passed_over(ended: Callable[..., Run]) -> None:
    held, free = ended(40), ended(31)
    holding, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                run = hold_run(str(held.id), events=1)
                holding.set()
                over.wait(10)
                write_events(run, [Event("node.delta", "late")])
        finally:
            connection.close()

    writer = threading.Thread(target=hold)
    writer.start()
    holding.wait(10)
    try:
        assert expire_runs() == 1
        assert writer.is_alive(), "it waited for the run that is held"
    finally:
        over.set()
        writer.join(10)
    assert kept() == {held.id}
    assert RunEvent.objects.filter(run=held, key="late").exists()
    assert expire_runs() == 1
    assert free.id not in kept()


@pytest.mark.django_db(transaction=True)
async def test_a_round_goes_on_until_nothing_is_left_and_then_rests(
    ended: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr(retention, "BATCHES", 2)
    for days in range(31, 34):
        await asyncio.to_thread(ended, days)
    keeping = Retention()
    await keeping.sweep()
    assert (await Run.objects.acount(), keeping.due) == (1, 0.0)
    await keeping.sweep()
    assert await Run.objects.acount() == 0
    assert keeping.due > asyncio.get_running_loop().time() + 3_000
    await asyncio.to_thread(ended, 50)
    await keeping.sweep()
    assert await Run.objects.acount() == 1


@pytest.mark.django_db(transaction=True)
def test_deleting_a_batch_takes_a_moment(
    ended: Callable[..., Run], counted: Callable[[str], None]
) -> None:
    runs = [ended(31) for _ in range(retention.BATCH)]
    at = timezone.now()
    RunEvent.objects.bulk_create(
        RunEvent(run=run, seq=seq, key=str(seq), at=at, type="node.started")
        for run in runs
        for seq in range(2, 22)
    )
    NodeRun.objects.bulk_create(
        NodeRun(run=run, node=f"n{number}", type="llm", status="succeeded", output={"x": "y" * 500})
        for run in runs
        for number in range(10)
    )
    began = time.perf_counter()
    assert expire_runs() == retention.BATCH
    took = (time.perf_counter() - began) * 1000
    counted(f"{retention.BATCH} runs with 1,100 attempts and 2,100 events: {took:.0f} ms")
    assert took < 3_000
    assert not NodeRun.objects.exists()


async def test_the_reconciler_looks_after_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(reconciler, "SWEEP_EVERY", 0.001)
    watching = reconciler.Reconciler(client=None)  # type: ignore[arg-type]

    def notes(name: str) -> Callable[[], Any]:
        async def note() -> None:
            done.append(name)

        return note

    for name in ("deliver_cancels", "start_left_behind"):
        monkeypatch.setattr(watching, name, notes(name))
    monkeypatch.setattr(watching.retention, "sweep", notes("sweep"))
    task = asyncio.create_task(watching.run())
    while "sweep" not in done:
        await asyncio.sleep(0.001)
    task.cancel()
    assert done[:3] == ["deliver_cancels", "start_left_behind", "sweep"]


@pytest.mark.django_db(transaction=True)
def test_a_run_that_a_younger_one_is_held_with_goes_later(
    ended: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOCK_TIMEOUT", "100ms")
    old = ended(31)
    again = ended(1, rerun_of=old)
    holding, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                hold_run(str(again.id), events=1)
                holding.set()
                over.wait(10)
        finally:
            connection.close()

    writer = threading.Thread(target=hold)
    writer.start()
    holding.wait(10)
    try:
        assert expire_runs() == 0
        assert kept() == {old.id, again.id}
    finally:
        over.set()
        writer.join(10)
    assert expire_runs() == 1
