"""Kinds of work have queues of their own: slow models keep nothing else waiting."""

from contextlib import suppress
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.permissions import system_actor
from execution.errors import RunStateConflict
from execution.models import ENDED, Run
from execution.queues import queues_of, task_queue
from execution.services import cancel_run, start_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
    until,
)
from flows.engine.registry import registry

SLOW_CALLS = 300


def test_models_have_a_queue_of_their_own_and_the_rest_the_main_one() -> None:
    node_type = registry().get("llm")
    assert node_type is not None
    assert task_queue("flux", node_type.queue) == "flux-model"
    http = registry().get("http")
    assert http is not None
    assert task_queue("flux", http.queue) == "flux"


def test_a_worker_is_told_its_kinds_of_work() -> None:
    assert queues_of(["workflow"]) == queues_of(["io"]) == {"io"}
    assert queues_of(["model", "code"]) == {"model", "code"}
    with pytest.raises(ValueError, match="'modle' is no kind of work"):
        queues_of(["modle"])
    with pytest.raises(CommandError, match="Name a kind of work"):
        call_command("runworker", queues=" ")


def end_what_others_left() -> None:
    """Cancel the runs that other tests left open: their calls hold slots."""
    left = Run.objects.exclude(status__in=ENDED).filter(execution="durable")
    for run in left:
        with suppress(RunStateConflict):
            cancel_run(system_actor(run.workspace_id, "test"), run)
    until(lambda: not left.all().exists(), 60)


def test_slow_models_in_every_slot_hold_up_neither_logic_nor_http(stack: Any) -> None:
    end_what_others_left()
    slow, quick = new_actor(), new_actor()
    nodes = [
        start_node("text"),
        *(llm(f"ask{n}", "{{ start.text }}", "echo+slow-20000ms") for n in range(SLOW_CALLS)),
        output("done"),
    ]
    edges = [f"start>ask{n}" for n in range(SLOW_CALLS)]
    edges += [f"ask{n}>end" for n in range(SLOW_CALLS)]
    flooding = start_run(slow, published(slow, document(nodes, edges)), {"text": "x"}).run
    running = flooding.node_runs.filter(type="llm", status="running")
    # As many as a worker has slots: the others wait for one.
    until(lambda: running.count() >= 200, 60)
    try:
        logic = published(
            quick, document([start_node("text"), output("{{ start.text }}")], ["start>end"])
        )
        http = {
            "id": "get",
            "type": "http",
            "config": {"method": "GET", "url": f"{stack.model_server.url}/v1/models"},
        }
        reading = published(
            quick,
            document(
                [start_node("text"), http, output("{{ get.status }}")], ["start>get", "get>end"]
            ),
        )
        for flow, wanted in ((logic, "x"), (reading, 200)):
            run = run_to_end(quick, flow, {"text": "x"})
            assert run.outputs == {"end": wanted}
        assert running.count() >= 200
    finally:
        cancel_run(slow, flooding)
        ended(flooding, 60)
