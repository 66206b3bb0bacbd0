"""What the tests of pages share: a visitor, a flow with a model node, runs as they are recorded."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.permissions import Actor
from execution.models import NodeRun, Run
from execution.tests.flows_for_tests import document, llm, output, published, start_node
from flows.models import Flow


@pytest.fixture
def flow(actor: Actor) -> Flow:
    nodes = [start_node("topic"), llm("ask", "{{ start.topic }}"), output("{{ ask.text }}")]
    return published(actor, document(nodes, ["start>ask", "ask>end"]))


@pytest.fixture
def dispatched(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Runs that were handed to Temporal, instead of handing them over."""
    runs: list[Run] = []
    monkeypatch.setattr("execution.services.dispatch", lambda run, *rest: runs.append(run))
    return runs


def make_run(flow: Flow, status: str = "succeeded", **fields: Any) -> Run:
    now = timezone.now()
    over = status not in ("queued", "running")
    fields = {
        "inputs": {"topic": "Tea"},
        "created_at": now - timedelta(seconds=9),
        "started_at": now - timedelta(seconds=9),
        "finished_at": now if over else None,
        **fields,
    }
    return Run.objects.create(
        workspace=flow.workspace, flow=flow, version=flow.published, status=status, **fields
    )


def make_step(run: Run, node: str, status: str = "succeeded", **fields: Any) -> NodeRun:
    types = {"start": "input", "ask": "llm", "end": "output"}
    times = {"started_at": run.started_at, "finished_at": timezone.now()}
    if status == "running":
        times["finished_at"] = None
    values = {
        "run": run,
        "node": node,
        "type": types.get(node),
        "status": status,
        **times,
        **fields,
    }
    return NodeRun.objects.create(**values)


def htmx(visitor: Client, path: str) -> str:
    return visitor.get(path, headers={"HX-Request": "true"}).content.decode()
