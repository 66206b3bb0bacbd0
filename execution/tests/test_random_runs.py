"""Random runs on the real drivers: durable, inline and a naive reckoning agree, row by row."""

import random
import time
from contextlib import suppress
from typing import Any

import pytest

from accounts.permissions import Actor
from execution.errors import RunStateConflict
from execution.models import ENDED, NodeRun, Run, RunEvent, RunStatus
from execution.services import cancel_run, start_run
from execution.steering import rerun_run
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
from execution.tests.random_runs_for_tests import RandomFlow, Reckoned, random_run_flow
from flows.models import Flow

JSON = Any
pytestmark = pytest.mark.usefixtures("stack", "models")
INLINE: JSON = {"execution": "inline"}
FLOWS = 30
CANCELLED = 16
OPEN = ("pending", "running", "waiting")


def child_flow(actor: Actor) -> Flow:
    """What sub-flows run: a number and one; it fails on what is divisible by five."""
    value = "{{ (start.n | int) + 1 + 0 * (1 // ((start.n | int) % 5)) }}"
    calc = {"id": "calc", "type": "transform", "config": {"fields": {"v": value}}}
    nodes = [start_node("n"), calc, output("{{ calc.v }}")]
    return published(actor, document(nodes, ["start>calc", "calc>end"]))


def rows_of(run: Run) -> dict[JSON, str]:
    """The status of every place's last attempt, without the outputs of the flow."""
    rows = NodeRun.objects.filter(run=run).order_by("attempt")
    return {
        (tuple(row.path), row.node): row.status
        for row in rows
        if not row.node.startswith("end_") and row.node != "start"
    }


def check_record(run: Run) -> None:
    """What has to hold of every run that has ended."""
    assert not NodeRun.objects.filter(run=run, status__in=OPEN).exists()
    assert not Run.objects.filter(parent=run).exclude(status__in=ENDED).exists()
    events = list(RunEvent.objects.filter(run=run).order_by("seq"))
    assert len({event.seq for event in events}) == len(events)
    assert (events[0].type, events[-1].type) == ("run.queued", "run.finished")
    began: dict[JSON, int] = {}
    for event in events:
        place = (event.node, tuple(event.path), event.data.get("attempt"))
        if event.type == "node.started":
            assert place not in began, f"{place} began twice"
            began[place] = event.seq
        elif event.type in ("node.finished", "node.retrying"):
            assert began.pop(place, event.seq) < event.seq, (
                f"{place} ended and had not begun: {shown(events)}"
            )
        elif event.type == "node.skipped":
            assert not any(node == event.node and path == place[1] for node, path, _ in began)
    # What the end of the run cut off says so in its row.
    for node, path, attempt in began:
        row = NodeRun.objects.get(run=run, node=node, path=list(path), attempt=attempt)
        assert (row.status, row.finished_at) == ("cancelled", run.finished_at), (node, path)


def shown(events: list[RunEvent]) -> list[str]:
    return [f"{e.seq} {e.type} {e.node} {e.path} {e.data.get('status', '')}" for e in events]


def check(run: Run, flow: RandomFlow, n: int) -> None:
    expected = Reckoned(flow, n)
    found = rows_of(run)
    assert found == expected.rows
    assert run.status == expected.status, run.error
    assert run.outputs is not None
    # Where the run ended early, the flow's outputs were still being made beside the steps.
    whole = run.status == "succeeded" and expected.over is None
    assert run.outputs == {k: v for k, v in expected.outputs.items() if whole or k in run.outputs}
    check_record(run)


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_random_runs_leave_what_a_naive_reckoning_says(execution: str) -> None:
    actor = new_actor()
    child = str(child_flow(actor).id)
    under_way = []
    for seed in range(FLOWS):
        chance = random.Random(seed)
        waits = execution == "durable" and seed % 2 > 0
        flow = random_run_flow(chance, waits=waits, disabled=0.15 if seed % 3 else 0)
        content = flow.document(child, settings={"execution": execution})
        n = chance.randint(0, 50)
        run = start_run(actor, published(actor, content), {"n": str(n)}).run
        under_way.append((seed, run, flow, n))
    reached: list[str] = []
    for seed, run, flow, n in under_way:
        over = ended(run, 60)
        try:
            check(over, flow, n)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        reached.append(over.status)
    assert {"succeeded", "failed"} <= set(reached)


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_runs_cancelled_at_any_moment_leave_nothing_open(execution: str) -> None:
    actor = new_actor()
    child = str(child_flow(actor).id)
    chance = random.Random(execution)
    under_way: list[tuple[float, Run]] = []
    for _ in range(CANCELLED):
        flow = random_run_flow(chance, waits=execution == "durable")
        content = flow.document(child, "slow-150ms", settings={"execution": execution})
        run = start_run(actor, published(actor, content), {"n": "1"}).run
        under_way.append((time.monotonic() + chance.uniform(0, 1.2), run))
        _cancel_due(actor, under_way)
    until(lambda: not _cancel_due(actor, under_way), 10)
    for _, run in under_way:
        check_record(ended(run, 30))
    assert any(run.status == RunStatus.CANCELLED for _, run in under_way)
    children = Run.objects.filter(parent__in=[run for _, run in under_way])
    assert not children.exclude(status__in=ENDED).exists()


def _cancel_due(actor: Actor, under_way: list[tuple[float, Run]]) -> list[Run]:
    """Cancel what is due; what is left to be cancelled later."""
    for due, run in under_way:
        run.refresh_from_db()
        if due < time.monotonic() and not run.ended and run.cancel_requested_at is None:
            with suppress(RunStateConflict):
                cancel_run(actor, run)
    return [run for due, run in under_way if due >= time.monotonic()]


def deep_document(execution: str) -> dict[str, JSON]:
    """A map in a loop in a map; one call in the middle of it fails the first time it is made."""
    here = "rows.index == 1 and rounds.index == 1 and index == 1"
    # A number of its own for each call, so that the model knows which one it has refused.
    prompt = f"{{{{ ('[[flaky-1]] ' if {here} else '') ~ start.n ~ ' ' ~ (state.n + item) }}}}"
    rows = {
        "items": "{{ before.v }}",
        "concurrency": 2,
        "on_item_error": "collect",
        "result": "{{ rounds.state.n }}",
    }
    update = {"n": "{{ cells.items | sum }}"}
    rounds = {"state": {"n": "{{ item }}"}, "update": update, "max_iterations": 3}
    result = "{{ ask.text | split(' ') | last | int }}"
    cells = {"items": [0, 1, 2], "concurrency": 1, "result": result}
    nodes = [
        start_node("n"),
        {"id": "before", "type": "transform", "config": {"fields": {"v": [0, 1, 2]}}},
        {"id": "rows", "type": "map", "config": rows},
        {"id": "rounds", "type": "loop", "parent": "rows", "config": rounds},
        {"id": "cells", "type": "map", "parent": "rounds", "config": cells},
        llm("ask", prompt, parent="cells", retry={"max_attempts": 1}),
        output("{{ rows.items }}"),
    ]
    edges = ["start>before", "before>rows", "rows>end"]
    return document(nodes, edges, settings={"execution": execution})


def deep_places(how: str) -> dict[JSON, str]:
    """Every place of that flow as three loops see it: `first`, `retried`, or run again `whole`."""
    found: dict[JSON, str] = {}
    for row in range(3):
        broken = row == 1 and how == "first"
        if how == "retried" and row != 1:
            found["rows", row, "rounds"] = "reused"
            continue
        found["rows", row, "rounds"] = "failed" if broken else "succeeded"
        for turn in range(2 if broken else 3):
            at = ("rows", row, "rounds", turn, "cells")
            missed = broken and turn == 1
            if how == "retried" and turn == 0:
                found[at] = "reused"
                continue
            found[at] = "failed" if missed else "succeeded"
            for cell in range(2 if missed else 3):
                place = (*at, cell, "ask")
                found[place] = "failed" if missed and cell == 1 else "succeeded"
                if how == "retried" and turn == 1 and cell == 0:
                    found[place] = "reused"
    return found


def deep_rows(run: Run) -> dict[JSON, str]:
    rows = NodeRun.objects.filter(run=run).order_by("attempt").exclude(path=[])
    return {(*r.path, r.node): "reused" if r.reused else r.status for r in rows}


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_three_levels_deep_only_what_failed_is_retried_and_a_rerun_begins_in_the_middle(
    execution: str,
) -> None:
    actor = new_actor()
    flow = published(actor, deep_document(execution))
    # Three rounds, each the sum of its state, and that and one, and that and two.
    whole = [27 * row + 39 for row in range(3)]
    first = ended(start_run(actor, flow, {"n": str(time.time_ns())}).run)
    assert (first.status, first.outputs) == ("succeeded", {"end": [whole[0], None, whole[2]]})
    assert deep_rows(first) == deep_places("first")
    again = ended(rerun_run(actor, first, start="rows", only_failed=True).run)
    assert (again.status, again.outputs) == ("succeeded", {"end": whole})
    assert deep_rows(again) == deep_places("retried")
    middle = ended(rerun_run(actor, again, start="ask").run)
    assert (middle.status, middle.outputs) == ("succeeded", {"end": whole})
    assert deep_rows(middle) == deep_places("whole")
    for run in (again, middle):
        assert NodeRun.objects.get(run=run, node="before").reused
        check_record(run)
