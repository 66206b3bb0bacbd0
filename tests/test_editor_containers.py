"""Containers, notes, frames and pins in the real editor."""

from playwright.sync_api import Page, expect

from execution.tests.flows_for_tests import output, start_node
from tests.support.building import Building, building, template
from tests.test_editor import editing

__all__ = ["building", "editing"]


def test_point_07_a_node_goes_into_a_container_by_mouse_and_in_and_out_by_keys(
    building: Building, page: Page
) -> None:
    rows = {"id": "rows", "type": "map", "config": {"items": "{{ start.text }}"}}
    nodes = [start_node("text"), template("one"), rows, output("x")]
    places = {
        "start": {"x": 0, "y": 0},
        "one": {"x": 330, "y": 0},
        "rows": {"x": 330, "y": 200},
        "end": {"x": 660, "y": 0},
    }
    building.open(nodes, ["start>one", "one>end", "start>rows"], layout=places)
    building.drag(building.head("one"), building.head("rows").by(0, 20))
    building.says("Moved “Template” into “Map”. 2 wires would cross the wall and went.")
    building.wires("start>rows")
    assert building.node("one").parent == "rows"
    page.keyboard.press("Control+z")
    building.wires("start>one", "one>end", "start>rows")
    building.click("one")
    page.keyboard.press("Control+k")
    page.keyboard.type("move into")
    page.keyboard.press("Enter")
    building.choose("map")
    building.says("Moved “Template” into “Map”.")
    expect(building.card("rows")).to_have_attribute("data-box", "")
    inside, box = building.box("one"), building.box("rows")
    assert box["x"] < inside["x"]
    assert inside["x"] + inside["width"] < box["x"] + box["width"]
    page.keyboard.press("Control+k")
    page.keyboard.type("move into")
    page.keyboard.press("Enter")
    building.choose("out of every")
    building.says("Moved “Template” out of the container.")
    assert building.node("one").parent is None


def test_point_07_a_node_is_dragged_out_of_a_container_and_undo_puts_it_back(
    building: Building, page: Page
) -> None:
    rows = {"id": "rows", "type": "map", "config": {"items": "{{ start.text }}"}}
    inside = [template("one", parent="rows"), template("two", parent="rows")]
    places = {
        "start": {"x": 0, "y": 0},
        "rows": {"x": 330, "y": 0},
        "one": {"x": 370, "y": 130},
        "two": {"x": 650, "y": 130},
    }
    building.open([start_node("text"), rows, *inside], ["start>rows", "one>two"], layout=places)
    before = building.box("rows")
    head = building.head("two")
    building.drag(head, head.by(0, 260))
    building.says("Moved “Template” out of the container. One wire would cross the wall and went.")
    building.wires("start>rows")
    assert building.node("two").parent is None
    assert building.box("rows")["width"] < before["width"]
    page.keyboard.press("Control+z")
    building.wires("start>rows", "one>two")
    assert building.node("two").parent == "rows"
    assert building.box("rows") == before


def test_point_15_a_frame_is_put_around_the_selection_and_carries_it(
    building: Building, page: Page
) -> None:
    building.open_chain()
    building.click("one")
    building.click("two", modifiers=["Shift"])
    page.keyboard.press("Control+g")
    building.says("Put a frame around 2 nodes.")
    frame = building.card("note")
    expect(frame).to_have_attribute("data-frame", "")
    around, one, start = building.box("note"), building.box("one"), building.box("start")
    assert around["x"] < one["x"]
    assert around["y"] < one["y"]
    head = building.head("note")
    building.drag(head, head.by(0, -60))
    assert building.box("one")["y"] < one["y"] - 40
    assert building.box("one")["y"] - building.box("note")["y"] == one["y"] - around["y"]
    assert building.box("start") == start
    page.keyboard.press("Control+z")
    assert building.box("one") == one


def test_point_15_a_notes_text_is_written_in_the_inspector(building: Building, page: Page) -> None:
    building.open_chain()
    page.locator("[data-canvas]").focus()
    page.keyboard.press("Shift+S")
    note = building.card("note")
    expect(note).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("[data-inspector] .cm-content").first.click()
    page.keyboard.type("Read **this** first")
    expect(note.locator("strong")).to_have_text("this")
    assert building.node("note").config["text"] == "Read **this** first"


def test_point_15_an_output_is_pinned_and_unpinned(building: Building, page: Page) -> None:
    building.open_chain()
    building.click("one")
    page.keyboard.press("p")
    expect(page.locator("[data-slot=say-text]")).to_be_visible()
    expect(building.card("one")).not_to_have_attribute("data-pinned", "")
    page.keyboard.press("Control+Enter")
    page.locator("#run-dialog").get_by_label("Text").fill("Ada")
    page.keyboard.press("Control+Enter")
    bar = page.locator("[data-run-bar]")
    expect(bar).to_have_attribute("data-state", "succeeded", timeout=30_000)
    building.click("one")
    page.keyboard.press("p")
    building.says("Pinned “Template”. Runs take this output and do not run the node.")
    expect(building.card("one")).to_have_attribute("data-pinned", "")
    page.keyboard.press("p")
    building.says("Unpinned “Template”.")
    expect(building.card("one")).not_to_have_attribute("data-pinned", "")
