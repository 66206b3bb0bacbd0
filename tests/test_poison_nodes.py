"""Nodes that stop, kill or block their worker, on a real stack; the others' runs go on."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.permissions import system_actor
from execution.models import NodeRun, Run
from execution.services import cancel_run, start_run
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
from flows.engine.registry import registry
from fluxprompt.testing.live_stack import LiveStack


def test_deploys_in_the_middle_of_a_call_are_not_held_against_the_node(stack: LiveStack) -> None:
    actor = new_actor()
    nodes = [start_node("tag"), llm("ask", "{{ start.tag }}", "tokens-60x40ms"), output("x")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    stack.restart_worker(FLUX_DRAIN_SECONDS="0.2")
    stack.wait_until_ready()
    tag = uuid.uuid4().hex
    run = start_run(actor, flow, {"tag": tag}).run
    for deploys in (1, 2, 3):
        until(
            lambda deploys=deploys: NodeRun.objects.filter(
                run=run, node="ask", status="running", attempt=deploys
            ).exists()
        )
        stack.restart_worker(kill=False, FLUX_DRAIN_SECONDS="0.2")
        stack.wait_until_ready()
    assert ended(run, 30).status == "succeeded"
    rows = NodeRun.objects.filter(run=run, node="ask").order_by("attempt")
    errors = [row.error or {} for row in rows]
    assert [error.get("details") for error in errors] == [{"worker": "stopped"}] * 3 + [None]
    stack.restart_worker()
    stack.wait_until_ready()


BURNING = '''
"""Computes where it should wait."""
import os, time
from flows.engine.config import NodeConfig
from flows.engine.node_type import Context, NodeType, PureInputs, Result

class Config(NodeConfig):
    seconds: float

def burn(seconds: float) -> int:
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        count += 1
    return count

async def io(config: Config, ctx: Context) -> Result:
    return Result({"count": burn(config.seconds)})

async def deadly(config: Config, ctx: Context) -> Result:
    if ctx.attempt < config.seconds:
        os._exit(9)
    return Result({"count": ctx.attempt})

def pure(config: Config, inputs: PureInputs) -> Result:
    return Result({"count": burn(config.seconds)})

NODE = NodeType(type="NAME", title="Burn", summary="Burns.", category="data", icon="flame",
                config=Config, KIND, outputs={"count": "number"})
'''


@pytest.fixture(scope="module")
def burning(
    live_stack: LiveStack,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[dict[str, str]]:
    """Names of node types that burn, `io` on the event loop and `pure` in the workflow, and of one
    (`deadly`) that ends its worker in its first attempts.
    """
    stack, folder = live_stack, tmp_path_factory.mktemp("nodes")
    does = {"io": "io=io", "pure": "pure=pure", "deadly": "io=deadly"}
    names = {kind: f"burn_{kind}_{uuid.uuid4().hex[:8]}" for kind in does}
    for kind, name in names.items():
        (folder / name).mkdir()
        source = BURNING.replace("NAME", name).replace("KIND", does[kind])
        (folder / name / "node.py").write_text(source)
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("FLUX_NODE_PATHS", str(folder))
        registry.cache_clear()
        stack.restart_worker()
        stack.wait_until_ready()
        yield names
    registry.cache_clear()
    with django_db_blocker.unblock():
        stack.restart_worker()
        stack.wait_until_ready()


def burner(type: str, seconds: float) -> Run:
    """A run that burns for so long, started now."""
    actor = new_actor()
    node = {"id": "burn", "type": type, "config": {"seconds": seconds}}
    nodes = [start_node("text"), node, output("{{ burn.count }}")]
    flow = published(actor, document(nodes, ["start>burn", "burn>end"]))
    return start_run(actor, flow, {"text": "x"}).run


@pytest.mark.parametrize(("kind", "seconds"), [("io", 12.0), ("pure", 1.5)])
def test_a_node_that_burns_makes_no_other_call_again(
    stack: LiveStack, burning: dict[str, str], kind: str, seconds: float
) -> None:
    actor = new_actor()
    nodes = [start_node("tag"), llm("ask", "{{ start.tag }}", "tokens-60x40ms"), output("x")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    runs = [start_run(actor, flow, {"tag": uuid.uuid4().hex}).run for _ in range(5)]
    until(lambda: NodeRun.objects.filter(run__in=runs, status="running").count() == 5)
    burning_run = burner(burning[kind], seconds)
    assert ended(burning_run, 40).status == "succeeded"
    for run in runs:
        assert ended(run, 40).status == "succeeded"
    rows = NodeRun.objects.filter(run__in=[*runs, burning_run], type__in=["llm", burning["io"]])
    assert {row.attempt for row in rows} == {1}


def test_a_node_that_never_comes_back_ends_its_worker_and_is_given_up(
    stack: LiveStack, burning: dict[str, str]
) -> None:
    stack.restart_worker(FLUX_FREEZE_SECONDS="5")
    stack.wait_until_ready()
    run = burner(burning["io"], 10_000)
    worker = stack.process("worker")
    until(lambda: worker.poll() is not None, 30)
    assert worker.returncode == 70
    assert "burn" in stack.log("worker").read_text()
    stack.start_worker()
    stack.wait_until_ready()
    until(lambda: NodeRun.objects.filter(run=run, node="burn", attempt=2).exists())
    # Whoever has it now is frozen as well, and may not be left to the tests that follow.
    stack.kill_worker()
    cancel_run(system_actor(run.workspace_id, "test"), run)
    stack.start_worker()
    stack.wait_until_ready()
    assert ended(run, 60).status == "cancelled"


def test_a_node_that_kills_its_worker_lets_others_on_between_its_attempts(
    stack: LiveStack, burning: dict[str, str]
) -> None:
    run = burner(burning["deadly"], 4)
    actor = new_actor()
    nodes = [start_node("tag"), llm("ask", "{{ start.tag }}", "tokens-40x20ms"), output("x")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    others: list[Run] = []

    def is_over() -> bool:
        with suppress(AssertionError):
            stack.heal()  # the node may end the new worker before that is ready
        if not others or others[-1].created_at < timezone.now() - timedelta(seconds=3):
            others.append(start_run(actor, flow, {"tag": uuid.uuid4().hex}).run)
        run.refresh_from_db()
        return run.ended

    until(is_over, 120)
    assert run.status == "succeeded"
    rows = list(NodeRun.objects.filter(run=run, node="burn").order_by("attempt"))
    assert [(row.error or {}).get("code") for row in rows] == ["interrupted"] * 3 + [None]
    pauses = [
        (after.started_at - before.finished_at).total_seconds()
        for before, after in itertools.pairwise(rows)
        if after.started_at and before.finished_at
    ]
    assert pauses[1] >= 1.9, pauses
    assert pauses[2] >= 3.9, pauses
    assert [ended(other).status for other in others] == ["succeeded"] * len(others)
