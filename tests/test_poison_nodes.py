"""Nodes that stop, kill or block their worker, on a real stack; the others' runs go on."""

import uuid

from execution.models import NodeRun
from execution.services import start_run
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
