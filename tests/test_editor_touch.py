"""Point 5 of the editor's plan: the canvas under fingers, on a page as wide as a phone's."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from fluxprompt.testing.live_stack import LiveStack
from tests.support.canvas_page import CanvasPage, Fingers
from tests.test_editor_canvas import flow

__all__ = ["flow"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def canvas(stack: LiveStack, page: Page, flow: Any) -> CanvasPage:
    page.set_viewport_size({"width": 390, "height": 844})
    canvas = CanvasPage(page)
    canvas.open(f"{stack.base_url}/flows/{flow.id}/edit/", zoom=None)
    canvas.do("setView({x: 40, y: 60, zoom: 1})")
    canvas.frames()
    return canvas


@pytest.fixture
def fingers(page: Page) -> Fingers:
    return Fingers(page)


def test_point_05_a_finger_drags_a_card(canvas: CanvasPage, fingers: Fingers) -> None:
    start = canvas.at("spare")
    fingers.drag(start, start.by(40, 90))
    assert canvas.intents("moved")[0]["places"] == {"spare": {"x": 40, "y": 390}}
    assert canvas.selection() == ["spare"]
    assert canvas.view == {"x": 40, "y": 60, "zoom": 1}


def test_point_05_a_finger_on_empty_canvas_pans(canvas: CanvasPage, fingers: Fingers) -> None:
    start = canvas.spot(100, 200)
    fingers.drag(start, start.by(-30, 60))
    assert canvas.view == pytest.approx({"x": 10, "y": 120, "zoom": 1}, abs=10)
    assert canvas.intents("moved") == []


@pytest.mark.parametrize("first", ["card", "ground"])
def test_point_05_two_fingers_pinch_wherever_the_first_one_is(
    canvas: CanvasPage, fingers: Fingers, first: str
) -> None:
    start = canvas.at("spare") if first == "card" else canvas.spot(80, 200)
    other = start.by(140, -40)
    before = canvas.rect("spare")
    fingers.down(start)
    fingers.down(start, other)
    for step in range(1, 9):
        fingers.move(start.by(-4 * step, 2 * step), other.by(4 * step, -2 * step))
        canvas.frames(16)
    fingers.up()
    canvas.frames()
    assert canvas.view["zoom"] == pytest.approx(1.5, abs=0.1)
    assert canvas.rect("spare") == before
    assert canvas.intents("moved", "menu") == []


def test_point_05_a_finger_draws_a_wire(canvas: CanvasPage, fingers: Fingers) -> None:
    canvas.do("setView({x: 20, y: 60, zoom: 0.8})")
    canvas.frames()
    canvas.do("placeCard('never', {x: 330, y: 420})")
    canvas.frames()
    fingers.drag(canvas.port("spare", "out"), canvas.port("never", "in"))
    assert canvas.intents("connect") == [
        {"kind": "connect", "from": {"node": "spare", "port": "out"}, "to": "never"}
    ]


def test_point_05_a_long_press_is_the_context_menu(canvas: CanvasPage, fingers: Fingers) -> None:
    spot = canvas.at("spare")
    fingers.down(spot)
    canvas.frames(700)
    fingers.move(spot.by(30, 30))
    fingers.up()
    canvas.frames()
    (told,) = canvas.intents("menu")
    assert told["target"] == {"node": "spare"}
    assert told["client"] == pytest.approx({"x": spot.x, "y": spot.y}, abs=1)
    assert canvas.intents("moved") == []


def test_point_05_a_tap_selects_and_on_empty_canvas_selects_nothing(
    canvas: CanvasPage, fingers: Fingers
) -> None:
    fingers.down(canvas.at("spare"))
    fingers.up()
    canvas.frames()
    assert canvas.selection() == ["spare"]
    fingers.down(canvas.spot(100, 200))
    fingers.up()
    canvas.frames()
    assert canvas.selection() == []


def test_point_05_a_phone_opens_at_a_zoom_that_can_be_read_and_without_the_minimap(
    canvas: CanvasPage,
) -> None:
    canvas.do("start()")
    canvas.frames()
    assert canvas.view["zoom"] >= 0.7
    expect(canvas.page.locator("#card-start .node-card-title")).to_be_in_viewport()
    expect(canvas.page.locator("[data-canvas-minimap]")).to_be_hidden()
    expect(canvas.page.get_by_role("button", name="Minimap")).to_have_attribute(
        "aria-pressed", "false"
    )
