"""Small flows and workspaces that tests of the engine share."""

import time
import uuid
from typing import Any

from accounts.models import Workspace
from accounts.permissions import Actor, system_actor
from execution.models import NodeRun, Run, RunEvent
from execution.services import start_run
from flows.models import Flow
from flows.services import create_flow, publish_flow

JSON = Any


def new_actor() -> Actor:
    """An actor of a workspace of its own."""
    name = uuid.uuid4().hex[:12]
    workspace = Workspace.objects.create(name=name, slug=name)
    return system_actor(workspace.id, "test")


def document(nodes: list[dict[str, JSON]], edges: list[str], **more: JSON) -> dict[str, JSON]:
    """A document from nodes and edges written `a>b` or `a.port>b`."""
    return {
        "schema": "fluxprompt.flow/v1",
        "name": "Test",
        "nodes": nodes,
        "edges": [dict(zip(("from", "to"), edge.split(">"), strict=True)) for edge in edges],
        **more,
    }


def start_node(*fields: str) -> dict[str, JSON]:
    """An input node with required text fields."""
    config = {"fields": [{"name": name, "type": "text", "required": True} for name in fields]}
    return {"id": "start", "type": "input", "config": config}


def llm(name: str, prompt: str, model: str = "echo", **more: JSON) -> dict[str, JSON]:
    """A model node on the scripted server."""
    config = {"model": f"openai_compatible/{model}", "prompt": prompt}
    return {"id": name, "type": "llm", "config": config, **more}


def output(value: JSON, name: str = "end") -> dict[str, JSON]:
    return {"id": name, "type": "output", "config": {"value": value}}


def published(actor: Actor, content: dict[str, JSON]) -> Flow:
    """A flow with this document as its published version."""
    flow = create_flow(actor, document=content)
    publish_flow(actor, flow)
    flow.refresh_from_db()
    return flow


def run_to_end(actor: Actor, flow: Flow, inputs: dict[str, JSON], seconds: float = 30) -> Run:
    """Start a run and wait for its end."""
    return ended(start_run(actor, flow, inputs).run, seconds)


def ended(run: Run, seconds: float = 30) -> Run:
    """The run, as soon as it has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        run.refresh_from_db()
        if run.ended:
            return run
        time.sleep(0.02)
    raise AssertionError(f"run {run.id} is still {run.status} after {seconds:g} s")


def until(condition: Any, seconds: float = 20) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.02)


def event_types(run: Run) -> list[str]:
    """`type` or `type:node` of a run's events, in order."""
    events = RunEvent.objects.filter(run=run).order_by("seq")
    return [f"{event.type}:{event.node}" if event.node else event.type for event in events]


def statuses(run: Run) -> dict[str, str]:
    """The status of each node's latest attempt."""
    rows = NodeRun.objects.filter(run=run).order_by("attempt")
    return {row.node: row.status for row in rows}
