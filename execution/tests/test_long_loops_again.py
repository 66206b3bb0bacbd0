"""Loops that go on in workflows of their own, and are repeated: rounds follow rounds."""

from typing import Any

import pytest

from execution.models import NodeRun, Run, RunStatus
from execution.parts_of_graph import HERE
from execution.steering import rerun_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)

JSON = Any
pytestmark = pytest.mark.usefixtures("stack")
ROUNDS = HERE + 5


def reused_rounds(run: Run, node: str) -> list[int]:
    rows = NodeRun.objects.filter(run=run, node=node, reused=True)
    return sorted(row.path[1] for row in rows)


def test_a_round_that_ran_again_has_all_later_ones_run_again_in_whatever_part() -> None:
    loop = {
        "id": "grow",
        "type": "loop",
        "config": {
            "state": {"n": 0},
            "update": {"n": "{{ state.n + 1 }}"},
            "max_iterations": ROUNDS,
        },
    }
    nodes = [
        start_node("text"),
        loop,
        {"id": "pause", "type": "wait", "parent": "grow", "config": {"seconds": 0.01}},
        llm("ask", "{{ state.n }}", parent="grow"),
        output("{{ grow.iterations }}"),
    ]
    actor = new_actor()
    flow = published(actor, document(nodes, ["start>grow", "grow>end", "pause>ask"]))
    first = run_to_end(actor, flow, {"text": "a"}, 90)
    assert first.status == RunStatus.SUCCEEDED, first.error
    again = ended(rerun_run(actor, first, start="ask").run, 90)
    assert again.outputs == {"end": ROUNDS}
    # Only what came before `ask` in the first round is as it was.
    assert reused_rounds(again, "pause") == [0]
    assert NodeRun.objects.filter(run=again, node="ask", reused=False).count() == ROUNDS
    kept = ended(rerun_run(actor, first, start="end").run, 90)
    assert NodeRun.objects.get(run=kept, node="grow").reused
