"""The editor's canvas under a real mouse, wheel and keyboard; names begin with the point's number.

The points are those of the editor's plan; what a page makes of an intent is not tested here.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from execution.tests.flows_for_tests import document, output, published, start_node
from flows.models import Flow
from fluxprompt.testing.live_stack import LiveStack
from tests.support.canvas_page import CanvasPage
from tests.support.visitor import new_visitor, watch


def small_flow() -> dict[str, Any]:
    """A fork, a container with two steps in it, a step without wires and a note."""
    fork = {"id": "fork", "type": "if", "config": {"condition": "{{ start.text != '' }}"}}
    each = {"id": "each", "type": "map", "config": {"items": "{{ [1, 2] }}"}}
    first = {"id": "first", "type": "template", "parent": "each", "config": {"template": "a"}}
    second = {"id": "second", "type": "template", "parent": "each", "config": {"template": "b"}}
    spare = {"id": "spare", "type": "template", "config": {"template": "c"}}
    note = {"id": "note", "type": "note", "config": {"text": "Read me"}}
    nodes = [start_node("text"), fork, each, first, second, output("{{ start.text }}")]
    nodes += [output("none", "never"), spare, note]
    edges = ["start>fork", "fork.true>each", "fork.false>never", "first>second", "each>end"]
    layout = {
        "start": (0, 0),
        "fork": (330, 0),
        "each": (660, 0),
        "first": (680, 120),
        "second": (680, 260),
        "end": (1010, 0),
        "never": (660, 420),
        "spare": (0, 300),
        "note": (330, 300),
    }
    places = {name: {"x": x, "y": y} for name, (x, y) in layout.items()}
    return document(nodes, edges, layout=places)


@pytest.fixture
def flow(stack: LiveStack, page: Page, django_db_blocker: Any) -> Flow:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        visitor = new_visitor()
        made = published(visitor.actor, small_flow())
    page.set_viewport_size({"width": 1440, "height": 900})
    visitor.let_in(page.context, stack)
    return made


@pytest.fixture
def canvas(stack: LiveStack, page: Page, flow: Flow) -> Iterator[CanvasPage]:
    said = watch(page)
    canvas = CanvasPage(page)
    canvas.open(f"{stack.base_url}/flows/{flow.id}/edit/")
    yield canvas
    assert said == []


def test_point_01_the_wheel_pans_and_ctrl_wheel_zooms_at_the_pointer(canvas: CanvasPage) -> None:
    canvas.mouse.move(700, 500)
    canvas.mouse.wheel(30, 50)
    canvas.frames()
    assert canvas.view == {"x": 90, "y": 110, "zoom": 1}
    before = canvas.do("toFlow(700, 500)")
    canvas.page.keyboard.down("Control")
    canvas.mouse.wheel(0, -200)
    canvas.page.keyboard.up("Control")
    canvas.frames()
    assert canvas.view["zoom"] > 1.2
    assert canvas.do("toFlow(700, 500)") == pytest.approx(before, abs=0.01)
    canvas.page.keyboard.down("Meta")
    canvas.mouse.wheel(0, 200)
    canvas.page.keyboard.up("Meta")
    canvas.frames()
    assert canvas.view["zoom"] == pytest.approx(1, abs=0.01)
    assert canvas.do("toFlow(700, 500)") == pytest.approx(before, abs=0.01)


def test_point_01_a_drag_on_empty_canvas_pans_and_a_click_there_selects_nothing(
    canvas: CanvasPage,
) -> None:
    canvas.do("select(['fork'])")
    empty = canvas.spot(150, 220)
    canvas.drag(empty, empty.by(90, 40))
    assert canvas.view == {"x": 210, "y": 200, "zoom": 1}
    assert canvas.selection() == ["fork"]
    canvas.mouse.click(empty.x, empty.y)
    assert canvas.selection() == []


@pytest.mark.parametrize("how", ["space", "middle"])
def test_point_01_space_and_middle_drag_pan_over_nodes_and_never_move_them(
    canvas: CanvasPage, how: str
) -> None:
    before = canvas.rect("fork")
    start = canvas.at("fork")
    if how == "space":
        canvas.page.locator("[data-canvas]").focus()
        canvas.page.keyboard.down("Space")
    canvas.drag(start, start.by(120, 60), button="middle" if how == "middle" else "left")
    if how == "space":
        canvas.page.keyboard.up("Space")
    assert canvas.view == {"x": 240, "y": 220, "zoom": 1}
    assert canvas.rect("fork") == before
    assert canvas.intents("moved") == []


def test_point_01_shift_drag_is_a_marquee(canvas: CanvasPage) -> None:
    canvas.page.keyboard.down("Shift")
    canvas.drag(canvas.spot(-40, -40), canvas.spot(420, 60), hold=True)
    expect(canvas.page.locator(".canvas-marquee")).to_be_visible()
    assert canvas.cards_with("data-caught") == {"start", "fork"}
    canvas.mouse.up()
    canvas.page.keyboard.up("Shift")
    canvas.frames()
    assert canvas.selection() == ["fork", "start"]
    assert canvas.intents("selected")[-1]["nodes"] == ["start", "fork"]
    assert canvas.view == {"x": 120, "y": 160, "zoom": 1}
    expect(canvas.page.locator(".canvas-marquee")).to_have_count(0)


def test_point_02_keys_and_buttons_fit_and_zoom(canvas: CanvasPage) -> None:
    canvas.do("placeCard('end', {x: 2400, y: 0})")
    canvas.page.keyboard.press("1")
    canvas.rest()
    whole = canvas.view["zoom"]
    for node in ("start", "end", "never", "note"):
        expect(canvas.page.locator(f"#card-{node}")).to_be_in_viewport(ratio=0.99)
    canvas.do("select(['start', 'spare'])")
    canvas.page.keyboard.press("Shift+2")
    canvas.rest()
    assert canvas.view["zoom"] == 1 > whole
    canvas.page.get_by_role("button", name="Zoom out").click()
    canvas.rest()
    assert canvas.view["zoom"] == pytest.approx(0.8)
    expect(canvas.page.get_by_role("button", name="zoom to 100 %")).to_contain_text("80 %")
    canvas.page.keyboard.press("0")
    canvas.rest()
    assert canvas.view["zoom"] == 1


def test_point_02_the_minimap_takes_drags_clicks_and_the_wheel_and_can_be_hidden(
    canvas: CanvasPage,
) -> None:
    canvas.do("setView({x: 120, y: 160, zoom: 2})")
    canvas.rest()
    minimap = canvas.page.locator("[data-canvas-minimap]")
    box = minimap.bounding_box()
    assert box is not None
    canvas.mouse.click(box["x"] + box["width"] - 30, box["y"] + 60)
    canvas.frames()
    clicked = canvas.view
    assert clicked["x"] < -300
    canvas.mouse.move(box["x"] + box["width"] - 30, box["y"] + 60)
    canvas.mouse.down()
    canvas.mouse.move(box["x"] + 60, box["y"] + 60, steps=5)
    canvas.mouse.up()
    canvas.frames()
    assert canvas.view["x"] > clicked["x"] + 200
    canvas.mouse.wheel(0, 100)
    canvas.frames()
    assert canvas.view["zoom"] < 1.9
    canvas.page.keyboard.press("m")
    expect(minimap).to_be_hidden()
    canvas.page.get_by_role("button", name="Minimap").click()
    expect(minimap).to_be_visible()


def test_point_02_the_minimap_shows_run_states_by_colour(canvas: CanvasPage) -> None:
    read = """() => { const map = document.querySelector('[data-canvas-minimap]');
        return [...map.getContext('2d').getImageData(0, 0, map.width, map.height).data].join() }"""
    canvas.rest()
    before = canvas.page.evaluate(read)
    canvas.do("setNodeState('fork', 'failed')")
    canvas.rest()
    assert canvas.page.evaluate(read) != before
    expect(canvas.page.locator("#card-fork")).to_have_attribute("data-state", "failed")


def test_point_03_a_drag_snaps_to_the_grid_and_alt_lets_go_of_it(canvas: CanvasPage) -> None:
    start = canvas.at("spare")
    canvas.drag(start, start.by(33, 87))
    assert canvas.intents("moved") == [
        {"kind": "moved", "places": {"spare": {"x": 30, "y": 390}}, "how": "drag"}
    ]
    start = canvas.at("spare")
    canvas.page.keyboard.down("Alt")
    canvas.drag(start, start.by(33, 17))
    canvas.page.keyboard.up("Alt")
    assert canvas.intents("moved")[-1]["places"] == {"spare": {"x": 63, "y": 407}}


def test_point_03_alignment_guides_show_and_draw_a_card_level(canvas: CanvasPage) -> None:
    start = canvas.at("spare")
    canvas.drag(start, start.by(36, 124), hold=True)
    # `never` stands at y 420: 4 pixels away.
    expect(canvas.page.locator("[data-guide=y]")).to_have_count(1)
    assert canvas.rect("spare")["y"] == 420
    canvas.mouse.up()
    expect(canvas.page.locator("[data-guide]")).to_have_count(0)


def test_point_03_the_view_moves_on_while_a_card_is_held_at_the_edge(canvas: CanvasPage) -> None:
    start = canvas.at("spare")
    canvas.mouse.move(start.x, start.y)
    canvas.mouse.down()
    canvas.mouse.move(700, 890, steps=5)
    canvas.frames(500)
    canvas.mouse.up()
    assert canvas.view["y"] < 100
    place = canvas.intents("moved")[0]["places"]["spare"]
    at = canvas.do("toFlow(700, 890)")
    assert place["x"] == pytest.approx(at["x"] - 60, abs=20)
    assert place["y"] == pytest.approx(at["y"] - 14, abs=20)


def test_point_03_escape_takes_a_drag_back(canvas: CanvasPage) -> None:
    before = canvas.rect("spare")
    start = canvas.at("spare")
    canvas.drag(start, start.by(90, 90), hold=True)
    assert canvas.rect("spare") != before
    canvas.page.keyboard.press("Escape")
    canvas.mouse.up()
    canvas.frames()
    assert canvas.rect("spare") == before
    assert canvas.intents("moved") == []


def test_point_03_all_that_is_selected_moves_together_and_is_told_once(canvas: CanvasPage) -> None:
    canvas.do("select(['start', 'spare'])")
    start = canvas.at("spare")
    canvas.drag(start, start.by(-60, 170))
    (told,) = canvas.intents("moved")
    assert told["places"] == {"start": {"x": -60, "y": 170}, "spare": {"x": -60, "y": 470}}
    assert canvas.selection() == ["spare", "start"]


def test_point_04_cards_out_of_sight_are_not_laid_out_and_come_back_in_sight(
    canvas: CanvasPage,
) -> None:
    state = "document.querySelector('#card-end').style.contentVisibility"
    canvas.do("setView({x: -3000, y: 0, zoom: 1})")
    canvas.frames()
    assert canvas.page.evaluate(state) == "hidden"
    canvas.do("centre('end', {animate: false})")
    canvas.frames()
    assert canvas.page.evaluate(state) == ""
    expect(canvas.page.locator("#card-end .node-card-title")).to_be_in_viewport()


def test_point_04_far_out_the_flow_is_drawn_and_can_still_be_edited(canvas: CanvasPage) -> None:
    canvas.do("setView({x: 300, y: 300, zoom: 0.25})")
    canvas.frames()
    expect(canvas.page.locator("[data-canvas]")).to_have_attribute("data-far", "")
    expect(canvas.page.locator(".canvas-far")).to_be_visible()
    start = canvas.at("spare")
    canvas.drag(start, start.by(50, 100))
    assert canvas.intents("moved")[0]["places"] == {"spare": {"x": 200, "y": 700}}
    canvas.page.keyboard.press("0")
    canvas.rest()
    expect(canvas.page.locator(".canvas-far")).to_be_hidden()


def test_point_05_the_view_is_told_when_it_rests_and_can_be_set(canvas: CanvasPage) -> None:
    canvas.rest()
    canvas.forget()
    canvas.mouse.move(700, 500)
    for _ in range(4):
        canvas.mouse.wheel(0, 10)
    canvas.rest()
    assert canvas.intents("viewChanged") == [
        {"kind": "viewChanged", "view": {"x": 120, "y": 120, "zoom": 1}}
    ]
    canvas.do("centre('never', {animate: false})")
    canvas.frames()
    middle = canvas.do("visibleCentre()")
    rect = canvas.rect("never")
    assert middle["x"] == pytest.approx(rect["x"] + rect["width"] / 2)
    assert middle["y"] == pytest.approx(rect["y"] + rect["height"] / 2)


def test_point_09_tab_goes_along_the_graph_and_leaves_after_the_last_card(
    canvas: CanvasPage,
) -> None:
    canvas.page.locator("[data-canvas]").focus()
    met = []
    for _ in range(9):
        canvas.page.keyboard.press("Tab")
        met.append(canvas.focused())
    assert met == ["start", "fork", "each", "first", "second", "end", "never", "spare", "note"]
    canvas.page.keyboard.press("Tab")
    expect(canvas.page.get_by_role("button", name="Zoom out")).to_be_focused()
    canvas.page.locator("#card-start").focus()
    canvas.page.keyboard.press("Shift+Tab")
    expect(canvas.page.locator("[data-canvas]")).to_be_focused()


def test_point_09_focus_brings_a_card_that_is_out_of_sight_into_view(canvas: CanvasPage) -> None:
    canvas.do("setView({x: -4000, y: 0, zoom: 1})")
    canvas.frames()
    canvas.do("focus('end')")
    canvas.rest()
    assert canvas.focused() == "end"
    expect(canvas.page.locator("#card-end")).to_be_in_viewport(ratio=0.99)


def test_point_09_arrows_nudge_what_is_selected(canvas: CanvasPage) -> None:
    canvas.page.locator("[data-canvas]").focus()
    canvas.page.keyboard.press("Tab")
    canvas.page.keyboard.press("ArrowRight")
    canvas.page.keyboard.press("Shift+ArrowDown")
    told = canvas.intents("moved")
    assert [one["places"] for one in told] == [
        {"start": {"x": 10, "y": 0}},
        {"start": {"x": 10, "y": 100}},
    ]
    assert {one["how"] for one in told} == {"keys"}


def test_point_09_alt_arrows_walk_the_graph_and_enter_opens(canvas: CanvasPage) -> None:
    canvas.do("select(['start'])")
    canvas.do("focus('start')")
    met = []
    for key in ("Right", "Right", "Down", "Up", "Left"):
        canvas.page.keyboard.press(f"Alt+Arrow{key}")
        met.append(canvas.focused())
    assert met == ["fork", "each", "never", "each", "fork"]
    assert canvas.selection() == ["fork"]
    canvas.page.keyboard.press("Enter")
    assert canvas.intents("opened") == [{"kind": "opened", "id": "fork"}]


def test_point_20_a_right_click_asks_for_the_menu_of_what_is_there(canvas: CanvasPage) -> None:
    on_card, empty = canvas.at("fork"), canvas.spot(150, 220)
    wire = canvas.middle_of_wire("start", "out", "fork")
    for spot in (on_card, empty, wire):
        canvas.mouse.click(spot.x, spot.y, button="right")
    targets = [one["target"] for one in canvas.intents("menu")]
    assert targets == [{"node": "fork"}, {"canvas": True}, {"edge": "start.out>fork"}]


def test_point_06_double_clicks_open_a_card_or_ask_to_add_one(canvas: CanvasPage) -> None:
    spot, empty = canvas.at("fork"), canvas.spot(150, 220)
    canvas.mouse.dblclick(spot.x, spot.y)
    canvas.mouse.dblclick(empty.x, empty.y)
    assert canvas.intents("opened") == [{"kind": "opened", "id": "fork"}]
    (told,) = canvas.intents("emptyDoubleClick")
    assert told["at"] == pytest.approx({"x": 150, "y": 220}, abs=0.5)


def test_point_22_a_run_colours_cards_and_wires(canvas: CanvasPage) -> None:
    canvas.do("setNodeState('start', 'succeeded')")
    canvas.do("setEdgeFlow('start.out>fork', 'active')")
    canvas.do("setEdgeFlow('fork.false>never', 'dead')")
    expect(canvas.page.locator("#card-start")).to_have_attribute("data-state", "succeeded")
    expect(canvas.page.locator("[data-canvas]")).to_have_attribute("data-live", "")
    wire = canvas.page.locator(".canvas-edge[data-target=fork]")
    expect(wire).to_have_attribute("data-flow", "active")
    canvas.do("setNodeState('start', '')")
    canvas.do("setEdgeFlow('start.out>fork', '')")
    canvas.do("setEdgeFlow('fork.false>never', '')")
    expect(canvas.page.locator("[data-canvas][data-live]")).to_have_count(0)


def test_point_24_read_only_lets_look_and_select_but_not_change(canvas: CanvasPage) -> None:
    canvas.do("setReadOnly(true)")
    before = canvas.rect("fork")
    spot = canvas.at("fork")
    canvas.mouse.click(spot.x, spot.y)
    assert canvas.selection() == ["fork"]
    canvas.drag(spot, spot.by(80, 30))
    assert canvas.view["x"] == 200
    canvas.page.keyboard.press("ArrowRight")
    port = canvas.port("spare", "out")
    canvas.drag(port, port.by(150, 0))
    assert canvas.rect("fork") == before
    assert canvas.intents("moved", "connectDropped", "connect") == []
