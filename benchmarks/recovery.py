"""What a kill -9 costs: `python -m benchmarks.recovery`.

First, kills in the middle of a three-step model flow: the time from the kill to the next call at
the model server, for the worker, the Temporal server and PostgreSQL, against undisturbed runs.
Then a hundred runs under random kills: how many were lost, stuck, or called a model again for a
step that was recorded. Calls are counted at the model server.
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
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.runs import document
from benchmarks.runs import field as input_field
from benchmarks.stack import Stack, model_server, running_stack

ENDED = ("succeeded", "failed", "cancelled", "timed_out")
STEPS = ("one", "two", "three")


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
    faults = []
    while (shown := patient(stack, "GET", f"/runs/{run['id']}"))["status"] not in ENDED:
        if shown["status"] not in ("queued", "running"):
            faults.append(f"said {shown['status']} in between")
        time.sleep(0.1)
    return seconds, faults + check(stack, calls_of(model_url), tag, shown)


def check(stack: Stack, seen: dict[str, Any], tag: str, run: dict[str, Any]) -> list[str]:
    """What is wrong with a run that ended: lost, or a recorded step called again."""
    faults = []
    if run["status"] != "succeeded":
        faults.append(f"ended {run['status']}: {run['error']}")
    nodes = patient(stack, "GET", f"/runs/{run['id']}/nodes?limit=200")["results"]
    for step in STEPS:
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
    flow = stack.publish(three_steps(60))
    for kind, times in (
        (None, 5),
        ("worker", kills),
        ("temporal", kills // 2),
        ("postgres", kills // 2),
    ):
        seconds, faults = [], []
        for number in range(times):
            took, wrong = kill_in_the_middle(stack, model_url, flow, kind, number)
            seconds.append(took)
            faults += wrong
        name = f"{kind} killed" if kind else "undisturbed"
        print(
            f"{name:18} {times:3} times: kill to next call: "
            f"median {statistics.median(seconds):.2f} s, "
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
    arguments.add_argument("--runs", type=int, default=100, help="of the storm")
    given = arguments.parse_args()
    with (
        model_server() as (model_url, _),
        running_stack(OPENAI_BASE_URL=f"{model_url}/v1", OPENAI_API_KEY="test") as stack,
    ):
        measure_recovery(stack, model_url, given.kills)
        storm(stack, model_url, given.runs, 20)


if __name__ == "__main__":
    main()
