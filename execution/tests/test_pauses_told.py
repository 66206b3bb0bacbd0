"""Pauses reach every workflow of a run with sub-flows, and stand still its clock."""

import time
from typing import Any
from uuid import UUID

import pytest

from execution.dispatch import signal_run
from execution.models import NodeRun, Run, RunStatus
from execution.reconciler import _open_runs
from execution.services import start_run
from execution.steering import pause_run, resume_run
from execution.temporal_client import TemporalUnreachable
from execution.tests.flows_for_tests import (
    document,
    ended,
    event_types,
    llm,
    new_actor,
    output,
    published,
    start_node,
    until,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack")


def slow_chain(first: str = "slow-300ms") -> JSON:
    nodes = [start_node("text"), llm("one", "1", f"echo+{first}"), llm("two", "2")]
    return document([*nodes, output("{{ two.text }}")], ["start>one", "one>two", "two>end"])


def test_what_cannot_be_told_at_once_a_worker_tells_and_rows_and_workflows_agree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    actor = new_actor()
    inner = published(actor, slow_chain("slow-7000ms"))
    sub = {"id": "sub", "type": "subflow", "config": {"flow": inner.slug, "inputs": {"text": "a"}}}
    nodes = [start_node("text"), sub, output("{{ sub.end }}")]
    flow = published(actor, document(nodes, ["start>sub", "sub>end"]))
    run = start_run(actor, flow, {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run__parent=run, node="one").exists())

    def reaches_the_outer_one(run_id: UUID, signal: str) -> bool:
        if run_id != run.id:
            raise TemporalUnreachable("away")
        return signal_run(run_id, signal)

    def everybody_knows() -> bool:
        return not Run.objects.filter(flow__in=[flow, inner], signal_due_at__isnull=False).exists()

    for steer, status in ((pause_run, "paused"), (resume_run, "running")):
        with monkeypatch.context() as patched:
            patched.setattr("execution.telling.signal_run", reaches_the_outer_one)
            assert steer(actor, run).status == status
        child = Run.objects.get(parent=run)
        assert child.status == status
        until(everybody_knows)
        if status == "paused":
            done = NodeRun.objects.filter(run=child, node="one", status="succeeded")
            until(done.exists)
            time.sleep(0.7)
            assert not NodeRun.objects.filter(run=child, node="two").exists()
    assert ended(run).status == RunStatus.SUCCEEDED


def test_a_step_in_a_container_that_meets_the_pause_first_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    actor = new_actor()
    wait = {"id": "wait", "type": "wait", "parent": "rows", "config": {"seconds": 0.3}}
    nodes = [
        start_node("text"),
        {"id": "rows", "type": "map", "config": {"items": [1, 2]}},
        wait,
        llm("ask", "{{ item }}", parent="rows"),
        output("{{ rows.items | map('text') | join(',') }}"),
    ]
    edges = ["start>rows", "rows>end", "wait>ask"]
    content = document(nodes, edges, settings={"timeout_seconds": 8})
    run = start_run(actor, published(actor, content), {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run=run, node="wait").exists())
    with monkeypatch.context() as patched:
        # The row says so; the workflow does not know yet.
        patched.setattr("execution.telling.signal_run", lambda *_: False)
        pause_run(actor, run)
    until(lambda: Run.objects.filter(id=run.id, signal_due_at=None).exists())
    time.sleep(4)
    assert not NodeRun.objects.filter(run=run, node="ask").exists()
    resume_run(actor, run)
    over = ended(run, 20)
    assert (over.status, over.outputs) == (RunStatus.SUCCEEDED, {"end": "1,2"}), over.error


def test_a_pause_does_not_count_towards_the_time_of_containers_and_sub_flows() -> None:
    actor = new_actor()
    inner = published(actor, slow_chain("slow-900ms"))
    config = {"flow": inner.slug, "inputs": {"text": "a"}}
    wait = {"id": "wait", "type": "wait", "parent": "rows", "config": {"seconds": 0.3}}
    nodes = [
        start_node("text"),
        {"id": "rows", "type": "map", "config": {"items": [1]}, "timeout_seconds": 2.5},
        wait,
        llm("ask", "x", "echo+slow-300ms", parent="rows"),
        llm("more", "y", "echo+slow-300ms", parent="rows"),
        {"id": "sub", "type": "subflow", "config": config, "timeout_seconds": 2.5},
        output("{{ rows.count }}{{ sub.end }}"),
    ]
    edges = ["start>rows", "start>sub", "rows>end", "sub>end", "wait>ask", "ask>more"]
    run = start_run(actor, published(actor, document(nodes, edges)), {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run=run, node="wait").exists())
    until(lambda: NodeRun.objects.filter(run__parent=run, node="one").exists())
    pause_run(actor, run)
    time.sleep(3)
    assert set(NodeRun.objects.filter(run=run, node__in=["rows", "sub"]).values_list("status")) == {
        ("running",)
    }
    resume_run(actor, run)
    over = ended(run, 20)
    assert (over.status, over.outputs) == (RunStatus.SUCCEEDED, {"end": "12"}), over.error
    slow = {**nodes[1], "timeout_seconds": 0.5}
    late = [slow if node["id"] == "rows" else node for node in nodes]
    over = ended(start_run(actor, published(actor, document(late, edges)), {"text": "a"}).run)
    assert (over.error or {})["code"] == "timeout"


def test_a_sub_flow_that_begins_while_its_run_is_paused_is_part_of_the_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    actor = new_actor()
    inner = published(actor, slow_chain("slow-8000ms"))
    sub = {"id": "sub", "type": "subflow", "config": {"flow": inner.slug, "inputs": {"text": "a"}}}
    nodes = [start_node("text"), llm("ask", "x", "echo+slow-600ms"), sub, output("{{ sub.end }}")]
    flow = published(actor, document(nodes, ["start>ask", "ask>sub", "sub>end"]))
    run = start_run(actor, flow, {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run=run, node="ask").exists())
    with monkeypatch.context() as patched:
        # The row says so; the workflow does not know yet.
        patched.setattr("execution.telling.signal_run", lambda *_: False)
        pause_run(actor, run)
        until(lambda: Run.objects.filter(parent=run).exists())
    child = Run.objects.get(parent=run)
    assert child.status == RunStatus.PAUSED
    until(lambda: Run.objects.filter(id=child.id, signal_due_at=None).exists())
    until(NodeRun.objects.filter(run=child, node="one", status="succeeded").exists)
    time.sleep(0.7)
    assert not NodeRun.objects.filter(run=child, node="two").exists()
    resume_run(actor, run)
    assert ended(run).outputs == {"end": "2"}


def test_a_run_that_is_paused_before_it_began_is_not_taken_for_lost() -> None:
    actor = new_actor()
    flow = published(actor, slow_chain())
    run = start_run(actor, flow, {"text": "a"}).run
    ended(run)
    Run.objects.filter(id=run.id).update(status="paused", started_at=None, finished_at=None)
    before = UUID(int=run.id.int - 1)
    Run.objects.filter(id=run.id).update(created_at="2020-01-01T00:00:00Z")
    assert (run.id, False) in _open_runs(before)
    Run.objects.filter(id=run.id).update(status="cancelled")


def test_a_run_that_is_held_back_and_paused_starts_when_it_is_resumed() -> None:
    actor = new_actor()
    content = {**slow_chain("slow-1500ms"), "settings": {"concurrency": 1}}
    flow = published(actor, content)
    first, second = (start_run(actor, flow, {"text": "a"}).run for _ in range(2))
    until(lambda: NodeRun.objects.filter(run=first, node="one").exists())
    assert pause_run(actor, second).status == RunStatus.PAUSED
    ended(first)
    time.sleep(1)
    second.refresh_from_db()
    assert (second.status, second.started_at) == (RunStatus.PAUSED, None)
    assert resume_run(actor, second).status == RunStatus.QUEUED
    assert ended(second).status == RunStatus.SUCCEEDED
    types = event_types(second)
    assert types[:4] == ["run.queued", "run.paused", "run.resumed", "run.started"]
    assert types.count("run.started") == 1


def test_a_pause_does_not_count_where_a_container_is_at_work() -> None:
    actor = new_actor()
    rows = {"id": "rows", "type": "map", "config": {"items": [1, 2, 3], "concurrency": 1}}
    nodes = [
        start_node("text"),
        rows,
        llm("ask", "{{ item }}", "echo+slow-300ms", parent="rows"),
        output("{{ rows.count }}"),
    ]
    content = document(nodes, ["start>rows", "rows>end"], settings={"timeout_seconds": 3})
    run = start_run(actor, published(actor, content), {"text": "a"}).run
    until(lambda: NodeRun.objects.filter(run=run, node="ask").exists())
    pause_run(actor, run)
    time.sleep(3.5)
    resume_run(actor, run)
    over = ended(run, 20)
    assert (over.status, over.outputs) == (RunStatus.SUCCEEDED, {"end": 3}), over.error
