"""A run whose next steps no worker does says so, and which workers it needs."""

from typing import Any

import pytest
from django.test import Client

from accounts.permissions import Actor
from execution.models import Run
from execution.queries import run_document
from execution.stalled import Next, why_stalled
from execution.tests.flows_for_tests import document, llm, output, published, start_node
from execution.tests.pages_for_tests import htmx, make_run, make_step
from flows.models import Flow

JSON = Any
ALL_THERE = {"io": 1, "model": 1, "code": 1}


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many workers each queue has, to be set by a test."""
    there = dict(ALL_THERE)
    monkeypatch.setattr("execution.stalled.workers_present", lambda: there)
    return there


def test_a_model_step_without_a_worker_is_named(
    visitor: Client, flow: Flow, workers: dict[str, int]
) -> None:
    run = make_run(flow, "running")
    make_step(run, "start")
    assert why_stalled(run) == ""
    workers["model"] = 0
    said = why_stalled(run)
    assert said.startswith("“Language model” waits: no worker that asks models is connected.")
    assert "--queues model" in said
    shown = htmx(visitor, f"/runs/{run.id}/queue/")
    assert 'data-reason="no_worker"' in shown
    assert "“Language model” waits" in shown


def test_a_step_that_has_begun_waits_for_nobody(flow: Flow, workers: dict[str, int]) -> None:
    run = make_run(flow, "running")
    make_step(run, "ask", "running")
    workers["model"] = workers["code"] = 0
    assert why_stalled(run) == ""


def test_steps_before_it_that_only_compute_need_no_record(
    actor: Actor, workers: dict[str, int]
) -> None:
    nodes = [
        start_node("topic"),
        llm("one", "{{ start.topic }}", label="One"),
        llm("two", "{{ one.text }}", label="Two"),
        output("{{ two.text }}"),
    ]
    edges = ["start>one", "start>two", "one>two", "two>end"]
    run = make_run(published(actor, document(nodes, edges)), "queued")
    workers["model"] = 0
    assert why_stalled(run).startswith("“One” waits")
    assert waiting(run) == ["One"]


def waiting(run: Run) -> list[str]:
    return Next(run_document(run), {}, {}).on("model")


def test_without_any_worker_nothing_goes_on(flow: Flow, workers: dict[str, int]) -> None:
    workers["io"] = 0
    assert why_stalled(make_run(flow, "running")).startswith("No worker is connected")
    assert why_stalled(make_run(flow, "running", execution="inline")) == ""
    assert why_stalled(make_run(flow)) == ""


def test_what_is_on_a_dead_branch_or_not_asked_for_waits_for_nobody(
    actor: Actor, workers: dict[str, int]
) -> None:
    fork = {"id": "fork", "type": "if", "config": {"condition": "{{ start.topic == 'a' }}"}}
    nodes = [start_node("topic"), fork, llm("ask", "x", label="Yes"), llm("say", "x", label="No")]
    edges = ["start>fork", "fork.true>ask", "fork.false>say"]
    flow = published(actor, document([*nodes, output("x")], [*edges, "ask>end", "say>end"]))
    workers["model"] = 0
    run = make_run(flow, "running")
    make_step(run, "start")
    types = {"node": "fork", "type": "if", "ports": ["false"], "status": "succeeded"}
    run.node_runs.create(**types, started_at=run.started_at, finished_at=run.started_at)
    assert why_stalled(run).startswith("“No” waits")
    part = make_run(flow, "running", options={"until": "fork"})
    assert why_stalled(part) == ""


def test_a_paused_run_says_what_that_means(visitor: Client, flow: Flow) -> None:
    run = make_run(flow, "paused", finished_at=None)
    assert "Nothing new starts while the run is paused" in htmx(visitor, f"/runs/{run.id}/queue/")
    assert htmx(visitor, f"/runs/{make_run(flow).id}/queue/").strip() == ""
