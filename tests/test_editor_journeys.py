"""From a new flow to a published one in the real editor: by keyboard alone, and by touch alone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from fluxprompt.testing.live_stack import LiveStack
from tests.support.canvas_page import Fingers, Spot
from tests.support.visitor import watch
from tests.test_editor import Editing, editing

__all__ = ["editing"]


def test_point_09_from_a_new_flow_to_a_published_one_by_keyboard_alone(
    editing: Editing, page: Page
) -> None:
    said = watch(page)
    flow = editing.new()
    editing.open(flow)
    keys = page.keyboard
    _tab_to(page, page.get_by_role("button", name="Start from nothing"))
    keys.press("Enter")
    expect(page.locator("[data-canvas]")).to_be_focused()
    # The way to the button led over the cards: the last one is selected, and taken up again.
    keys.press("Tab")
    expect(page.locator("#card-result")).to_be_focused()
    keys.press("Alt+ArrowLeft")
    expect(page.locator("#card-start")).to_be_focused()
    keys.press("Shift+A")
    expect(page.locator("#picker input")).to_be_focused()
    keys.type("Template")
    keys.press("Enter")
    card = page.locator("#card-template")
    expect(card).to_be_focused()
    for edge in ("start>template", "template>result"):
        expect(page.locator(f'[data-edge="{edge}"]')).to_have_count(1)
    keys.press("F2")
    keys.type("Greeting")
    keys.press("Enter")
    expect(card).to_contain_text("Greeting")
    keys.press("Enter")
    content = page.locator("[data-inspector] .cm-content").first
    content.wait_for()
    # Until then Tab would still walk the cards.
    expect(page.locator("[data-inspector] :focus")).to_have_count(1)
    _tab_to(page, content)
    keys.type("Hello {{ start.text")
    expect(page.locator("[data-inspector] .cm-content").first).to_contain_text("start.text }}")
    editing.saved()
    keys.press("Control+Enter")
    expect(page.locator("#run-dialog")).to_be_visible()
    _tab_to(page, page.get_by_label("Text"))
    keys.type("Ada")
    keys.press("Control+Enter")
    bar = page.locator("[data-run-bar]")
    expect(bar).to_have_attribute("data-state", "succeeded", timeout=30_000)
    keys.press("Control+k")
    keys.type("publish")
    keys.press("Enter")
    expect(page.locator("#publish-dialog")).to_be_visible()
    _tab_to(page, page.locator("#publish-dialog").get_by_role("button", name="Publish"))
    keys.press("Enter")
    expect(page.locator("[data-slot=say-text]")).to_contain_text("is published", timeout=15_000)
    found = {node.id: node for node in editing.draft(flow).nodes}
    assert found["template"].label == "Greeting"
    assert found["template"].config["template"].startswith("Hello {{ start.text")
    assert said == []


def _tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    """Press Tab until it has the focus."""
    for _ in range(most):
        # In a code field the focus is told within its own tree.
        if wanted.evaluate("element => element.getRootNode().activeElement === element"):
            return
        page.keyboard.press("Tab")
    expect(wanted).to_be_focused()


class Touching:
    """A phone: everything is tapped or dragged by a finger."""

    def __init__(self, page: Page) -> None:
        self.page, self.fingers = page, Fingers(page)

    def tap(self, target: Locator) -> None:
        target.scroll_into_view_if_needed()
        self.tap_at(self.middle(target))

    def tap_at(self, spot: Spot) -> None:
        self.fingers.down(spot)
        self.fingers.up()

    def middle(self, target: Locator) -> Spot:
        expect(target).to_be_visible()
        box = target.bounding_box()
        assert box is not None
        return Spot(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def port(self, node: str, port: str = "out") -> Spot:
        return self.middle(self.page.locator(f"#card-{node} [data-handleid={port}]"))


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    yield context.new_page()
    context.close()


def test_point_05_from_a_new_flow_to_a_published_one_by_touch_alone(
    stack: LiveStack, phone: Page, django_db_blocker: object
) -> None:
    editing = Editing(stack, phone, django_db_blocker)
    editing.sign_in()
    said = watch(phone)
    flow = editing.new()
    editing.open(flow)
    hand = Touching(phone)
    hand.tap(phone.get_by_role("button", name="Start from nothing"))
    hand.tap(phone.get_by_role("button", name="Nodes and outline"))
    hand.tap(phone.locator("#editor-panel [data-add-type=template]:visible").last)
    card = phone.locator("#card-template")
    expect(card).to_be_visible()
    expect(phone.locator("#editor-panel")).to_be_hidden()
    hand.tap(phone.get_by_role("button", name="Show all of it"))
    phone.wait_for_timeout(400)
    hand.fingers.drag(hand.port("start"), hand.port("template", "in"))
    expect(phone.locator('[data-edge="start>template"]')).to_have_count(1)
    hand.fingers.drag(hand.port("template"), hand.port("result", "in"))
    expect(phone.locator('[data-edge="template>result"]')).to_have_count(1)
    hand.tap_at(hand.middle(phone.locator("#card-template .node-card-head")))
    hand.tap_at(hand.middle(phone.locator("#card-template .node-card-head")))
    content = phone.locator("[data-inspector] .cm-content").first
    hand.tap(content)
    expect(content).to_be_focused()
    # A phone's keyboard hands over whole words.
    phone.keyboard.insert_text("Hello {{ start.text }}")
    editing.saved()
    hand.tap(phone.get_by_role("button", name="Close the inspector"))
    hand.tap(phone.get_by_role("button", name="Run", exact=True))
    field = phone.locator("#run-dialog").get_by_label("Text")
    hand.tap(field)
    phone.keyboard.insert_text("Ada")
    hand.tap(phone.locator("#run-dialog").get_by_role("button", name="Run"))
    bar = phone.locator("[data-run-bar]")
    expect(bar).to_have_attribute("data-state", "succeeded", timeout=30_000)
    hand.tap(phone.get_by_role("button", name="More"))
    hand.tap(phone.get_by_role("menuitem", name="Publish"))
    hand.tap(phone.locator("#publish-dialog").get_by_role("button", name="Publish"))
    expect(phone.locator("[data-slot=say-text]")).to_contain_text("is published", timeout=15_000)
    found = {node.id: node for node in editing.draft(flow).nodes}
    assert found["template"].config["template"] == "Hello {{ start.text }}"
    assert said == []
