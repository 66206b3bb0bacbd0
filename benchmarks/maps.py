"""Large maps and wide flows: `python -m benchmarks.maps`.

Ten thousand items through a map with an HTTP call each, 50 at a time: seconds, items a second, what
the worker's memory grows by meanwhile, the history of the longest workflow, and whether the record
has every row. Then a hundred calls at once, in one map and as a hundred nodes side by side: the
median of ten runs alone. Exits 1 when a bar is missed.
"""

import argparse
import asyncio
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client

from benchmarks.receiver import Receiver, receiver
from benchmarks.runs import document
from benchmarks.runs import field as input_field
from benchmarks.stack import Stack, cpu_seconds, memory_mb, running_stack

JSON = Any
#: Megabytes that a worker may hold beyond idle, and events of one workflow.
BAR_MEMORY = 150.0
BAR_EVENTS = 10_000
#: Milliseconds for a hundred calls in a map.
BAR_WIDE = 400.0
WIDE = 100


def map_flow(url: str, concurrency: int) -> dict[str, JSON]:
    """A call for each item."""
    config = {
        "items": "{{ start.rows }}",
        "concurrency": concurrency,
        "result": "{{ send.json.got }}",
    }
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": [input_field("rows", "list")]}},
        {"id": "rows", "type": "map", "config": config},
        _send("send", url, "{{ item }}", parent="rows"),
        {"id": "end", "type": "output", "config": {"value": "{{ rows.items }}"}},
    ]
    return document("Map", nodes, ["start>rows", "rows>end"])


def side_by_side(url: str) -> dict[str, JSON]:
    """A hundred calls that do not depend on one another."""
    names = [f"send{number}" for number in range(WIDE)]
    value = [f"{{{{ {name}.json.got }}}}" for name in names]
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": [input_field("rows", "list")]}},
        *(_send(name, url, f"{{{{ start.rows[{number}] }}}}") for number, name in enumerate(names)),
        {"id": "end", "type": "output", "config": {"value": value}},
    ]
    edges = [edge for name in names for edge in (f"start>{name}", f"{name}>end")]
    return document("Side by side", nodes, edges)


def _send(name: str, url: str, body: str, **more: JSON) -> dict[str, JSON]:
    config = {"method": "POST", "url": f"{url}/hook", "body": body}
    return {"id": name, "type": "http", "config": config, **more}


@dataclass
class Watch:
    """The highest memory of the worker processes while it is entered, in megabytes."""

    pids: list[int]
    peak: float = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            self.peak = max(self.peak, memory_mb(self.pids))
            self._over.wait(0.05)


def longest_history(stack: Stack) -> int:
    """Events of the longest workflow."""

    async def look() -> int:
        client = await Client.connect(f"127.0.0.1:{stack.temporal_port}")
        return max([w.history_length async for w in client.list_workflows()])

    # What is listed is written a moment after the workflow's end.
    time.sleep(2)
    return asyncio.run(look())


def to_the_end(stack: Stack, flow: str, rows: list[int], seconds: float) -> dict[str, JSON]:
    """Run a flow; the run when it has ended. Raises TimeoutError."""
    path = f"/flows/{flow}/runs"
    run = stack.api("POST", path, {"inputs": {"rows": rows}}, Prefer="wait=60")
    end = time.monotonic() + seconds
    while run["finished_at"] is None:
        if time.monotonic() > end:
            raise TimeoutError(f"run {run['id']} is {run['status']}")
        time.sleep(0.1)
        run = stack.api("GET", f"/runs/{run['id']}")
    return dict(run)


def large(stack: Stack, world: Receiver, items: int, concurrency: int) -> bool:
    """The large map; whether all bars are kept."""
    flow = stack.publish(map_flow(world.url, concurrency))
    to_the_end(stack, flow, [1], 30)
    kinds = {**stack.pids(), "receiver": [world.pid]}
    idle = memory_mb(kinds["worker"])
    before = {kind: cpu_seconds(pids) for kind, pids in kinds.items()}
    calls = world.get("/counts")["calls"]
    with Watch(kinds["worker"]) as watch:
        run = to_the_end(stack, flow, list(range(items)), 900)
    seconds = run["duration_ms"] / 1000
    calls = world.get("/counts")["calls"] - calls
    cpu = {kind: cpu_seconds(pids) - before[kind] for kind, pids in kinds.items()}
    events, rows = longest_history(stack), recorded(stack, run["id"])
    # Large outputs come as a reference: the record is asked for the items.
    right = run["status"] == "succeeded" and rows == (items, items) and calls == items
    print(
        f"{items} items, {concurrency} at a time: {seconds:.1f} s, {items / seconds:.0f} items/s; "
        f"worker {idle:.0f} MB idle, {watch.peak - idle:+.0f} MB at most; {events} events; "
        f"rows and answers {rows}, calls {calls}, {run['status']}  | CPU s: "
        + "  ".join(f"{kind} {used:.1f}" for kind, used in sorted(cpu.items()) if used > 0.1),
        flush=True,
    )
    return right and watch.peak - idle < BAR_MEMORY and events < BAR_EVENTS


def recorded(stack: Stack, run: str) -> tuple[int, int]:
    """Rows of calls that succeeded, and how many items of the output are what they have to be."""
    words = stack.manage(
        "shell",
        "--no-imports",
        "-c",
        "from execution.models import Run, NodeRun\n"
        "from execution.payloads import resolve_references\n"
        f"run = Run.objects.get(id='{run}')\n"
        "rows = NodeRun.objects.filter(run=run, node='send', status='succeeded')\n"
        "places = {tuple(path) for path in rows.values_list('path', flat=True)}\n"
        "items = resolve_references(run.workspace_id, run.outputs)['end']\n"
        "print(len(places), sum(n == item for n, item in enumerate(items)))",
    ).split()
    return int(words[0]), int(words[1])


def wide(stack: Stack, name: str, flow: str, times: int) -> float:
    """The median of some runs of a hundred calls, in milliseconds from start to recorded end."""
    rows = list(range(WIDE))
    to_the_end(stack, flow, rows, 60)
    took, spans = [], []
    for _ in range(times):
        began = time.perf_counter()
        run = to_the_end(stack, flow, rows, 60)
        took.append((time.perf_counter() - began) * 1000)
        spans.append(run["duration_ms"])
        assert run["outputs"] == {"end": rows}, run["error"]
    print(
        f"{WIDE} calls {name}: median {statistics.median(took):.0f} ms over the API "
        f"(worst {max(took):.0f}), {statistics.median(spans):.0f} ms from start to end",
        flush=True,
    )
    return statistics.median(took)


def main() -> None:
    """Measure the large map, then the wide flows."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, default=10_000)
    arguments.add_argument("--concurrency", type=int, default=50)
    arguments.add_argument("--times", type=int, default=10, help="runs of the wide flows")
    arguments.add_argument("--only", default="large,map,nodes", help="comma-separated")
    given = arguments.parse_args()
    only, good = given.only.split(","), True
    with receiver() as world, running_stack(FLUX_ALLOW_HOSTS="127.0.0.1") as stack:
        if "map" in only:
            flow = stack.publish(map_flow(world.url, WIDE))
            good = wide(stack, "in one map", flow, given.times) <= BAR_WIDE
        if "nodes" in only:
            wide(stack, "as nodes", stack.publish(side_by_side(world.url)), given.times)
        if "large" in only:
            good = large(stack, world, given.items, given.concurrency) and good
    print("within the bars" if good else "NOT within the bars")
    sys.exit(not good)


if __name__ == "__main__":
    main()
