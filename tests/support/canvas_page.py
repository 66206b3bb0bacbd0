"""The editor's canvas in a browser: where things are on it, and what it was told to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from fluxprompt.paths import ROOT

_CANVAS = "document.querySelector('[data-canvas]').fluxCanvas"
_BENCH = ROOT / "static" / "build" / "canvas-bench.js"
_LISTEN = """
window.intents = [];
document.addEventListener("flux:intent", (event) => window.intents.push(event.detail));
"""


@dataclass(frozen=True)
class Spot:
    """A place in the window."""

    x: float
    y: float

    def by(self, x: float, y: float) -> "Spot":
        return Spot(self.x + x, self.y + y)


class CanvasPage:
    """A page that shows a flow on the canvas, its wires kept in the page's memory."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.mouse = page.mouse
        page.add_init_script(_LISTEN)
        page.route(
            "**/build/editor*.js",
            lambda route: route.fulfill(path=_BENCH, content_type="text/javascript"),
        )

    def open(self, address: str, zoom: float | None = 1) -> None:
        """Show the flow, its upper left corner at 120, 120 of the canvas."""
        self.page.goto(address)
        self.page.locator("[data-canvas][data-ready]").wait_for()
        if zoom is not None:
            self.do(f"setView({{x: 120, y: 160, zoom: {zoom}}})")
            self.frames()

    def do(self, call: str) -> Any:
        """Call or read something of the canvas."""
        return self.page.evaluate(f"{_CANVAS}.{call}")

    def frames(self, milliseconds: float = 80) -> None:
        """Let some frames go by."""
        self.page.wait_for_timeout(milliseconds)

    def rest(self) -> None:
        """Until an animation has ended."""
        self.page.wait_for_timeout(450)

    @property
    def view(self) -> dict[str, float]:
        found: dict[str, float] = self.do("view")
        return found

    def rect(self, node: str) -> dict[str, float]:
        """In the flow's coordinates."""
        found: dict[str, float] = self.do(f"rect('{node}')")
        return found

    def at(self, node: str, x: float = 60, y: float = 14) -> Spot:
        """In the window: so many pixels from a card's corner."""
        rect = self.rect(node)
        return self.spot(rect["x"] + x, rect["y"] + y)

    def spot(self, x: float, y: float) -> Spot:
        """In the window: a place on the flow."""
        found = self.do(f"toClient({{x: {x}, y: {y}}})")
        return Spot(found["x"], found["y"])

    def port(self, node: str, port: str) -> Spot:
        box = self.page.locator(f"#card-{node} [data-handleid={port}]").bounding_box()
        assert box is not None
        return Spot(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def middle_of_wire(self, source: str, port: str, target: str) -> Spot:
        start, end = self.port(source, port), self.port(target, "in")
        return Spot((start.x + end.x) / 2, (start.y + end.y) / 2)

    def drag(self, start: Spot, *way: Spot, button: Any = "left", hold: bool = False) -> None:
        """Press at a spot, go the way in steps, and let go there unless `hold`."""
        self.mouse.move(start.x, start.y)
        self.mouse.down(button=button)
        for spot in way:
            self.mouse.move(spot.x, spot.y, steps=6)
        self.frames()
        if not hold:
            self.mouse.up(button=button)
            self.frames()

    def intents(self, *kinds: str) -> list[dict[str, Any]]:
        """What was told, of these kinds."""
        told: list[dict[str, Any]] = self.page.evaluate("window.intents")
        return [one for one in told if one["kind"] in kinds]

    def forget(self) -> None:
        self.page.evaluate("window.intents.length = 0")

    def focused(self) -> str | None:
        """The node whose card has the focus."""
        found: str | None = self.page.evaluate("document.activeElement.dataset.node ?? null")
        return found

    def selection(self) -> list[str]:
        chosen: list[str] = self.do("selection.size") and self.page.evaluate(
            f"[...{_CANVAS}.selection].sort()"
        )
        return chosen or []

    def cards_with(self, attribute: str) -> set[str]:
        """Nodes whose card shows this now."""
        found: Iterable[str] = self.page.evaluate(
            f"[...document.querySelectorAll('.node-card[{attribute}]')].map(c => c.dataset.node)"
        )
        return set(found)


class Fingers:
    """Real touches, as the browser's own protocol sends them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.line = page.context.new_cdp_session(page)

    def touch(self, kind: str, *spots: Spot) -> None:
        points = [{"x": spot.x, "y": spot.y, "id": id_} for id_, spot in enumerate(spots)]
        self.line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def down(self, *spots: Spot) -> None:
        self.touch("touchStart", *spots)

    def move(self, *spots: Spot) -> None:
        self.touch("touchMove", *spots)

    def up(self) -> None:
        self.touch("touchEnd")

    def drag(self, start: Spot, end: Spot, steps: int = 8) -> None:
        """One finger from here to there."""
        self.down(start)
        for step in range(1, steps + 1):
            share = step / steps
            self.move(start.by((end.x - start.x) * share, (end.y - start.y) * share))
            self.page.wait_for_timeout(16)
        self.up()
        self.page.wait_for_timeout(80)
