"""The editor's canvas in headless Chromium, by size of the flow: `python -m benchmarks.editor`.

For flows of 20, 200 and 1,000 nodes: how long the page takes to open (from the request until the
second frame with all cards in place), then frames a second and milliseconds of the browser's main
thread per move of the pointer, while a card is dragged, while the view is panned at 100 %, and
while it is panned with the whole flow in sight. Medians of three pages. Exits 1 below the bars.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from benchmarks.stack import EMAIL, ROOT, Stack, running_stack
from fluxprompt.testing.chromium import find

CANVAS = "document.querySelector('[data-canvas]').fluxCanvas"
#: Milliseconds until a flow of so many nodes is open; frames a second of drags and pans.
OPEN_BARS = {200: 700.0, 1_000: 1_500.0}
FPS_BAR = 50.0
MOVES = 90
#: Milliseconds from one move of the pointer to the next, as a hand makes them.
PACE = 1 / 60
#: Tells when the second frame after the canvas was ready has begun.
WATCH_OPEN = """
const look = () => {
  if (!document.querySelector("[data-canvas][data-ready]")) return requestAnimationFrame(look);
  const told = () => { window.openedAfter = performance.now(); };
  requestAnimationFrame(() => requestAnimationFrame(told));
};
requestAnimationFrame(look);
"""
COUNT_FRAMES = """
window.frames_ = [];
const tick = (now) => { window.frames_.push(now); window.ticking = requestAnimationFrame(tick); };
window.ticking = requestAnimationFrame(tick);
"""


@dataclass(frozen=True)
class Moved:
    """What a series of moves cost."""

    fps: float
    main_ms: float

    def __str__(self) -> str:
        return f"{self.fps:3.0f} fps {self.main_ms:5.1f} ms"


@dataclass(frozen=True)
class Figures:
    """One page's."""

    open_ms: float
    drag: Moved
    pan: Moved
    pan_all: Moved


def flow_of(count: int) -> dict[str, Any]:
    """A flow in rows of about 1.3 wires a node, of cards as they commonly are."""
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("llm", {"model": "openai_compatible/echo", "prompt": "Answer {{ start.topic }}"}),
        ("if", {"condition": "{{ start.topic != '' }}"}),
        ("transform", {}),
        ("template", {"template": "Dear {{ start.name }}"}),
    ]
    columns = max(5, int((count * 1.6) ** 0.5))
    nodes, edges, layout = [], [], {}
    for number in range(count):
        type_, config = kinds[number % 4]
        name = f"n{number}"
        nodes.append({"id": name, "label": f"Step {number}", "type": type_, "config": config})
        layout[name] = {"x": number % columns * 330, "y": number // columns * 200}
        before = [(number - 1, "true")] if number % columns else []
        before += [(number - columns, "false")] if number >= columns and number % 3 == 0 else []
        for source, port in before:
            end = f"n{source}.{port}" if source % 4 == 1 else f"n{source}"
            edges.append({"from": end, "to": name})
    return {
        "schema": "fluxprompt.flow/v1",
        "name": f"{count} nodes",
        "nodes": nodes,
        "edges": edges,
        "layout": layout,
    }


def measure(context: BrowserContext, address: str) -> Figures:
    """Open the flow in a page of its own and move things on it."""
    page = context.new_page()
    page.add_init_script(WATCH_OPEN)
    page.goto(address, wait_until="commit")
    opened = _opened(page)
    page.wait_for_timeout(500)
    line = context.new_cdp_session(page)
    # In time of the thread itself: what others on the machine take is not counted.
    line.send("Performance.enable", {"timeDomain": "threadTicks"})
    pan_all = _pan(page, line)
    page.evaluate(f"{CANVAS}.centre('n7', {{animate: false}}); {CANVAS}.zoomTo(1)")
    page.wait_for_timeout(600)
    drag = _drag(page, line)
    pan = _pan(page, line)
    page.close()
    return Figures(opened, drag, pan, pan_all)


def _opened(page: Page) -> float:
    """Asked again and again: the pages' policy leaves out Playwright's own way of waiting."""
    for _ in range(600):
        opened = page.evaluate("window.openedAfter")
        if opened:
            return float(opened)
        page.wait_for_timeout(100)
    raise RuntimeError("The canvas was not ready within 60 s.")


def _drag(page: Page, line: CDPSession) -> Moved:
    box = page.locator("#card-n7 .node-card-title").bounding_box()
    assert box is not None
    return _held(page, line, box["x"] + 20, box["y"] + 8, "left")


def _pan(page: Page, line: CDPSession) -> Moved:
    return _held(page, line, 720, 450, "middle")


def _held(page: Page, line: CDPSession, x: float, y: float, button: Any) -> Moved:
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + 8, y + 6)
    moved = _timed(page, line, lambda step: page.mouse.move(*_path(x, y, step)))
    page.mouse.up(button=button)
    page.wait_for_timeout(300)
    return moved


def _path(x: float, y: float, step: int) -> tuple[float, float]:
    """Back and forth, never near the edge of the canvas."""
    away = abs((step * 7) % 400 - 200)
    return x + 8 + away, y + 6 + away / 2


def _timed(page: Page, line: CDPSession, act: Callable[[int], None]) -> Moved:
    page.evaluate(COUNT_FRAMES)
    spent = _main_thread(line)
    began = time.perf_counter()
    for step in range(MOVES):
        act(step)
        time.sleep(max(0.0, began + (step + 1) * PACE - time.perf_counter()))
    spent = _main_thread(line) - spent
    frames = page.evaluate("cancelAnimationFrame(window.ticking), window.frames_")
    return Moved((len(frames) - 1) / (frames[-1] - frames[0]) * 1_000, spent / MOVES * 1_000)


def _main_thread(line: CDPSession) -> float:
    metrics = line.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def middle_of(several: list[Figures]) -> Figures:
    """The median of each figure by itself."""

    def moved(of: Callable[[Figures], Moved]) -> Moved:
        return Moved(
            median(of(one).fps for one in several), median(of(one).main_ms for one in several)
        )

    return Figures(
        median(one.open_ms for one in several),
        moved(lambda one: one.drag),
        moved(lambda one: one.pan),
        moved(lambda one: one.pan_all),
    )


@contextmanager
def signed_in(stack: Stack, browser: Browser) -> Iterator[BrowserContext]:
    """A browser's session that shows the kernel's own page in place of the editor's."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    bench = ROOT / "static" / "build" / "canvas-bench.js"
    context.route(
        "**/build/editor*.js",
        lambda route: route.fulfill(path=bench, content_type="text/javascript"),
    )
    page = context.new_page()
    page.goto(f"{stack.url}/accounts/login/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(stack.environment["DJANGO_SUPERUSER_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{stack.url}/")
    page.close()
    yield context
    context.close()


def main() -> None:
    """Measure every size; the bars are those of the editor's plan."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", default="20,200,1000", help="comma-separated")
    arguments.add_argument("--pages", type=int, default=3, help="of which the medians are taken")
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
        for size in map(int, given.sizes.split(",")):
            flow = stack.api("POST", "/flows", {"document": flow_of(size)})["id"]
            address = f"{stack.url}/flows/{flow}/edit/"
            figures = middle_of([measure(context, address) for _ in range(given.pages)])
            found[size] = figures
            print(
                f"{size:5} nodes  open {figures.open_ms:5.0f} ms  drag {figures.drag}  "
                f"pan {figures.pan}  pan, all in sight {figures.pan_all}",
                flush=True,
            )
    if given.json:
        print(json.dumps({size: _plain(one) for size, one in found.items()}))
    slow = [size for size, one in found.items() if not _within(size, one)]
    print(f"NOT within the bars: {slow}" if slow else "within the bars")
    sys.exit(bool(slow))


def _within(size: int, one: Figures) -> bool:
    quick = one.open_ms <= OPEN_BARS.get(size, 1_500)
    return quick and min(one.drag.fps, one.pan.fps) >= FPS_BAR


def _plain(one: Figures) -> dict[str, float]:
    return {
        "open_ms": one.open_ms,
        **{
            f"{name}_{part}": getattr(getattr(one, name), part)
            for name in ("drag", "pan", "pan_all")
            for part in ("fps", "main_ms")
        },
    }


if __name__ == "__main__":
    main()
