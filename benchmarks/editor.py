"""The editor in headless Chromium, by size of the flow: `python -m benchmarks.editor`.

For flows of 20, 200 and 1,000 nodes: how long the page takes to open (from the request until the
second frame with all cards in place), then frames a second and milliseconds of the browser's main
thread per move of the pointer, while a card is dragged, while the view is panned at 100 %, and
while it is panned with the whole flow in sight; the same while 60 cards stream 2,000 tokens a
second (per frame), near and with all in sight; undoing a move of all nodes, and a thousand moves
of one each, step by step; the server's milliseconds; the page's compressed weight. Medians of three
pages. `--kernel` measures the canvas alone. Exits 1 below the bars.
"""

import argparse
import json
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from playwright.sync_api import BrowserContext, sync_playwright

from benchmarks.editor_flows import flow_of
from benchmarks.editor_kernel import measure_kernel, only_canvas
from benchmarks.editor_moves import WATCH_OPEN, Moved, middle, signed_in
from benchmarks.editor_page import measure_page
from benchmarks.editor_server import change_ms, page_ms, weights
from benchmarks.stack import Stack, running_stack
from fluxprompt.testing.chromium import find

#: Milliseconds until a flow of so many nodes is open; frames a second of drags and pans.
OPEN_BARS = {200: 700.0, 1_000: 1_500.0}
FPS_BAR = 50.0
#: Compressed kilobytes of a page of 20 nodes and its scripts.
WEIGHT_BAR = 150.0
_TITLES = {
    "drag": "drag",
    "pan": "pan",
    "pan_all": "pan, all in sight",
    "stream": "60 streams",
    "stream_all": "60 streams, all in sight",
}


@dataclass(frozen=True)
class Figures:
    """Of one size; `numbers` are milliseconds, and kilobytes where their names say so."""

    open_ms: float
    moved: dict[str, Moved]
    numbers: dict[str, float] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """For people."""
        told = [f"open {self.open_ms:.0f} ms"]
        told += [f"{_TITLES[name]}: {moved}" for name, moved in self.moved.items()]
        told += [f"{name.replace('_', ' ')}: {number:.1f}" for name, number in self.numbers.items()]
        return told

    def plain(self) -> dict[str, float]:
        """For programs."""
        moved = {
            f"{name}_{part}": getattr(one, part)
            for name, one in self.moved.items()
            for part in ("fps", "main_ms", "dropped")
        }
        return {"open_ms": self.open_ms, **moved, **self.numbers}

    def misses(self, size: int) -> list[str]:
        """The bars that it does not reach."""
        slow = [name for name in ("drag", "pan") if self.moved[name].fps < FPS_BAR]
        if self.open_ms > OPEN_BARS.get(size, 1_500):
            slow.append("open")
        heavy = self.numbers.get("html_kb", 0) + self.numbers.get("scripts_kb", 0)
        if size == 20 and heavy > WEIGHT_BAR:
            slow.append("weight")
        return [f"{size} nodes: {name}" for name in slow]


def figures_of_page(
    stack: Stack, context: BrowserContext, address: str, size: int, pages: int
) -> Figures:
    """The real page's medians."""
    several = [measure_page(context, address, size) for _ in range(pages)]
    weight = weights(context, address)
    server_ms, server_cpu_ms = page_ms(context, address, stack.pids()["web"])
    numbers = {
        **{name: median(undo[name] for _, _, undo in several) for name in several[0][2]},
        "server_page_ms": server_ms,
        "server_page_cpu_ms": server_cpu_ms,
        "server_drag_1_ms": change_ms(context, address, 1),
        "server_drag_100_ms": change_ms(context, address, 100),
        **{f"{name}_kb": number for name, number in weight.items()},
    }
    return Figures(
        median(ms for ms, _, _ in several), _middles([m for _, m, _ in several]), numbers
    )


def figures_of_kernel(context: BrowserContext, address: str, pages: int) -> Figures:
    """The canvas's medians."""
    several = [measure_kernel(context, address) for _ in range(pages)]
    return Figures(median(ms for ms, _ in several), _middles([m for _, m in several]))


def _middles(several: list[dict[str, Moved]]) -> dict[str, Moved]:
    return {name: middle([one[name] for one in several]) for name in several[0]}


def measure(stack: Stack, context: BrowserContext, size: int, pages: int, kernel: bool) -> Figures:
    """Make a flow of this size and measure it."""
    flow = stack.api("POST", "/flows", {"document": flow_of(size)})["id"]
    address = f"{stack.url}/flows/{flow}/edit/"
    if kernel:
        return figures_of_kernel(context, address, pages)
    return figures_of_page(stack, context, address, size, pages)


def main() -> None:
    """Measure every size; the bars are those of the editor's plan."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", default="20,200,1000", help="comma-separated")
    arguments.add_argument("--pages", type=int, default=3, help="of which the medians are taken")
    arguments.add_argument("--kernel", action="store_true", help="the canvas alone")
    arguments.add_argument("--json", action="store_true", help="the figures for a program")
    given = arguments.parse_args()
    found: dict[int, Figures] = {}
    with ExitStack() as open_:
        stack = open_.enter_context(running_stack())
        playwright = open_.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=find(), args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        open_.callback(browser.close)
        context = open_.enter_context(signed_in(stack, browser))
        context.add_init_script(WATCH_OPEN)
        if given.kernel:
            only_canvas(context)
        for size in map(int, given.sizes.split(",")):
            found[size] = measure(stack, context, size, given.pages, given.kernel)
            print(f"{size} nodes (load {os.getloadavg()[0]:.1f})", flush=True)
            print("".join(f"  {line}\n" for line in found[size].lines()), flush=True)
    if given.json:
        print(json.dumps({size: one.plain() for size, one in found.items()}))
    missed = [miss for size, one in found.items() for miss in one.misses(size)]
    print(f"NOT within the bars: {', '.join(missed)}" if missed else "within the bars")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
