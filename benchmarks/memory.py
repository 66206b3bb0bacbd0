"""What large values leave behind in worker and web: `python -m benchmarks.memory`.

A copy of its own passes text through a flow again and again: in by the API, out of a model, both to
the outputs, each run with text of its own. After each run the resident megabytes of worker and web
are printed with the highest they were meanwhile; flat means that the last lines repeat.
"""

import argparse
import re
import statistics
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.runs import document, field
from benchmarks.stack import Stack, model_server, running_stack


@dataclass(frozen=True)
class Held:
    """Resident megabytes of a process: now, and at most since it was last asked."""

    now: float
    peak: float


def held(pid: int) -> Held:
    """What a process holds; the peak starts anew."""
    status = Path(f"/proc/{pid}/status").read_text()
    sizes = {name: int(size) / 1000 for name, size in re.findall(r"(\w+):\s+(\d+) kB", status)}
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return Held(sizes["VmRSS"], sizes["VmHWM"])


def large_in_and_out(model: str) -> dict[str, Any]:
    """A flow that takes a large text, asks for another, and returns both."""
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": [field("text", "text")]}},
        {"id": "ask", "type": "llm", "config": {"model": model, "prompt": "Write much"}},
        {
            "id": "both",
            "type": "transform",
            "config": {"fields": {"given": "{{ start.text }}", "said": "{{ ask.text }}"}},
        },
        {"id": "given", "type": "output", "config": {"value": "{{ both.given }}"}},
        {"id": "length", "type": "output", "config": {"value": "{{ both.said | length }}"}},
    ]
    return document("Large", nodes, ["start>ask", "ask>both", "both>given", "both>length"])


def one_run(stack: Stack, flow: str, size: int) -> None:
    """Pass text nobody has seen before through the flow, and check what comes back."""
    text = (uuid.uuid4().hex * (size // 32 + 1))[:size]
    run = stack.api("POST", f"/flows/{flow}/runs", {"inputs": {"text": text}}, Prefer="wait=60")
    assert run["status"] == "succeeded", run["error"]
    assert run["outputs"] == {"given": text, "length": size}


def main() -> None:
    """Pass large values through, and print what each run left."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=20)
    arguments.add_argument("--megabytes", type=int, default=10)
    given = arguments.parse_args()
    seen: dict[str, list[Held]] = {"worker": [], "web": []}
    with (
        model_server() as (url, _),
        running_stack(OPENAI_BASE_URL=f"{url}/v1", OPENAI_API_KEY="test") as stack,
    ):
        pids = {kind: stack.pids()[kind][0] for kind in seen}
        before = {kind: held(pid) for kind, pid in pids.items()}
        flow = stack.publish(large_in_and_out(f"openai_compatible/size-{given.megabytes}mb"))
        print(f"before: {_line(before)}")
        for number in range(1, given.runs + 1):
            one_run(stack, flow, given.megabytes * 1_000_000)
            now = {kind: held(pid) for kind, pid in pids.items()}
            print(f"run {number:3}: {_line(now)}", flush=True)
            for kind, one in now.items():
                seen[kind].append(one)
    for kind, all_of_it in seen.items():
        half = len(all_of_it) // 2
        first = statistics.median(one.now for one in all_of_it[:half])
        last = statistics.median(one.now for one in all_of_it[half:])
        print(
            f"{kind}: median {first:.0f} MB in the first half, {last:.0f} MB in the second; "
            f"peak {max(one.peak for one in all_of_it):.0f} MB"
        )


def _line(now: dict[str, Held]) -> str:
    return "  ".join(
        f"{kind} {one.now:4.0f} MB (peak {one.peak:4.0f})" for kind, one in now.items()
    )


if __name__ == "__main__":
    main()
