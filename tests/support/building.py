"""The real editor under a hand: where cards stand, what is said, and what the draft holds."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from execution.tests.flows_for_tests import document, output, start_node
from flows.models import Flow
from flows.services import create_flow
from tests.support.canvas_page import Spot
from tests.support.visitor import watch
from tests.test_editor import Editing

Box = dict[str, float]


def template(name: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "template", "config": {"template": text}, **more}


class Building:
    """One flow, open in the editor."""

    def __init__(self, editing: Editing, page: Page) -> None:
        self.editing, self.page = editing, page
        self.flow: Flow | None = None

    def open(self, nodes: list[dict[str, Any]], edges: list[str], **more: Any) -> None:
        content = document(nodes, edges, **more)
        self.flow = self.editing.ask(lambda: create_flow(self.editing.actor, document=content))
        self.editing.open(self.flow)

    def open_chain(self, gap: float = 40) -> None:
        """start → one → two → end, so many pixels between them."""
        step = 240 + gap
        places = {name: {"x": at * step, "y": 0} for at, name in enumerate(CHAIN)}
        nodes = [
            start_node("text"),
            template("one"),
            template("two", "{{ one }}"),
            output("{{ two }}"),
        ]
        self.open(nodes, ["start>one", "one>two", "two>end"], layout=places)

    def card(self, node: str) -> Locator:
        return self.page.locator(f"#card-{node}")

    def box(self, node: str) -> Box:
        """In the flow's pixels, as the canvas drew the card in its next frame."""
        found: Box = self.page.evaluate(
            """async id => {
            let card, frames = 0;
            // A card that the server has just drawn anew stands nowhere before the next frame.
            do {
                await new Promise(requestAnimationFrame);
                card = document.getElementById(`card-${id}`);
            } while (frames++ < 2 || (!card.style.transform && frames < 100));
            const at = new DOMMatrix(card.style.transform);
            return {x: at.e, y: at.f, width: card.offsetWidth, height: card.offsetHeight}; }""",
            node,
        )
        return found

    def head(self, node: str) -> Spot:
        """In the window: where a card is taken hold of."""
        box = self.card(node).bounding_box()
        assert box is not None
        return Spot(box["x"] + box["width"] / 2, box["y"] + 8)

    def port(self, node: str, port: str = "out") -> Spot:
        box = self.page.locator(f"#card-{node} [data-handleid={port}]").bounding_box()
        assert box is not None
        return Spot(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def middle(self, source: str, target: str) -> Spot:
        start, end = self.port(source), self.port(target, "in")
        return Spot((start.x + end.x) / 2, (start.y + end.y) / 2)

    def empty(self) -> Spot:
        """In the window: canvas with nothing on it."""
        box = self.page.locator("[data-canvas]").bounding_box()
        assert box is not None
        return Spot(box["x"] + box["width"] / 2, box["y"] + box["height"] - 90)

    def drag(self, start: Spot, end: Spot, hold: bool = False) -> None:
        self.page.mouse.move(start.x, start.y)
        self.page.mouse.down()
        self.page.mouse.move(end.x, end.y, steps=8)
        if not hold:
            self.page.mouse.up()

    def click(self, node: str, **how: Any) -> None:
        self.card(node).locator(".node-card-head").click(**how)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def choose(self, text: str) -> None:
        """From the list that is open."""
        expect(self.page.locator("#picker")).to_be_visible()
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def says(self, text: str) -> None:
        expect(self.page.locator("[data-slot=say-text]")).to_contain_text(text)

    def selected(self, *nodes: str) -> None:
        expect(self.page.locator(".node-card[data-selected]")).to_have_count(len(nodes))
        for node in nodes:
            expect(self.card(node)).to_have_attribute("data-selected", "")

    def wires(self, *edges: str) -> None:
        """Exactly these on the canvas, written `a>b`."""
        expect(self.page.locator("[data-canvas-edges] > g")).to_have_count(len(edges))
        for edge in edges:
            expect(self.page.locator(f'[data-edge="{edge}"]')).to_have_count(1)

    def draft(self) -> Any:
        self.editing.saved()
        return self.editing.draft(self.flow) if self.flow else None

    def node(self, name: str) -> Any:
        return next(node for node in self.draft().nodes if node.id == name)

    def stand_apart(self, nodes: Iterable[str]) -> None:
        boxes = {name: self.box(name) for name in nodes}
        names = list(boxes)
        for at, one in enumerate(names):
            for other in names[at + 1 :]:
                assert not overlap(boxes[one], boxes[other]), (one, other, boxes)


@pytest.fixture
def building(editing: Editing, page: Page) -> Iterator[Building]:
    """An editor in which nothing goes wrong meanwhile."""
    said = watch(page)
    yield Building(editing, page)
    assert said == []


CHAIN = ("start", "one", "two", "end")


def overlap(one: Box, other: Box) -> bool:
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )
