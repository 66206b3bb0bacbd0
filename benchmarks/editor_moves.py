"""What a page costs while things move on it: frames, and the main thread's own time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

from benchmarks.stack import EMAIL, Stack

MOVES = 90
#: Milliseconds from one move of the pointer to the next, as a hand makes them.
PACE = 1 / 60
#: Tells when the second frame after the canvas was ready has begun.
WATCH_OPEN = """
const look = () => {
  if (!document.querySelector("[data-canvas]:is([data-ready], [data-started])")) {
    return requestAnimationFrame(look);
  }
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
#: From one frame to the next where none is left out, at 60 a second.
_FRAME_MS = 1_000 / 60


@dataclass(frozen=True)
class Moved:
    """What a series of moves cost: `main_ms` for each move, `dropped` of the frames in all."""

    fps: float
    main_ms: float
    dropped: float

    def __str__(self) -> str:
        return f"{self.fps:3.0f} fps {self.main_ms:5.1f} ms"


def middle(several: list[Moved]) -> Moved:
    """The median of each figure by itself."""
    names = ("fps", "main_ms", "dropped")
    return Moved(*(median(getattr(one, name) for one in several) for name in names))


def opened(page: Page) -> float:
    """Milliseconds from the request until the canvas could be used.

    Asked again and again: the pages' policy leaves out Playwright's own way of waiting.
    """
    for _ in range(600):
        after = page.evaluate("window.openedAfter")
        if after:
            return float(after)
        page.wait_for_timeout(100)
    raise RuntimeError("The canvas was not ready within 60 s.")


def line_to(page: Page) -> CDPSession:
    """A line that tells the main thread's time: what others on the machine take is not counted."""
    line = page.context.new_cdp_session(page)
    line.send("Performance.enable", {"timeDomain": "threadTicks"})
    return line


def drag(page: Page, line: CDPSession, node: str) -> Moved:
    """Drag a card to and fro by its title."""
    box = page.locator(f"#card-{node} .node-card-title").bounding_box()
    assert box is not None
    return _held(page, line, box["x"] + 20, box["y"] + 8, "left")


def pan(page: Page, line: CDPSession) -> Moved:
    """Push the view to and fro with the middle button."""
    return _held(page, line, 720, 450, "middle")


def _held(page: Page, line: CDPSession, x: float, y: float, button: Any) -> Moved:
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + 8, y + 6)
    moved = timed(page, line, lambda step: page.mouse.move(*_path(x, y, step)))
    page.mouse.up(button=button)
    page.wait_for_timeout(300)
    return moved


def _path(x: float, y: float, step: int) -> tuple[float, float]:
    """Back and forth, never near the edge of the canvas."""
    away = abs((step * 7) % 400 - 200)
    return x + 8 + away, y + 6 + away / 2


def timed(page: Page, line: CDPSession, act: Callable[[int], None], times: int = MOVES) -> Moved:
    """Do something sixty times a second and count frames meanwhile."""
    page.evaluate(COUNT_FRAMES)
    spent = main_thread(line)
    began = time.perf_counter()
    for step in range(times):
        act(step)
        time.sleep(max(0.0, began + (step + 1) * PACE - time.perf_counter()))
    spent = main_thread(line) - spent
    frames = page.evaluate("cancelAnimationFrame(window.ticking), window.frames_")
    took = frames[-1] - frames[0]
    wanted = max(round(took / _FRAME_MS), 1)
    dropped = max(0, wanted - (len(frames) - 1)) / wanted
    return Moved((len(frames) - 1) / took * 1_000, spent / times * 1_000, dropped)


def main_thread(line: CDPSession) -> float:
    metrics = line.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


@contextmanager
def signed_in(stack: Stack, browser: Browser) -> Iterator[BrowserContext]:
    """A browser's session of the copy's first user."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{stack.url}/accounts/login/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(stack.environment["DJANGO_SUPERUSER_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{stack.url}/")
    page.close()
    yield context
    context.close()
