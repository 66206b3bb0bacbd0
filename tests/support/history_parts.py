"""What runs for recorded histories are made of: nodes, and people who do something to a run."""

import time
from collections.abc import Callable
from typing import Any

from accounts.permissions import Actor
from execution.approval_services import Answer, decide
from execution.models import NodeRun, Run
from execution.services import cancel_run, start_run
from execution.steering import pause_run, resume_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    published,
    run_to_end,
    start_node,
    until,
)

JSON = Any
#: Makes a run and returns it when it has ended.
type Shape = Callable[[Actor], Run]
SECONDS = 120.0
TEXT = {"text": "a,b,c"}


def fields(name: str, **values: JSON) -> dict[str, JSON]:
    return {"id": name, "type": "transform", "config": {"fields": values}}


def container(kind: str, name: str, **config: JSON) -> dict[str, JSON]:
    return {"id": name, "type": kind, "config": config}


def inside(parent: str, *nodes: dict[str, JSON]) -> list[dict[str, JSON]]:
    return [{**node, "parent": parent} for node in nodes]


def wait(seconds: JSON) -> dict[str, JSON]:
    return {"id": "pause", "type": "wait", "config": {"seconds": seconds}}


def content(nodes: list[dict[str, JSON]], edges: str, **more: JSON) -> dict[str, JSON]:
    """A document of an input with one text, and these."""
    return document([start_node("text"), *nodes], edges.split(), **more)


def over(nodes: list[dict[str, JSON]], edges: str, **more: JSON) -> Shape:
    """A run that is started and left alone."""
    return lambda actor: run_to_end(
        actor, published(actor, content(nodes, edges, **more)), TEXT, SECONDS
    )


def disturbed(
    nodes: list[dict[str, JSON]], edges: str, disturb: Callable[[Actor, Run], None]
) -> Shape:
    """A run that somebody does something to before it ends."""

    def make(actor: Actor) -> Run:
        run = start_run(actor, published(actor, content(nodes, edges)), TEXT).run
        disturb(actor, run)
        return ended(run, SECONDS)

    return make


def has(run: Run, node: str, status: str) -> bool:
    return NodeRun.objects.filter(run=run, node=node, status=status).exists()


def cancelled_at(node: str, status: str = "running") -> Callable[[Actor, Run], None]:
    def cancel(actor: Actor, run: Run) -> None:
        until(lambda: has(run, node, status), SECONDS)
        # What said so may be on its way back to the workflow.
        time.sleep(1)
        cancel_run(actor, run)

    return cancel


def paused_at(node: str, status: str, seconds: float) -> Callable[[Actor, Run], None]:
    def pause(actor: Actor, run: Run) -> None:
        until(lambda: has(run, node, status), SECONDS)
        time.sleep(1)
        pause_run(actor, run)
        time.sleep(seconds)
        resume_run(actor, run)

    return pause


def decided(decision: str) -> Callable[[Actor, Run], None]:
    def answer(actor: Actor, run: Run) -> None:
        until(lambda: has(run, "ask", "waiting"), SECONDS)
        time.sleep(1)
        decide(actor, run, "ask", [], Answer(decision, "fine", {}), via="api")

    return answer
