"""Wires and containers on the editor's canvas, by hand and by keyboard; point numbers first."""

import pytest
from playwright.sync_api import expect

from tests.support.canvas_page import CanvasPage, Spot
from tests.test_editor_canvas import canvas, flow

__all__ = ["canvas", "flow"]


def test_point_07_a_wire_is_drawn_from_port_to_port(canvas: CanvasPage) -> None:
    start = canvas.port("spare", "out")
    canvas.drag(start, canvas.port("each", "in"))
    assert canvas.intents("connect") == [
        {"kind": "connect", "from": {"node": "spare", "port": "out"}, "to": "each"}
    ]
    expect(canvas.page.locator(".canvas-edge[data-source=spare]")).to_have_count(1)
    expect(canvas.page.locator("#card-spare [data-side=out]")).to_have_attribute("data-wired", "")
    assert canvas.view == {"x": 120, "y": 160, "zoom": 1}


def test_point_07_a_wire_can_be_drawn_backwards_and_anywhere_onto_a_card(
    canvas: CanvasPage,
) -> None:
    canvas.drag(canvas.port("spare", "in"), canvas.at("fork", 120, 60))
    canvas.drag(canvas.port("spare", "out"), canvas.at("never", 120, 60))
    first, second = canvas.intents("connect")
    assert (first["from"]["node"], first["to"]) == ("fork", "spare")
    assert (second["from"]["node"], second["to"]) == ("spare", "never")


def test_point_07_a_wire_is_drawn_to_a_port_within_28_pixels(canvas: CanvasPage) -> None:
    port = canvas.port("never", "in")
    canvas.drag(canvas.port("spare", "out"), port.by(-24, 6), hold=True)
    expect(canvas.page.locator("#card-never [data-handleid=in]")).to_have_attribute(
        "data-snapped", ""
    )
    canvas.mouse.move(port.x - 34, port.y + 4)
    canvas.frames()
    expect(canvas.page.locator("[data-snapped]")).to_have_count(0)
    canvas.mouse.up()


def test_point_07_a_wire_dropped_on_empty_canvas_asks_what_to_add(canvas: CanvasPage) -> None:
    end = canvas.spot(300, 480)
    canvas.drag(canvas.port("spare", "out"), end)
    canvas.drag(canvas.port("start", "out"), canvas.spot(200, 160), canvas.spot(150, 200))
    canvas.drag(canvas.port("end", "in"), canvas.spot(960, 400))
    loose = [one["loose"] for one in canvas.intents("connectDropped")]
    assert loose == [
        {"node": "spare", "port": "out"},
        {"node": "start", "port": "out"},
        {"to": "end"},
    ]
    told = canvas.intents("connectDropped")[0]
    assert told["at"] == pytest.approx({"x": 300, "y": 480}, abs=0.5)
    assert told["client"] == pytest.approx({"x": end.x, "y": end.y})
    assert canvas.intents("connect") == []


def test_point_07_the_plus_of_a_port_without_a_wire_is_pressed(canvas: CanvasPage) -> None:
    spot = canvas.at("spare")
    canvas.mouse.move(spot.x, spot.y)
    shown = (
        "getComputedStyle(document.querySelector('#card-%s [data-side=out]'), '::before').display"
    )
    assert canvas.page.evaluate(shown % "spare") == "block"
    port = canvas.port("spare", "out")
    canvas.mouse.click(port.x + 18, port.y)
    (told,) = canvas.intents("addOnPort")
    assert (told["node"], told["port"]) == ("spare", "out")
    spot = canvas.at("start")
    canvas.mouse.move(spot.x, spot.y)
    assert canvas.page.evaluate(shown % "start") == "none"


def test_point_07_a_wire_offers_a_plus_and_is_selected_by_a_click(canvas: CanvasPage) -> None:
    spot = canvas.middle_of_wire("start", "out", "fork")
    canvas.mouse.move(spot.x, spot.y)
    add = canvas.page.get_by_role("button", name="Add a node on this wire")
    expect(add).to_be_visible()
    add.click()
    (told,) = canvas.intents("addOnEdge")
    assert told["edge"] == "start.out>fork"
    canvas.do("placeCard('end', {x: 1400, y: 0})")
    canvas.do("setView({x: -400, y: 160, zoom: 1})")
    canvas.frames()
    near = canvas.port("each", "out").by(110, 4)
    canvas.mouse.click(near.x, near.y)
    expect(canvas.page.locator(".canvas-edge[data-target=end]")).to_have_attribute(
        "data-selected", ""
    )
    assert canvas.intents("selected")[-1]["edges"] == ["each.out>end"]


def test_point_07_a_card_without_wires_dropped_on_a_wire_is_put_into_it(canvas: CanvasPage) -> None:
    canvas.do("placeCard('end', {x: 1500, y: 0})")
    canvas.do("setView({x: -400, y: 160, zoom: 1})")
    canvas.do("placeCard('spare', {x: 1060, y: 300})")
    canvas.frames()
    middle = canvas.middle_of_wire("each", "out", "end")
    rect = canvas.rect("spare")
    start = canvas.at("spare")
    goal = middle.by(60 - rect["width"] / 2, 14 - rect["height"] / 2)
    canvas.drag(start, goal, hold=True)
    expect(canvas.page.locator(".canvas-edge[data-splice]")).to_have_count(1)
    canvas.mouse.up()
    canvas.frames()
    (told,) = canvas.intents("moved", "droppedOnEdge")
    assert (told["kind"], told["node"], told["edge"]) == ("droppedOnEdge", "spare", "each.out>end")
    assert list(told["places"]) == ["spare"]
    expect(canvas.page.locator(".canvas-edge[data-source=spare][data-target=end]")).to_have_count(1)


def _grip(canvas: CanvasPage, wire: str, end: str) -> Spot:
    canvas.do(f"select([], ['{wire}'])")
    canvas.frames()
    box = canvas.page.locator(f"[data-grip={end}]").bounding_box()
    assert box is not None
    return Spot(box["x"] + 5, box["y"] + 5)


def test_point_08_a_wires_end_is_dragged_elsewhere(canvas: CanvasPage) -> None:
    canvas.drag(_grip(canvas, "fork.true>each", "to"), canvas.port("spare", "in"))
    canvas.drag(_grip(canvas, "fork.false>never", "from"), canvas.port("spare", "out"))
    first, second = canvas.intents("reconnect")
    assert (first["edge"], first["end"]) == ("fork.true>each", {"to": "spare"})
    assert second["edge"] == "fork.false>never"
    assert second["end"] == {"from": {"node": "spare", "port": "out"}}
    assert canvas.intents("disconnect") == []


def test_point_08_a_wires_end_dropped_on_nothing_is_taken_off(canvas: CanvasPage) -> None:
    canvas.drag(_grip(canvas, "fork.false>never", "to"), canvas.spot(300, 520))
    assert canvas.intents("disconnect") == [{"kind": "disconnect", "edge": "fork.false>never"}]
    expect(canvas.page.locator(".canvas-edge[data-target=never]")).to_have_count(0)
    canvas.drag(_grip(canvas, "fork.true>each", "to"), canvas.spot(500, 300), hold=True)
    canvas.page.keyboard.press("Escape")
    canvas.mouse.up()
    assert len(canvas.intents("disconnect")) == 1


def test_point_08_what_cannot_connect_dims_and_says_why(canvas: CanvasPage) -> None:
    canvas.drag(canvas.port("fork", "true"), canvas.at("start", 120, 50), hold=True)
    tip = canvas.page.locator(".canvas-tip")
    expect(tip).to_have_text("Nothing goes into this node.")
    dimmed = canvas.cards_with("data-refused")
    # A trigger has no input; `each` is connected to that port already; notes have no ports.
    assert dimmed == {"start", "each", "note"}
    canvas.mouse.move(*_xy(canvas.at("each", 120, 20)), steps=4)
    canvas.frames()
    expect(tip).to_have_text("These are connected already.")
    canvas.mouse.up()
    assert canvas.intents("connect", "connectDropped") == []
    assert canvas.cards_with("data-refused") == set()
    expect(canvas.page.locator("[role=status]", has_text="connected already")).to_have_count(1)


def test_point_08_a_circle_is_refused_with_a_word_on_loops(canvas: CanvasPage) -> None:
    canvas.drag(canvas.port("second", "out"), canvas.at("first", 120, 20), hold=True)
    expect(canvas.page.locator(".canvas-tip")).to_contain_text("use a loop")
    canvas.mouse.up()
    assert canvas.intents("connect") == []


def test_point_09_the_keyboard_connects(canvas: CanvasPage) -> None:
    canvas.do("select(['spare'])")
    canvas.do("focus('spare')")
    canvas.page.keyboard.press("c")
    voice = canvas.page.locator(".canvas [role=status]")
    expect(voice).to_contain_text("Enter connects, Escape leaves. To If, 1 of 6.")
    assert canvas.cards_with("data-target") == {"fork"}
    canvas.page.keyboard.press("ArrowDown")
    assert canvas.cards_with("data-target") == {"each"}
    canvas.page.keyboard.press("Enter")
    assert canvas.intents("connect") == [
        {"kind": "connect", "from": {"node": "spare", "port": "out"}, "to": "each"}
    ]
    assert canvas.focused() == "spare"
    canvas.page.keyboard.press("c")
    canvas.page.keyboard.press("Escape")
    expect(voice).to_have_text("Not connected.")
    assert canvas.cards_with("data-refused") == set()
    assert len(canvas.intents("connect")) == 1


def _xy(spot: Spot) -> tuple[float, float]:
    return spot.x, spot.y


def test_a_container_is_a_box_around_its_children_and_carries_them(
    canvas: CanvasPage,
) -> None:
    box, inner = canvas.rect("each"), canvas.rect("second")
    assert box["x"] == inner["x"] - 28
    assert box["y"] + box["height"] == inner["y"] + inner["height"] + 28
    start = canvas.at("each")
    canvas.drag(start, start.by(50, 30))
    (told,) = canvas.intents("moved")
    assert set(told["places"]) == {"each", "first", "second"}
    by = told["places"]["each"]["x"] - 660
    # Within the pull of a guide.
    assert by == pytest.approx(50, abs=6)
    assert canvas.rect("second")["x"] == inner["x"] + by


def test_a_card_dropped_into_a_box_or_out_of_it_changes_its_parent(
    canvas: CanvasPage,
) -> None:
    start = canvas.at("spare")
    canvas.drag(start, canvas.at("each", 160, 200), hold=True)
    assert canvas.cards_with("data-drop") == {"each"}
    canvas.mouse.up()
    canvas.frames()
    (into,) = canvas.intents("droppedInto")
    assert (into["nodes"], into["container"]) == (["spare"], "each")
    assert set(into["places"]) == {"spare"}
    box, inner = canvas.rect("each"), canvas.rect("spare")
    assert box["x"] <= inner["x"] - 28
    assert canvas.intents("moved") == []
    canvas.drag(canvas.at("second"), canvas.spot(300, 560))
    out = canvas.intents("droppedInto")[-1]
    assert (out["nodes"], out["container"]) == (["second"], None)


def test_a_box_shrinks_back_to_a_card_when_nothing_is_left_in_it(
    canvas: CanvasPage,
) -> None:
    for node in ("first", "second"):
        canvas.do(f"removeCard('{node}')")
    canvas.frames()
    expect(canvas.page.locator("#card-each[data-box]")).to_have_count(0)
    assert canvas.rect("each")["width"] == 240


def test_point_15_a_note_is_resized_by_its_corner(canvas: CanvasPage) -> None:
    rect = canvas.rect("note")
    corner = canvas.at("note", rect["width"] - 8, rect["height"] - 8)
    canvas.drag(corner, corner.by(63, 48))
    (told,) = canvas.intents("resized")
    assert told["place"]["width"] == 300
    assert told["place"]["height"] == pytest.approx(rect["height"] + 48, abs=5)
    assert canvas.rect("note")["width"] == 300


def test_point_13_cards_glide_to_their_places_and_wires_follow(canvas: CanvasPage) -> None:
    wire = canvas.page.locator(".canvas-edge[data-target=never] .canvas-edge-line")
    before = wire.get_attribute("d")
    canvas.do("placeCard('never', {x: 660, y: 620}, {animate: true})")
    assert canvas.rect("never")["y"] < 620
    canvas.rest()
    assert canvas.rect("never")["y"] == 620
    assert wire.get_attribute("d") != before


def test_point_27_with_reduced_motion_nothing_glides(canvas: CanvasPage) -> None:
    canvas.page.emulate_media(reduced_motion="reduce")
    canvas.do("placeCard('never', {x: 660, y: 620}, {animate: true})")
    assert canvas.rect("never")["y"] == 620
    canvas.do("zoomTo(0.5)")
    assert canvas.view["zoom"] == 0.5


def test_a_card_put_in_anothers_place_keeps_selection_focus_and_wires(
    canvas: CanvasPage,
) -> None:
    canvas.do("select(['fork'])")
    canvas.do("focus('fork')")
    canvas.page.evaluate(
        """() => { const canvas = document.querySelector('[data-canvas]').fluxCanvas;
        const card = document.querySelector('#card-fork').cloneNode(true);
        card.querySelector('[data-handleid=false]').closest('li').remove();
        canvas.setCard(card, {x: 330, y: 40}) }"""
    )
    canvas.frames()
    assert canvas.focused() == "fork"
    assert canvas.cards_with("data-selected") == {"fork"}
    path = canvas.page.locator(".canvas-edge[data-target=each] .canvas-edge-line")
    end = canvas.port("fork", "true")
    at = canvas.do(f"toFlow({end.x}, {end.y})")
    drawn = (path.get_attribute("d") or "").removeprefix("M").split("C")[0].split()
    assert [float(one) for one in drawn] == pytest.approx([at["x"], at["y"]], abs=1)
