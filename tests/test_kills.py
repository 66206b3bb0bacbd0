"""kill -9 in the middle of runs: nothing is lost, nothing hangs, no recorded call is made again.

Calls are counted where they arrive: at the scripted model server.
"""

import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from benchmarks import recovery
from benchmarks.stack import Stack, running_stack
from execution.models import NodeRun, Run, RunEvent
from execution.services import start_run
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
from fluxprompt.paths import socket_dir
from fluxprompt.testing.live_stack import LiveStack
from tests.support.api import ENDED, Api
from tests.support.model_server import ModelServer

#: A step streams for 0.8 s: long enough to be killed in.
STEP = "tokens-40x20ms"
STEPS = ("one", "two", "three")
SAID = " ".join(f"t{number}" for number in range(40))


class ThreeSteps:
    """A run of three model calls in a row, and what of it reached the model server."""

    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        self.tag = uuid.uuid4().hex
        self.actor = new_actor()
        nodes = [
            start_node("tag"),
            *(llm(step, f"{{{{ start.tag }}}} step {step}", STEP) for step in STEPS),
            output("{{ three.text }}"),
        ]
        edges = ["start>one", "one>two", "two>three", "three>end"]
        self.flow = published(self.actor, document(nodes, edges))

    def start(self) -> Run:
        """Start it and wait until step two is in the middle of its answer."""
        run = start_run(self.actor, self.flow, {"tag": self.tag}).run
        until(lambda: self.calls("two") == 1)
        time.sleep(random.uniform(0.2, 0.5))
        return run

    def calls(self, step: str) -> int:
        """How often a step's prompt reached the model."""
        asked = f"{self.tag} step {step}"
        return sum(call.asked == asked for call in self.stack.model_server.calls)

    def attempts(self, run: Run) -> dict[str, list[str]]:
        """Each step's attempts, in order: its status, or its error's code."""
        rows = NodeRun.objects.filter(run=run, node__in=STEPS).order_by("attempt")
        found: dict[str, list[str]] = {step: [] for step in STEPS}
        for row in rows:
            found[row.node].append(row.error["code"] if row.error else row.status)
        return found

    def check(self, run: Run) -> None:
        """What has to hold however the run was disturbed."""
        assert run.status == "succeeded", run.error
        assert run.outputs is not None
        assert run.outputs["end"].strip() == SAID
        assert self.calls("one") == 1
        assert self.calls("three") == 1
        seqs = list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
        assert len(set(seqs)) == len(seqs)
        types = [kind for kind in event_types(run) if not kind.startswith("node.delta")]
        assert types[:2] == ["run.queued", "run.started"]
        assert types[-1] == "run.finished"
        bounds = [(f"node.started:{step}", f"node.finished:{step}") for step in STEPS]
        places = [types.index(kind) for pair in bounds for kind in pair]
        assert places == sorted(places)
        assert all(types.count(f"node.finished:{step}") == 1 for step in STEPS)
        assert types.count("run.finished") == 1


def test_a_worker_killed_in_step_two_costs_that_one_call(stack: LiveStack) -> None:
    steps = ThreeSteps(stack)
    run = steps.start()
    stack.kill_worker()
    with Api(stack, steps.actor) as api:
        shown = api.ask("GET", f"/runs/{run.id}")
        rows = {row["node"]: row["status"] for row in api.nodes(str(run.id))}
    assert shown["status"] == "running"
    assert rows == {"start": "succeeded", "one": "succeeded", "two": "running"}
    stack.start_worker()
    steps.check(ended(run, 40))
    assert steps.calls("two") == 2
    assert steps.attempts(run) == {
        "one": ["succeeded"],
        "two": ["interrupted", "succeeded"],
        "three": ["succeeded"],
    }
    types = event_types(run)
    assert types.index("node.retrying:two") < types.index("node.finished:two")
    assert types.count("node.started:two") == 2


def test_an_agent_goes_on_behind_the_last_step_that_was_recorded(stack: LiveStack) -> None:
    actor, tag = new_actor(), uuid.uuid4().hex
    one = published(actor, document([start_node("text"), output("1")], ["start>end"]))
    config = {
        "model": "openai_compatible/echo",
        "prompt": f"{tag} [[call-one]] [[{STEP}]]",
        "tools": [{"type": "flow", "flow": str(one.id), "name": "one"}],
    }
    nodes = [start_node("tag"), {"id": "helper", "type": "agent", "config": config}]
    content = document([*nodes, output("{{ helper.text }}")], ["start>helper", "helper>end"])
    run = start_run(actor, published(actor, content), {"tag": tag}).run
    until(lambda: _asked(stack, tag) == 2)
    time.sleep(random.uniform(0.2, 0.5))
    stack.kill_worker()
    stack.start_worker()
    run = ended(run, 40)
    assert run.outputs is not None, run.error
    assert run.outputs["end"].strip() == SAID
    # The first answer once, the one in flight twice; the other flow ran once.
    assert _asked(stack, tag) == 3
    assert Run.objects.filter(parent=run).count() == 1
    rows = NodeRun.objects.filter(run=run, node__in=("helper", ".model"))
    assert [(row.path, row.attempt, str(row.status)) for row in rows.order_by("id")] == [
        ([], 1, "succeeded"),
        (["helper", 1], 1, "succeeded"),
        (["helper", 4], 1, "failed"),
        (["helper", 4], 2, "succeeded"),
    ]


def _asked(stack: LiveStack, tag: str) -> int:
    return sum(tag in call.asked for call in stack.model_server.calls)


def test_a_killed_temporal_server_costs_at_most_the_call_in_flight(stack: LiveStack) -> None:
    steps = ThreeSteps(stack)
    run = steps.start()
    stack.kill("temporal")
    with Api(stack, steps.actor) as api:
        assert api.ask("GET", f"/runs/{run.id}")["status"] == "running"
    stack.start_temporal()
    steps.check(ended(run, 40))
    assert steps.calls("two") <= 2
    tries = steps.attempts(run)
    assert tries["two"][-1] == "succeeded"
    assert set(tries["two"][:-1]) <= {"interrupted"}
    assert (tries["one"], tries["three"]) == (["succeeded"], ["succeeded"])


def test_a_run_started_while_temporal_is_away_happens_once_it_is_back(stack: LiveStack) -> None:
    steps = ThreeSteps(stack)
    stack.kill("temporal")
    with Api(stack, steps.actor) as api, ThreadPoolExecutor(1) as aside:
        asking = aside.submit(api.start, str(steps.flow.id), {"tag": steps.tag})
        time.sleep(1)
        stack.start_temporal()
        shown = api.ended(asking.result(30), 40)
    assert shown["status"] == "succeeded", shown["error"]
    assert [steps.calls(step) for step in STEPS] == [1, 1, 1]


def test_a_worker_asked_to_stop_ends_what_runs_and_repeats_nothing(stack: LiveStack) -> None:
    steps = ThreeSteps(stack)
    run = steps.start()
    stack.restart_worker(kill=False)
    steps.check(ended(run, 40))
    assert [steps.calls(step) for step in STEPS] == [1, 1, 1]
    assert steps.attempts(run) == {step: ["succeeded"] for step in STEPS}
    assert "node.retrying:two" not in event_types(run)


def test_a_worker_that_may_wait_no_longer_hands_its_calls_on(stack: LiveStack) -> None:
    stack.restart_worker(FLUX_DRAIN_SECONDS="0.1")
    stack.wait_until_ready()
    steps = ThreeSteps(stack)
    run = steps.start()
    stack.restart_worker(kill=False)
    steps.check(ended(run, 40))
    assert steps.attempts(run)["two"] == ["interrupted", "succeeded"]
    assert "cancelled" not in str(steps.attempts(run))


def test_a_killed_worker_is_soon_not_taken_for_ready(stack: LiveStack) -> None:
    with Api(stack, new_actor()) as api:
        assert api.http.get(f"{stack.base_url}/readyz").status_code == 200
        stack.kill_worker()
        until(lambda: api.http.get(f"{stack.base_url}/readyz").status_code == 503, 4)
    stack.start_worker()
    stack.wait_until_ready()


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def copy(model: ModelServer) -> Iterator[Stack]:
    """`manage.py up` in a folder of its own: it starts again what dies."""
    with running_stack(
        FLUX_BOOTSTRAP="0",
        DJANGO_SETTINGS_MODULE="fluxprompt.settings",
        OPENAI_BASE_URL=f"{model.url}/v1",
        OPENAI_API_KEY="scripted",
    ) as made:
        yield made
    sockets = socket_dir(made.data)
    with suppress(FileNotFoundError):
        for left in sockets.glob("*"):
            left.unlink()
        sockets.rmdir()


def test_a_killed_database_is_back_and_the_run_goes_on(copy: Stack, model: ModelServer) -> None:
    flow = copy.publish(recovery.three_steps(50))
    took, faults = recovery.kill_in_the_middle(copy, model.url, flow, "postgres", number=0)
    assert faults == []
    prompts = recovery.calls_of(model.url)["prompts"]
    calls = [prompts[f"postgres-0 step {step}"] for step in STEPS]
    assert (calls[0], calls[2]) == (1, 1)
    assert calls[1] <= 2
    # The bar is a median of four seconds, measured by benchmarks.recovery; this is for hangs.
    assert took < 20


def test_ten_runs_under_four_kills_are_all_there_and_no_recorded_call_is_repeated(
    copy: Stack, model: ModelServer
) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    flow = copy.publish(recovery.three_steps(15))
    kinds = ["worker", "temporal", "postgres", "web"]
    chance.shuffle(kinds)
    runs: dict[str, str] = {}
    for number in range(10):
        tag = f"storm-{number}"
        started = recovery.patient(
            copy,
            "POST",
            f"/flows/{flow}/runs",
            {"inputs": {"tag": tag}},
            **{"Idempotency-Key": tag},
        )
        runs[tag] = started["id"]
        if number in (2, 4, 6, 8):
            time.sleep(chance.uniform(0, 0.8))
            recovery.kill(copy, kinds.pop())
        time.sleep(chance.uniform(0.1, 0.4))
    assert len(set(runs.values())) == 10
    deadline = time.monotonic() + 60
    for tag, run in runs.items():
        while (shown := recovery.patient(copy, "GET", f"/runs/{run}"))["status"] not in ENDED:
            assert time.monotonic() < deadline, f"{tag} is {shown['status']} (seed {seed})"
            time.sleep(0.1)
        seen = recovery.calls_of(model.url)
        assert recovery.check(copy, seen, tag, shown) == [], f"{tag} (seed {seed})"
    listed = recovery.patient(copy, "GET", f"/runs?flow={flow}&limit=50")["results"]
    assert sorted(run["id"] for run in listed) == sorted(runs.values())
