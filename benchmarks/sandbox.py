"""What the sandbox costs, and whom a bomb in it delays: `python -m benchmarks.sandbox`.

First calls of this process alone, one after the other. Then whole runs on a copy of their own:
short ones of code and of a template with a model call, one after the other, alone and right
afterwards while a run of the same workspace keeps ten items of a map at bombs. The delay is a
run's time over the median alone; the worst has to stay below 200 ms, else it exits 1. What else
the machine does shows in the worst of those alone.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.runs import prompt_and_model
from benchmarks.stack import Stack, model_server, running_stack

JSON = Any
#: Milliseconds by which a bomb in one run may delay another.
BAR = 200.0
#: What hostile or careless code does: each takes something else.
BOMBS = {
    "loop": "while True: pass",
    "numbers": "a = 3\nwhile True: a = a * a",
    "memory": "a = []\nwhile True: a.append('a' * 1000 + str(len(a)))",
    "prints": "while True: print('')",
    "flood": "while True: print('a' * 10_000)",
    "result": "result = [0] * 490_000",
    "error": "raise ValueError('a' * 100_000_000)",
}


def calls(count: int) -> None:
    """Print what a small call costs, one after the other in this process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fluxprompt.settings")
    from execution.sandbox.places import Owner
    from execution.sandbox.pool import SandboxPool

    pool = SandboxPool(8)

    async def one(number: int) -> float:
        began = time.perf_counter()
        owner, source = Owner("one", "one"), "result = sum(range(n))"
        answer = await pool.run(owner, source, {"n": number}, seconds=5, memory_bytes=64_000_000)
        assert answer.value == sum(range(number))
        return (time.perf_counter() - began) * 1000

    async def all_of_them() -> list[float]:
        await one(1)
        return [await one(number) for number in range(count)]

    before = os.times()
    took = asyncio.run(all_of_them())
    after = os.times()
    pool.close()
    here = (after.user + after.system - before.user - before.system) / count * 1000
    there = sum(after[2:4]) - sum(before[2:4])
    print(
        f"{count} calls: median {statistics.median(took):.2f} ms, p95 {percentile(took, 95):.2f}, "
        f"most {max(took):.1f}; CPU {here:.2f} ms here, {there / count * 1000:.2f} in the process"
    )


def percentile(values: list[float], part: int) -> float:
    return statistics.quantiles(values, n=100)[part - 1] if len(values) > 1 else values[0]


def code_flow(source: str, *, items: int = 0, **config: JSON) -> JSON:
    """A flow of one code node, or of a map that runs it for so many items at once."""
    code = {"id": "code", "type": "code", "config": {"source": source, **config}}
    start = {"id": "start", "type": "input", "config": {"fields": []}}
    nodes: list[JSON] = [start, code]
    edges = [{"from": "start", "to": "code"}]
    if items:
        code |= {"parent": "rows", "on_error": "continue"}
        of_map = {"items": list(range(items)), "concurrency": items, "result": "{{ code }}"}
        nodes.append({"id": "rows", "type": "map", "config": of_map})
        edges = [{"from": "start", "to": "rows"}]
    return {"schema": "fluxprompt.flow/v1", "name": "Code", "nodes": nodes, "edges": edges}


def times_of(stack: Stack, flow: str, inputs: JSON, count: int) -> list[float]:
    """Milliseconds of runs one after the other. Raises RuntimeError where one does not succeed."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        body = {"inputs": inputs}
        run = stack.api("POST", f"/flows/{flow}/runs", body, Prefer="wait=60")
        if run["status"] != "succeeded":
            raise RuntimeError(f"a run {run['status']}: {run['error']}")
        took.append((time.perf_counter() - began) * 1000)
    return took


@contextlib.contextmanager
def bombing(stack: Stack, flow: str) -> Iterator[Callable[[], int]]:
    """Keep a run of bombs going; tells how many have ended meanwhile."""
    over, ended = threading.Event(), []

    def keep() -> None:
        while not over.is_set():
            run = stack.api("POST", f"/flows/{flow}/runs", {"inputs": {}})
            while not over.is_set() and run["finished_at"] is None:
                over.wait(0.2)
                run = stack.api("GET", f"/runs/{run['id']}")
            if over.is_set():
                with contextlib.suppress(RuntimeError):
                    stack.api("POST", f"/runs/{run['id']}/cancel", {})
            ended.append(run["status"])

    thread = threading.Thread(target=keep)
    thread.start()
    time.sleep(1)
    try:
        yield lambda: len(ended)
    finally:
        over.set()
        thread.join()


def delays(stack: Stack, count: int, bombs: list[str]) -> float:
    """Print whom bombs delay and by how much; the worst delay in milliseconds."""
    model = prompt_and_model(0)
    small = stack.publish(code_flow("result = sum(range(1000))"))
    quiet = {"code": (small, {}), "template + model": (stack.publish(model.document), model.inputs)}
    for flow, inputs in quiet.values():
        times_of(stack, flow, inputs, 10)
    worst = 0.0
    for bomb in bombs:
        config = {"seconds": 5, "memory_mb": 256}
        hostile = stack.publish(code_flow(BOMBS[bomb], items=10, **config))
        for name, (flow, inputs) in quiet.items():
            alone = times_of(stack, flow, inputs, count)
            with bombing(stack, hostile) as ended:
                took = times_of(stack, flow, inputs, count)
                done = ended()
            usual = statistics.median(alone)
            late = [one - usual for one in took]
            worst = max(worst, *late)
            print(
                f"bomb {bomb:8} {name:17} alone {usual:5.1f} (worst +{max(alone) - usual:.0f}) ms; "
                f"delay median {statistics.median(late):6.1f}, p95 {percentile(late, 95):6.1f}, "
                f"worst {max(late):6.1f} ms ({done} bomb runs ended)",
                flush=True,
            )
    return worst


def main() -> None:
    """Measure both, and say whether the worst delay stays below the bar."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=500, help="calls in this process")
    arguments.add_argument("--runs", type=int, default=60, help="runs of each measurement")
    arguments.add_argument("--bombs", default=",".join(BOMBS), help=f"of {', '.join(BOMBS)}")
    given = arguments.parse_args()
    calls(given.calls)
    with (
        model_server() as (model_url, _),
        running_stack(OPENAI_BASE_URL=f"{model_url}/v1", OPENAI_API_KEY="test") as stack,
    ):
        worst = delays(stack, given.runs, given.bombs.split(","))
    print(f"worst delay {worst:.0f} ms, {'below' if worst < BAR else 'NOT below'} {BAR:.0f}")
    sys.exit(worst >= BAR)


if __name__ == "__main__":
    main()
