"""What a kill -9 costs: `python -m benchmarks.recovery`.

First, kills in the middle of a three-step model flow: the time from the kill to the next call at
the model server, for the worker, the Temporal server and PostgreSQL, against undisturbed runs. For
the worker also between two nodes (the answer of one has just left the model), and in a wait (how
late the call after it comes). Then a hundred runs under random kills: how many were lost, stuck, or
called a model again for a step that was recorded. Calls are counted at the model server.
"""

import argparse
import json
import os
import random
import signal
import statistics
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from benchmarks.runs import document
from benchmarks.runs import field as input_field
from benchmarks.stack import Stack, model_server, running_stack, wait_ready

ENDED = ("succeeded", "failed", "cancelled", "timed_out")
STEPS = ("one", "two", "three")
#: Seconds of the wait in which the worker is killed, at the earliest so long before its end. Longer
#: than the supervisor's patience: one that dies sooner than that again and again is started later.
WAIT = 7.0
BEFORE_ITS_END = 1.5


def three_steps(tokens: int) -> dict[str, Any]:
    """Three model calls in a row, each of `tokens` tokens 20 ms apart."""
    nodes: list[dict[str, Any]] = [
        {"id": "start", "type": "input", "config": {"fields": [input_field("tag", "string")]}}
    ]
    model = f"openai_compatible/tokens-{tokens}x20ms"
    for step in STEPS:
        prompt = f"{{{{ start.tag }}}} step {step}"
        nodes.append({"id": step, "type": "llm", "config": {"model": model, "prompt": prompt}})
    nodes.append({"id": "end", "type": "output", "config": {"value": "{{ three.text }}"}})
    edges = ["start>one", "one>two", "two>three", "three>end"]
    return document("Three steps", nodes, edges)


def wait_and_ask() -> dict[str, Any]:
    """A wait, and a model call after it that is named as step one."""
    prompt = "{{ start.tag }} step one"
    nodes: list[dict[str, Any]] = [
        {"id": "start", "type": "input", "config": {"fields": [input_field("tag", "string")]}},
        {"id": "wait", "type": "wait", "config": {"seconds": WAIT}},
        {
            "id": "one",
            "type": "llm",
            "config": {"model": "openai_compatible/echo", "prompt": prompt},
        },
        {"id": "end", "type": "output", "config": {"value": "{{ one.text }}"}},
    ]
    return document("A wait", nodes, ["start>wait", "wait>one", "one>end"])


def calls_of(model_url: str) -> dict[str, Any]:
    """Counts of prompts and the last calls, as the model server saw them."""
    with urllib.request.urlopen(f"{model_url}/calls", timeout=10) as answer:
        return dict(json.loads(answer.read()))


def count(model_url: str, tag: str) -> int:
    prompts = calls_of(model_url)["prompts"]
    return sum(prompts.get(f"{tag} step {step}", 0) for step in STEPS)


def patient(stack: Stack, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """An API call that goes on while parts of the stack are away."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return stack.api(method, path, body, **headers)
        except (RuntimeError, OSError, urllib.error.URLError) as error:
            refused = isinstance(error, RuntimeError) and not any(
                f": {status} " in str(error) for status in (500, 502, 503, 504)
            )
            if refused or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def until(condition: Any, seconds: float) -> float:
    """Poll until the condition holds; the seconds it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.01)
    return time.monotonic() - began


def kill(stack: Stack, kind: str) -> None:
    """kill -9 every process of a kind."""
    for pid in stack.pids().get(kind, []):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def kill_in_the_middle(
    stack: Stack, model_url: str, flow: str, kind: str | None, number: int
) -> tuple[float, list[str]]:
    """Seconds from a kill in step two to the next call, and what was wrong with the run after."""
    tag = f"{kind}-{number}"
    run = stack.api("POST", f"/flows/{flow}/runs", {"inputs": {"tag": tag}})
    until(lambda: count(model_url, tag) == 2, 30)
    time.sleep(random.uniform(0.1, 0.4))
    if kind is not None:
        kill(stack, kind)
    seconds = until(lambda: count(model_url, tag) > 2, 60)
    return seconds, faults_of(stack, model_url, run, tag, STEPS)


def kill_between_nodes(
    stack: Stack, model_url: str, flow: str, number: int
) -> tuple[float, list[str]]:
    """Seconds from a kill just after the answer of step one to the next call."""
    tag, asked = f"between-{number}", f"between-{number} step one"
    run = stack.api("POST", f"/flows/{flow}/runs", {"inputs": {"tag": tag}})
    until(lambda: calls_of(model_url)["answered"].get(asked, 0) > 0, 30)
    kill(stack, "worker")
    seconds = until(lambda: count(model_url, tag) > 1, 60)
    return seconds, faults_of(stack, model_url, run, tag, STEPS)


def kill_in_a_wait(stack: Stack, model_url: str, flow: str, number: int) -> tuple[float, list[str]]:
    """Seconds by which the call after a wait is late when the worker was killed in it."""
    tag = f"wait-{number}"
    run = stack.api("POST", f"/flows/{flow}/runs", {"inputs": {"tag": tag}})
    until(lambda: stack.api("GET", f"/runs/{run['id']}")["status"] == "waiting", 30)
    due = time.monotonic() + WAIT
    time.sleep(WAIT - random.uniform(0, BEFORE_ITS_END))
    kill(stack, "worker")
    until(lambda: count(model_url, tag) > 0, 60)
    late = time.monotonic() - due
    return late, faults_of(stack, model_url, run, tag, ("one",))


def faults_of(
    stack: Stack, model_url: str, run: dict[str, Any], tag: str, steps: Sequence[str]
) -> list[str]:
    """Wait for the end of a run; what was wrong with it."""
    faults = []
    while (shown := patient(stack, "GET", f"/runs/{run['id']}"))["status"] not in ENDED:
        if shown["status"] not in ("queued", "running", "waiting"):
            faults.append(f"said {shown['status']} in between")
        time.sleep(0.1)
    return faults + check(stack, calls_of(model_url), tag, shown, steps)


def check(
    stack: Stack, seen: dict[str, Any], tag: str, run: dict[str, Any], steps: Sequence[str] = STEPS
) -> list[str]:
    """What is wrong with a run that ended: lost, or a recorded step called again."""
    faults = []
    if run["status"] != "succeeded":
        faults.append(f"ended {run['status']}: {run['error']}")
    nodes = patient(stack, "GET", f"/runs/{run['id']}/nodes?limit=200")["results"]
    for step in steps:
        attempts = [row for row in nodes if row["node"] == step]
        calls = seen["prompts"].get(f"{tag} step {step}", 0)
        if calls > len(attempts):
            faults.append(f"{step}: {calls} calls in {len(attempts)} recorded attempts")
        done = [row["finished_at"] for row in attempts if row["status"] == "succeeded"]
        if len(done) != 1:
            faults.append(f"{step}: recorded as done {len(done)} times")
            continue
        recorded = datetime.fromisoformat(done[0]).timestamp()
        again = [
            c for c in seen["calls"] if c["asked"] == f"{tag} step {step}" and c["at"] > recorded
        ]
        if again:
            faults.append(f"{step}: called again after it was recorded")
    return faults


def measure_recovery(stack: Stack, model_url: str, kills: int) -> None:
    """Print the time from kill to progress for each kind."""
    flow, waiting = stack.publish(three_steps(60)), stack.publish(wait_and_ask())
    where: list[tuple[str, int, Callable[[int], tuple[float, list[str]]]]] = [
        (
            f"{kind} killed in an activity" if kind else "undisturbed",
            times,
            partial(kill_in_the_middle, stack, model_url, flow, kind),
        )
        for kind, times in (
            (None, 5),
            ("worker", kills),
            ("temporal", kills // 2),
            ("postgres", kills // 2),
        )
    ]
    between = partial(kill_between_nodes, stack, model_url, flow)
    in_a_wait = partial(kill_in_a_wait, stack, model_url, waiting)
    where.insert(2, ("worker killed between nodes", kills, between))
    where.insert(3, ("worker killed in a wait", kills, in_a_wait))
    for name, times, once in where:
        seconds, faults = [], []
        for number in range(times):
            wait_ready(stack)
            took, wrong = once(number)
            seconds.append(took)
            faults += wrong
        what = "late by" if "wait" in name else "to next call"
        print(
            f"{name:29} {times:3} times: {what}: median {statistics.median(seconds):.2f} s, "
            f"worst {max(seconds):.2f} s; faults: {faults or 'none'}",
            flush=True,
        )


@dataclass
class Storm:
    """Runs started while things die."""

    runs: dict[str, str] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)


def storm(stack: Stack, model_url: str, runs: int, kills: int) -> None:
    """Start `runs` runs while `kills` random processes are killed; print what was lost."""
    flow = stack.publish(three_steps(20))
    happened = Storm()
    began = time.monotonic()
    # The last run begins a moment before the minute is over: each kill finds runs in the middle.
    kill_at = sorted(random.uniform(2, 58) for _ in range(kills))
    for number in range(runs):
        due = began + number * 60 / runs
        while True:
            while kill_at and time.monotonic() - began >= kill_at[0]:
                kill_at.pop(0)
                kind = random.choice(["worker", "worker", "temporal", "postgres", "web"])
                kill(stack, kind)
                happened.kills[kind] += 1
            if time.monotonic() >= due:
                break
            time.sleep(0.02)
        tag = f"storm-{number}"
        key = {"Idempotency-Key": tag}
        started = patient(stack, "POST", f"/flows/{flow}/runs", {"inputs": {"tag": tag}}, **key)
        happened.runs[tag] = started["id"]
    report(stack, model_url, happened)


def report(stack: Stack, model_url: str, happened: Storm) -> None:
    """Wait for every run and print the count of what went wrong."""
    deadline = time.monotonic() + 180
    stuck, faults = [], []
    calls = 0
    for tag, run_id in happened.runs.items():
        shown = patient(stack, "GET", f"/runs/{run_id}")
        while shown["status"] not in ENDED and time.monotonic() < deadline:
            time.sleep(0.2)
            shown = patient(stack, "GET", f"/runs/{run_id}")
        if shown["status"] not in ENDED:
            stuck.append(tag)
            continue
        faults += [f"{tag}: {fault}" for fault in check(stack, calls_of(model_url), tag, shown)]
        calls += count(model_url, tag)
    kinds = ", ".join(f"{kind} {times}" for kind, times in sorted(happened.kills.items()))
    print(
        f"{len(happened.runs)} runs under {happened.kills.total()} kills ({kinds}): "
        f"stuck {len(stuck)}, calls {calls} (undisturbed {3 * len(happened.runs)}), "
        f"faults: {faults or 'none'}",
        flush=True,
    )


def main() -> None:
    """Measure recovery, then the storm."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--runs", type=int, default=100, help="of the storm; 0: none")
    given = arguments.parse_args()
    with (
        model_server() as (model_url, _),
        running_stack(OPENAI_BASE_URL=f"{model_url}/v1", OPENAI_API_KEY="test") as stack,
    ):
        measure_recovery(stack, model_url, given.kills)
        if given.runs:
            storm(stack, model_url, given.runs, 20)


if __name__ == "__main__":
    main()
