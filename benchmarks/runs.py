"""Runs per second and latency over the real API, every run recorded: `python -m benchmarks.runs`.

A copy of its own is brought up for each shape, with everything on (encryption, events, live hub).
Each shape of flow is loaded by 1, 16 and 64 users in a closed loop with `Prefer: wait`; every
answer is checked. Printed are p50/p95/p99 in milliseconds, runs a second, and CPU milliseconds a
run by process.
"""

import argparse
import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.load import load
from benchmarks.stack import Stack, cpu_seconds, memory_mb, model_server, running_stack

TEXT = "The refund policy allows returns within 30 days when the item is unused."


@dataclass(frozen=True)
class Shape:
    """A flow to load: its document, inputs, and what a right answer is."""

    name: str
    document: dict[str, Any]
    inputs: dict[str, Any]
    expected: Any


def document(name: str, nodes: list[dict[str, Any]], edges: list[str]) -> dict[str, Any]:
    """A document from nodes and edges written `a>b`."""
    return {
        "schema": "fluxprompt.flow/v1",
        "name": name,
        "nodes": nodes,
        "edges": [dict(zip(("from", "to"), edge.split(">"), strict=True)) for edge in edges],
    }


def field(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "required": True}


def echo() -> Shape:
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": [field("text", "text")]}},
        {"id": "end", "type": "output", "config": {"value": "{{ start.text }}"}},
    ]
    return Shape("echo", document("Echo", nodes, ["start>end"]), {"text": TEXT}, {"end": TEXT})


def ten_steps() -> Shape:
    nodes: list[dict[str, Any]] = [
        {"id": "start", "type": "input", "config": {"fields": [field("n", "number")]}}
    ]
    edges = []
    before, value = "start", "start.n"
    for step in range(1, 8):
        name = f"step{step}"
        nodes.append(
            {"id": name, "type": "transform", "config": {"fields": {"n": f"{{{{ {value} + 1 }}}}"}}}
        )
        edges.append(f"{before}>{name}")
        before, value = name, f"{name}.n"
    nodes += [
        {"id": "big", "type": "if", "config": {"condition": f"{{{{ {value} > 3 }}}}"}},
        {"id": "said", "type": "template", "config": {"template": f"n is {{{{ {value} }}}}"}},
        {"id": "end", "type": "output", "config": {"value": "{{ said.text }}"}},
    ]
    edges += [f"{before}>big", "big.true>said", "said>end"]
    return Shape("ten logic steps", document("Ten", nodes, edges), {"n": 1}, {"end": "n is 8"})


def prompt_and_model(delay: int) -> Shape:
    model = "openai_compatible/echo" if delay == 0 else f"openai_compatible/echo+slow-{delay}ms"
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": [field("text", "text")]}},
        {"id": "prompt", "type": "template", "config": {"template": "Say: {{ start.text }}"}},
        {"id": "ask", "type": "llm", "config": {"model": model, "prompt": "{{ prompt.text }}"}},
        {"id": "end", "type": "output", "config": {"value": "{{ ask.text }}"}},
    ]
    edges = ["start>prompt", "prompt>ask", "ask>end"]
    name = f"prompt + model ({delay} ms)"
    return Shape(name, document(name, nodes, edges), {"text": TEXT}, {"end": f"Say: {TEXT}"})


def checker(shape: Shape) -> Callable[[Any], bool]:
    def check(answer: Any) -> bool:
        return bool(answer["status"] == "succeeded" and answer["outputs"] == shape.expected)

    return check


def measure(stack: Stack, model_pid: int, shape: Shape, users: int, seconds: float) -> None:
    """Load one shape and print its line."""
    path = f"/api/v1/flows/{stack.publish(shape.document)}/runs"
    kinds = {**stack.pids(), "model": [model_pid], "client": [os.getpid()]}
    # The warm-up is part of the window in which CPU is read: it is spent on the same work.
    before = {kind: cpu_seconds(pids) for kind, pids in kinds.items()}
    done = asyncio.run(
        load(
            stack.url,
            stack.key,
            path,
            {"inputs": shape.inputs},
            checker(shape),
            users=users,
            warm=2,
            seconds=seconds,
        )
    )
    runs = len(done.latencies) * (seconds + 2) / seconds or 1
    cpu = {kind: 1000 * (cpu_seconds(pids) - before[kind]) / runs for kind, pids in kinds.items()}
    shares = "  ".join(f"{kind} {cpu[kind]:.1f}" for kind in sorted(cpu) if cpu[kind] >= 0.1)
    print(
        f"{shape.name:24} {users:3} users  {done.per_second:6.1f}/s  "
        f"p50 {done.percentile(0.5):6.1f}  p95 {done.percentile(0.95):6.1f}  "
        f"p99 {done.percentile(0.99):6.1f} ms  errors {done.errors}  | CPU ms/run: {shares}",
        flush=True,
    )


def main() -> None:
    """Measure every shape at every number of users."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=8, help="of each measurement")
    arguments.add_argument("--users", default="1,16,64", help="comma-separated")
    arguments.add_argument("--only", default="", help="part of a shape's name")
    arguments.add_argument(
        "--one-stack", action="store_true", help="all shapes one after the other on one copy"
    )
    given = arguments.parse_args()
    shapes = [echo(), ten_steps(), prompt_and_model(0), prompt_and_model(50)]
    shapes = [shape for shape in shapes if given.only in shape.name]
    users = [int(number) for number in given.users.split(",")]
    for together in [shapes] if given.one_stack else [[shape] for shape in shapes]:
        on_one_stack(together, users, given.seconds)


def on_one_stack(shapes: list[Shape], users: list[int], seconds: float) -> None:
    """Bring up a copy and measure these shapes on it."""
    with (
        model_server() as (model_url, model_pid),
        running_stack(OPENAI_BASE_URL=f"{model_url}/v1", OPENAI_API_KEY="test") as stack,
    ):
        for shape in shapes:
            for number in users:
                measure(stack, model_pid, shape, number, seconds)
        print(
            "memory, MB: " + "  ".join(f"{k} {memory_mb(v):.0f}" for k, v in stack.pids().items())
        )


if __name__ == "__main__":
    main()
