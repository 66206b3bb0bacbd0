"""How the real editor is looked at and steered: points 1, 2, 3 and 5 of its plan."""

from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page, expect

from execution.tests.flows_for_tests import document, start_node
from flows.models import Flow
from flows.services import create_flow
from tests.support.building import template
from tests.support.canvas_page import Fingers, Spot
from tests.support.view import View
from tests.support.visitor import watch
from tests.test_editor import Editing, editing

__all__ = ["editing"]


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
    empty = view.empty()
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


def test_point_04_of_a_thousand_nodes_only_those_in_sight_are_laid_out_and_far_out_all_are_drawn(
    view: View, editing: Editing
) -> None:
    page = view.page
    said = watch(page)
    names = [f"n{number}" for number in range(1_000)]
    nodes = [start_node("text"), *(template(name, "{{ start.text }}") for name in names)]
    edges = [f"start>{names[0]}", *(f"{one}>{other}" for one, other in pairwise(names))]
    places = {
        name: {"x": 330 * (at % 40), "y": 160 * (at // 40) + 160} for at, name in enumerate(names)
    }
    content = document(nodes, edges, layout=places)
    flow = editing.ask(lambda: create_flow(editing.actor, document=content))
    editing.open(flow, "?node=n500")
    view.settled()
    box = page.locator("#card-n500").bounding_box()
    canvas = page.locator("[data-canvas]").bounding_box()
    assert box is not None
    assert canvas is not None
    assert box["x"] + box["width"] / 2 == pytest.approx(canvas["x"] + canvas["width"] / 2, abs=2)
    assert box["y"] + box["height"] / 2 == pytest.approx(canvas["y"] + canvas["height"] / 2, abs=2)
    laid_out = "cards => cards.filter(card => card.style.contentVisibility !== 'hidden').length"
    assert page.locator(".node-card").evaluate_all(laid_out) < 200
    card = view.at("n500")
    view.drag(card, card.by(50, 40))
    expect(editing.bar.get_by_role("button", name="Undo: move a node")).to_be_visible()
    editing.saved()
    zoom = view.now["zoom"]
    moved = (6_600 + 50 / zoom, 2_080 + 40 / zoom)
    assert _places(editing, flow)["n500"] == pytest.approx(moved, abs=10)
    page.keyboard.press("1")
    view.settled()
    expect(page.locator("[data-canvas]")).to_have_attribute("data-far", "")
    expect(page.locator(".canvas-far")).to_be_visible()
    assert said == []


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
