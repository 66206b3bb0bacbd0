"""Where the canvas of the real editor is, and its cards in the window."""

from typing import Any

from playwright.sync_api import Page

from tests.support.canvas_page import Spot


class View:
    """The canvas of an open editor."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def now(self) -> dict[str, float]:
        found: dict[str, float] = self.page.evaluate(
            """() => { const it = new DOMMatrix(getComputedStyle(
                document.querySelector('[data-canvas-view]')).transform);
                return {x: it.e, y: it.f, zoom: it.a} }"""
        )
        return found

    def settled(self) -> dict[str, float]:
        """Once nothing glides any more."""
        before: dict[str, float] = {}
        while before != (before := self.now):
            self.page.wait_for_timeout(120)
        return before

    def at(self, node: str) -> Spot:
        """A spot in the head of a card."""
        card = self.page.locator(f"#card-{node}")
        # A card that the server has just drawn anew may be put in the other's place meanwhile.
        for _ in range(20):
            if box := card.bounding_box():
                return Spot(box["x"] + 60, box["y"] + 14)
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{node} is not to be seen")

    def drag(self, start: Spot, end: Spot, button: Any = "left") -> None:
        self.page.mouse.move(start.x, start.y)
        self.page.mouse.down(button=button)
        self.page.mouse.move(end.x, end.y, steps=6)
        self.page.mouse.up(button=button)
        self.page.wait_for_timeout(60)

    def selected(self) -> set[str]:
        return set(
            self.page.locator(".node-card[data-selected]").evaluate_all(
                "cards => cards.map(card => card.dataset.node)"
            )
        )

    def empty(self) -> Spot:
        """A spot of the canvas with nothing on it."""
        box = self.page.locator("[data-canvas]").bounding_box()
        assert box is not None
        return Spot(box["x"] + 400, box["y"] + 60)
