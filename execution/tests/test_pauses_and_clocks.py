"""What happens when a pause meets the end of a clock, a large map, or a sub-flow that begins."""

import asyncio
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from execution import steering
from execution.durable import Durable
from execution.models import NodeRun, Run, RunStatus
from execution.services import cancel_run, start_run
from execution.steering import pause_run, resume_run
from execution.telling import untold
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    start_node,
    until,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack")


def sub_flow(actor: Any, model: str) -> JSON:
    nodes = [start_node("text"), llm("one", "1", model), output("{{ one.text }}")]
    inner = published(actor, document(nodes, ["start>one", "one>end"]))
    config = {"flow": inner.slug, "inputs": {"text": "a"}}
    sub = {"id": "sub", "type": "subflow", "config": config}
    nodes = [start_node("text"), sub, output("x")]
    return published(actor, document(nodes, ["start>sub", "sub>end"]))


async def test_a_clock_that_has_run_out_is_not_stopped_by_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("execution.durable.workflow.patched", lambda _: True)
    met = []

    async def limited() -> None:
        async with asyncio.timeout(0.01) as limit:
            drive: Any = SimpleNamespace(limits={limit: None}, paused=True)
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                # What it limits takes its time to end, and meanwhile somebody pauses the run.
                Durable._set_limit(drive, limit)
                met.append(limit.expired())
                raise

    with pytest.raises(TimeoutError):
        await limited()
    assert met == [True]


def test_a_large_map_in_a_map_that_meets_the_pause_waits_for_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    actor = new_actor()
    wait = {"id": "wait", "type": "wait", "parent": "outer", "config": {"seconds": 0.8}}
    short = {"id": "short", "type": "wait", "parent": "inner", "config": {"seconds": 0.05}}
    numbers = list(range(60))
    inner = {"id": "inner", "type": "map", "parent": "outer", "config": {"items": numbers}}
    nodes = [
        start_node("text"),
        {"id": "outer", "type": "map", "config": {"items": [1]}},
        wait,
        inner,
        short,
        output("{{ outer.items[0].count }}"),
    ]
    flow = published(actor, document(nodes, ["start>outer", "outer>end", "wait>inner"]))
    run = start_run(actor, flow, {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run=run, node="wait").exists())
    with monkeypatch.context() as patched:
        # The row says so; the workflow does not know yet.
        patched.setattr("execution.telling.signal_run", lambda *_: False)
        pause_run(actor, run)
    time.sleep(2)
    assert not NodeRun.objects.filter(run=run, node="short").exists()
    resume_run(actor, run)
    over = ended(run, 40)
    assert (over.status, over.outputs) == (RunStatus.SUCCEEDED, {"end": 60}), over.error


def test_a_sub_flow_that_begins_in_the_moment_of_a_resume_goes_on_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    actor = new_actor()
    flow = sub_flow(actor, "slow-2000ms")
    run = start_run(actor, flow, {"text": "a"}).run
    until(lambda: Run.objects.filter(parent=run).exists())
    child = Run.objects.get(parent=run)
    pause_run(actor, run)
    mark = steering._mark
    begun: list[int] = []

    def late(run_id: UUID, *, paused: bool) -> bool:
        """The child is there once the run above it is marked."""
        done = mark(run_id, paused=paused)
        if run_id == run.id and not begun:
            begun.append(Run.objects.filter(id=child.id).update(parent=run, lineage=[str(run.id)]))
        return done

    Run.objects.filter(id=child.id).update(lineage=[])
    monkeypatch.setattr(steering, "_mark", late)
    resume_run(actor, run)
    assert begun == [1]
    child.refresh_from_db()
    assert child.status != RunStatus.PAUSED
    assert ended(run).status == RunStatus.SUCCEEDED


def test_a_run_cancelled_while_it_was_paused_and_had_not_begun_is_ended() -> None:
    actor = new_actor()
    flow = published(actor, document([start_node("text"), output("x")], ["start>end"]))
    run = Run.objects.create(
        workspace_id=actor.workspace_id,
        flow=flow,
        version=flow.published,
        inputs={"text": "x"},
        status=RunStatus.PAUSED,
        created_at=timezone.now() - timedelta(seconds=10),
        cancel_requested_at=timezone.now() - timedelta(seconds=8),
        last_seq=1,
    )
    assert ended(run, 15).status == RunStatus.CANCELLED
    assert not NodeRun.objects.filter(run=run).exists()


def test_a_run_that_is_held_back_and_paused_is_not_told_of_it_again_and_again() -> None:
    actor = new_actor()
    nodes = [start_node("text"), llm("one", "1", "slow-3000ms"), output("x")]
    content = document(nodes, ["start>one", "one>end"], settings={"concurrency": 1})
    flow = published(actor, content)
    first, second = (start_run(actor, flow, {"text": "a"}).run for _ in range(2))
    pause_run(actor, second)
    Run.objects.filter(id=second.id).update(signal_due_at=timezone.now() - timedelta(hours=1))
    assert second.id not in untold()
    for run in (first, second):
        cancel_run(actor, run)
        ended(run)
