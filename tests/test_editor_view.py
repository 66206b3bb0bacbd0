"""How the real editor is looked at and steered: points 1, 2, 3, 5, 20, 27 and 28 of its plan."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from flows.models import Flow
from tests.support.canvas_page import Fingers, Spot
from tests.support.visitor import watch
from tests.test_editor import Editing, editing

__all__ = ["editing"]


class View:
    """Where the canvas of an open editor is, and its cards in the window."""

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
        box = self.page.locator(f"#card-{node}").bounding_box()
        assert box is not None
        return Spot(box["x"] + 60, box["y"] + 14)

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


@pytest.fixture
def view(editing: Editing, page: Page) -> View:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.set_default_timeout(10_000)
    return View(page)


@pytest.fixture
def flow(editing: Editing, view: View) -> Flow:
    made = editing.forked()
    editing.open(made)
    view.settled()
    return made


def _places(editing: Editing, flow: Flow) -> dict[str, tuple[float, float]]:
    layout = editing.draft(flow).layout
    return {name: (place["x"], place["y"]) for name, place in layout.items()}


def _empty(view: View) -> Spot:
    """A spot of the canvas with nothing on it."""
    box = view.page.locator("[data-canvas]").bounding_box()
    assert box is not None
    return Spot(box["x"] + 400, box["y"] + 60)


def test_point_01_the_wheel_pans_and_with_ctrl_zooms_at_the_pointer(view: View, flow: Flow) -> None:
    page = view.page
    before, spot = view.now, view.at("fork")
    page.mouse.move(spot.x, spot.y)
    page.mouse.wheel(30, 50)
    moved = view.settled()
    assert (moved["x"], moved["y"]) == pytest.approx((before["x"] - 30, before["y"] - 50))
    held = view.at("fork").by(-60, -14)
    page.mouse.move(held.x, held.y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    assert view.settled()["zoom"] > moved["zoom"] * 1.2
    box = page.locator("#card-fork").bounding_box()
    assert box is not None
    assert (box["x"], box["y"]) == pytest.approx((held.x, held.y), abs=1)


def test_point_01_drags_pan_and_never_move_a_node_with_space_or_the_middle_button(
    view: View, flow: Flow, editing: Editing
) -> None:
    page, before, kept = view.page, view.now, _places(editing, flow)
    empty = _empty(view)
    view.drag(empty, empty.by(90, 40))
    view.drag(view.at("fork"), view.at("fork").by(60, 30), button="middle")
    page.locator("[data-canvas]").focus()
    page.keyboard.down("Space")
    view.drag(view.at("fork"), view.at("fork").by(-20, 10))
    page.keyboard.up("Space")
    after = view.settled()
    assert (after["x"], after["y"]) == pytest.approx((before["x"] + 130, before["y"] + 80), abs=1)
    editing.saved()
    assert _places(editing, flow) == kept


def test_point_01_shift_and_a_drag_select_what_lies_in_an_area(view: View, flow: Flow) -> None:
    start, fork = view.at("start"), view.at("fork")
    view.page.keyboard.down("Shift")
    view.drag(Spot(start.x - 90, min(start.y, fork.y) - 60), fork.by(20, 20))
    view.page.keyboard.up("Shift")
    assert view.selected() == {"start", "fork"}


def test_point_02_keys_show_all_or_the_selection_and_zoom(view: View, flow: Flow) -> None:
    page = view.page
    page.locator("[data-canvas]").focus()
    page.keyboard.press("0")
    assert view.settled()["zoom"] == 1
    page.keyboard.press("-")
    assert view.settled()["zoom"] == pytest.approx(0.8)
    page.keyboard.press("+")
    assert view.settled()["zoom"] == pytest.approx(1)
    page.mouse.move(700, 700)
    page.mouse.wheel(900, 900)
    view.settled()
    page.keyboard.press("1")
    view.settled()
    for node in ("start", "fork", "end", "never"):
        expect(page.locator(f"#card-{node}")).to_be_in_viewport(ratio=0.99)
    page.mouse.click(view.at("never").x, view.at("never").y)
    page.mouse.wheel(900, 900)
    page.keyboard.press("Shift+2")
    view.settled()
    expect(page.locator("#card-never")).to_be_in_viewport(ratio=0.99)


def test_point_02_the_minimap_moves_the_view_and_m_hides_it(view: View, flow: Flow) -> None:
    page = view.page
    minimap = page.locator("[data-canvas-minimap]")
    box = minimap.bounding_box()
    assert box is not None
    page.locator("[data-canvas]").focus()
    page.keyboard.press("0")
    before = view.settled()
    page.mouse.click(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
    clicked = view.settled()
    assert clicked["x"] < before["x"]
    view.drag(Spot(box["x"] + box["width"] - 12, box["y"] + 60), Spot(box["x"] + 20, box["y"] + 60))
    assert view.settled()["x"] > clicked["x"]
    page.mouse.wheel(0, 100)
    assert view.settled()["zoom"] < 1
    page.locator("[data-canvas]").focus()
    page.keyboard.press("m")
    expect(minimap).to_be_hidden()
    page.keyboard.press("m")
    expect(minimap).to_be_visible()


def test_point_03_drags_snap_to_ten_pixels_unless_alt_is_held(
    view: View, flow: Flow, editing: Editing
) -> None:
    page = view.page
    page.locator("[data-canvas]").focus()
    page.keyboard.press("0")
    view.settled()
    never = view.at("never")
    view.drag(never, never.by(33, 147))
    editing.saved()
    snapped = _places(editing, flow)["never"]
    assert all(each % 10 == 0 for each in snapped)
    never = view.at("never")
    page.keyboard.down("Alt")
    view.drag(never, never.by(-3, 7))
    page.keyboard.up("Alt")
    page.wait_for_timeout(300)
    editing.saved()
    assert _places(editing, flow)["never"] == (snapped[0] - 3, snapped[1] + 7)


def test_point_03_a_card_is_drawn_level_with_another_along_a_guide(view: View, flow: Flow) -> None:
    page = view.page
    start, fork = view.at("start"), view.at("fork")
    page.mouse.move(start.x, start.y)
    page.mouse.down()
    page.mouse.move(start.x - 40, start.y + 150, steps=4)
    page.mouse.move(start.x - 40, fork.y + 3, steps=4)
    expect(page.locator("[data-guide=y]")).to_have_count(1)
    level = view.at("fork").y
    assert view.at("start").y == pytest.approx(level, abs=0.5)
    page.mouse.up()
    expect(page.locator("[data-guide]")).to_have_count(0)


def test_point_05_the_view_is_kept_for_each_flow_and_a_link_goes_to_a_node(
    view: View, flow: Flow, editing: Editing
) -> None:
    page = view.page
    page.mouse.move(700, 600)
    page.mouse.wheel(120, 80)
    left = view.settled()
    page.wait_for_timeout(300)
    other = editing.forked()
    editing.open(other)
    assert view.settled() != left
    editing.open(flow)
    assert view.settled() == pytest.approx(left, abs=0.5)
    editing.open(flow, "?node=never")
    view.settled()
    assert view.selected() == {"never"}
    expect(page.locator("#card-never")).to_be_focused()
    canvas, card = (
        page.locator(which).bounding_box() for which in ("[data-canvas]", "#card-never")
    )
    assert canvas is not None
    assert card is not None
    assert card["x"] + card["width"] / 2 == pytest.approx(canvas["x"] + canvas["width"] / 2, abs=80)


def test_point_05_a_long_press_opens_the_menu_of_what_is_under_the_finger(
    editing: Editing, browser: Browser
) -> None:
    flow = editing.forked()
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    touched = context.new_page()
    editing.page = touched
    editing.sign_in()
    editing.open(flow)
    view, fingers = View(touched), Fingers(touched)
    view.settled()
    fingers.down(view.at("start"))
    touched.wait_for_timeout(700)
    fingers.up()
    menu = touched.get_by_role("menu", name="Node")
    expect(menu).to_be_visible()
    expect(menu.get_by_role("menuitem", name="Open the settings")).to_be_visible()
    assert view.selected() == {"start"}
    menu.get_by_role("menuitem", name="Open the settings").tap()
    expect(touched.locator("[data-inspector]")).to_be_visible()
    context.close()


#: What is seen after a shortcut was pressed on a selected, forked flow.
SEEN = {
    "palette": "[data-palette-search]:focus",
    "commands": "#command-dialog[open]",
    "note": "#card-note",
    "rename": "#card-fork input, #card-fork [contenteditable]",
    "connect": "#picker:popover-open",
    "add-after": "#picker:popover-open",
    "add-between": "#picker:popover-open",
    "disable": "#card-fork[data-disabled]",
    "duplicate": "#card-fork_2, #card-fork-2",
    "frame": ".node-card[data-frame]",
    "run": "#run-dialog[open]",
    "shortcuts": "#shortcut-sheet[open]",
}
#: What is said after it.
SAID = {
    "pin": "Run the flow once",
    "copy": "Copied “",
    "cut": "Cut “",
    "tidy": "Tidied up",
    "delete": "Deleted “",
    "delete-gap": "Deleted “",
    "undo": "Undone",
    "redo": "Done again",
}


def test_point_20_every_shortcut_of_the_sheet_does_what_it_says(
    view: View, flow: Flow, editing: Editing
) -> None:
    page = view.page
    said = watch(page)
    page.locator("[data-canvas]").focus()
    page.keyboard.press("?")
    rows = page.locator("[data-sheet-row]:not([data-sheet-row=''])")
    keys = {
        row.get_attribute("data-sheet-row") or "": row.locator("kbd").first.get_attribute(
            "data-keys"
        )
        for row in rows.all()
    }
    assert len(keys) >= 24
    assert page.locator("[data-sheet-row=delete]").get_attribute("data-off")
    page.keyboard.press("Escape")
    tried = set()
    for name, key in keys.items():
        if name in SEEN or name in SAID:
            _try(view, editing, flow, name, str(key).replace("Mod+", "Control+"))
            tried.add(name)
    elsewhere = {"paste", "select-all", "deselect", "fit", "fit-selection", "actual"}
    assert set(keys) - tried == elsewhere | {"zoom-in", "zoom-out", "minimap"}
    page.locator("[data-canvas]").focus()
    page.keyboard.press("Control+a")
    assert len(view.selected()) >= 4
    page.keyboard.press("Escape")
    assert view.selected() == set()
    assert said == []


def _try(view: View, editing: Editing, flow: Flow, name: str, key: str) -> None:
    page = view.page
    editing.open(flow)
    page.locator("#card-fork").focus()
    if name in ("undo", "redo"):
        page.keyboard.press("Shift+S")
        page.locator("[data-type=note].node-card").first.wait_for()
        page.locator("[data-canvas]").focus()
    if name == "redo":
        page.keyboard.press("Control+z")
    if name not in ("undo", "redo"):
        page.mouse.click(view.at("fork").x, view.at("fork").y)
    page.keyboard.press(key)
    if name in SEEN:
        expect(page.locator(SEEN[name]).first, name).to_be_attached()
    else:
        expect(page.locator("[data-say]"), name).to_contain_text(SAID[name])
    page.keyboard.press("Escape")
    while page.get_by_role("button", name=re.compile("^Undo:")).count():
        page.get_by_role("button", name=re.compile("^Undo:")).click()


def test_point_20_the_context_menu_shows_the_shortcuts(view: View, flow: Flow) -> None:
    page = view.page
    page.locator("#card-fork header").click(button="right")
    menu = page.get_by_role("menu", name="Node")
    for item, key in (("Rename", "F2"), ("Delete", "Del"), ("Duplicate", "D"), ("Turn off", "D")):
        expect(menu.get_by_role("menuitem", name=item).first).to_contain_text(key)
    menu.get_by_role("menuitem", name="Turn off").click()
    expect(page.locator("#card-fork")).to_have_attribute("data-disabled", "")
    empty = _empty(view)
    page.mouse.click(empty.x, empty.y, button="right")
    menu = page.get_by_role("menu", name="Canvas")
    expect(menu.get_by_role("menuitem", name="Add a note")).to_contain_text("S")


def test_point_27_the_outline_edits_the_draft(view: View, flow: Flow, editing: Editing) -> None:
    page = view.page
    page.get_by_role("tab", name="Outline").click()
    tree = page.get_by_role("tree", name="Outline of the flow")
    tree.locator("[data-key=fork]").focus()
    page.keyboard.press("F2")
    page.keyboard.type("Is there text?")
    page.keyboard.press("Enter")
    expect(tree.locator("[data-key=fork]")).to_have_attribute(
        "aria-label", re.compile("^Is there text")
    )
    tree.locator("[data-key=start]").focus()
    page.keyboard.press("a")
    page.keyboard.type("template")
    page.keyboard.press("Enter")
    expect(tree.locator("[data-key=template]")).to_have_count(1)
    tree.locator("[data-key=never]").focus()
    page.keyboard.press("Delete")
    expect(page.locator("#card-never")).to_have_count(0)
    expect(tree.locator("[role=treeitem]:focus")).to_have_count(1)
    page.wait_for_timeout(300)
    editing.saved()
    draft = editing.draft(flow)
    assert {node.id: node.label for node in draft.nodes}["fork"] == "Is there text?"
    assert {node.id for node in draft.nodes} == {"start", "fork", "end", "template"}
    assert ("start", "template") in {(edge.source, edge.target) for edge in draft.edges}


def test_point_28_a_new_flow_starts_from_a_template_or_a_sample_that_runs(
    view: View, editing: Editing
) -> None:
    page, flow = view.page, editing.new()
    said = watch(page)
    editing.open(flow)
    empty = page.get_by_role("region", name="Build your first step")
    expect(empty.get_by_role("link", name="Describe what you want")).to_have_attribute(
        "href", f"/flows/{flow.id}/describe/"
    )
    empty.locator("[data-template]").first.click()
    expect(empty).to_be_hidden()
    page.get_by_role("button", name=re.compile("^Undo")).first.click()
    expect(empty).to_be_visible()
    empty.get_by_role("button", name="Run a sample").click()
    dialog = page.locator("#run-dialog[open]")
    dialog.locator("textarea, input").first.fill("The bridge opens on Sunday.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-run-bar]")).to_have_attribute(
        "data-state", "succeeded", timeout=30_000
    )
    assert said == []
