"""Inline runs over the API, every one recorded, beside durable ones: `python -m benchmarks.inline`.

Ten logic steps, as in `benchmarks.runs`, once with `settings.execution` inline and once durable, by
one user and by sixteen in a closed loop with `Prefer: wait`. Afterwards the runs in the record are
counted and compared with the answers. Exits 1 when inline is below its bars or a run is missing.
"""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks.load import Measured, load
from benchmarks.runs import Shape, checker, ten_steps
from benchmarks.stack import Stack, cpu_seconds, memory_mb, running_stack

#: Runs a second at sixteen users, and milliseconds of the median alone.
BAR_PER_SECOND = 150.0
BAR_ALONE = 12.0
NODES = 11


def shape(execution: str) -> Shape:
    """Ten logic steps, carried out so."""
    plain = ten_steps()
    return Shape(
        f"{plain.name}, {execution}",
        {**plain.document, "settings": {"execution": execution}},
        plain.inputs,
        plain.expected,
    )


@dataclass
class Answers:
    """Checks answers and counts those that were right, warm-up and all."""

    right: Any
    count: int = 0

    def __call__(self, answer: Any) -> bool:
        good = bool(self.right(answer))
        self.count += good
        return good


def measure(stack: Stack, one: Shape, users: int, seconds: float) -> tuple[Measured, bool]:
    """Load one flow, print its line; what was measured, and whether all of it is recorded."""
    flow = stack.publish(one.document)
    answers = Answers(checker(one))
    kinds = {**stack.pids(), "client": [os.getpid()]}
    before = {kind: cpu_seconds(pids) for kind, pids in kinds.items()}
    body, path = {"inputs": one.inputs}, f"/api/v1/flows/{flow}/runs"
    done = asyncio.run(
        load(stack.url, stack.key, path, body, answers, users=users, warm=2, seconds=seconds)
    )
    cpu = {kind: 1000 * (cpu_seconds(pids) - before[kind]) for kind, pids in kinds.items()}
    runs, steps = recorded(stack, flow)
    complete = runs == answers.count and steps == runs * NODES
    shares = "  ".join(
        f"{kind} {used / max(1, answers.count):.1f}"
        for kind, used in sorted(cpu.items())
        if used / max(1, answers.count) >= 0.1
    )
    print(
        f"{one.name:26} {users:3} users  {done.per_second:6.1f}/s  "
        f"p50 {done.percentile(0.5):6.1f}  p95 {done.percentile(0.95):6.1f}  "
        f"p99 {done.percentile(0.99):6.1f} ms  errors {done.errors}  "
        f"answers {answers.count}, recorded {runs} with {steps} steps  | CPU ms/run: {shares}",
        flush=True,
    )
    return done, complete and not done.errors


def recorded(stack: Stack, flow: str) -> tuple[int, int]:
    """Runs of a flow that the record says succeeded, and steps of theirs that did."""
    return tuple(  # type: ignore[return-value]
        int(word)
        for word in stack.manage(
            "shell",
            "--no-imports",
            "-c",
            "from execution.models import Run, NodeRun\n"
            f"runs = Run.objects.filter(flow_id='{flow}', status='succeeded')\n"
            "print(runs.count(), NodeRun.objects.filter(run__in=runs, status='succeeded').count())",
        ).split()
    )


def main() -> None:
    """Measure both ways of execution, alone and with many users."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=8, help="of each measurement")
    arguments.add_argument("--users", type=int, default=16)
    arguments.add_argument("--only", default="inline,durable", help="comma-separated")
    given = arguments.parse_args()
    failed = False
    with running_stack() as stack:
        for execution in given.only.split(","):
            alone, complete = measure(stack, shape(execution), 1, given.seconds)
            many, all_there = measure(stack, shape(execution), given.users, given.seconds)
            good = complete and all_there
            if execution == "inline":
                good = good and many.per_second >= BAR_PER_SECOND
                good = good and alone.percentile(0.5) <= BAR_ALONE
            failed = failed or not good
        held = "  ".join(f"{kind} {memory_mb(pids):.0f}" for kind, pids in stack.pids().items())
        print(f"memory, MB: {held}")
    print("NOT within the bars, or not all recorded" if failed else "within the bars, all recorded")
    sys.exit(failed)


if __name__ == "__main__":
    main()
