"""Building a flow in the real editor: adding, connecting, keys, clipboard, tidying, notes."""

import json
import re

from playwright.sync_api import Page, expect

from execution.tests.flows_for_tests import output, start_node
from tests.support.building import CHAIN, Building, building, template
from tests.support.canvas_page import Spot
from tests.test_editor import Editing, editing

__all__ = ["building", "editing"]


def test_point_06_a_node_of_the_palette_is_clicked_dragged_and_found_by_typing(
    building: Building, page: Page
) -> None:
    building.open_chain()
    page.locator("[data-canvas]").click(position={"x": 500, "y": 30})
    page.keyboard.press("Tab")
    page.keyboard.type("http")
    page.keyboard.press("Enter")
    expect(building.card("http")).to_be_focused()
    building.says("Added “HTTP request”")
    item = page.locator("[data-palette-group=tool] [data-add-type=http]")
    item.scroll_into_view_if_needed()
    box = item.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 10)
    page.mouse.down()
    at = building.empty()
    page.mouse.move(at.x, at.y, steps=6)
    expect(page.locator(".ghost .node-card")).to_be_visible()
    page.mouse.up()
    expect(building.card("http_2")).to_be_visible()
    head = building.card("http_2").bounding_box()
    assert head is not None
    assert head["x"] < at.x < head["x"] + head["width"]
    building.stand_apart([*CHAIN, "http", "http_2"])
    page.keyboard.press("Control+k")
    page.keyboard.type("merge")
    page.keyboard.press("Enter")
    expect(building.card("merge")).to_be_visible()
    assert {"http", "http_2", "merge"} < {node.id for node in building.draft().nodes}


def test_point_06_a_double_click_adds_a_node_there(building: Building, page: Page) -> None:
    building.open_chain()
    at = building.empty()
    page.mouse.dblclick(at.x, at.y)
    building.choose("template")
    box = building.card("template").bounding_box()
    assert box is not None
    assert box["x"] < at.x < box["x"] + box["width"]
    assert box["y"] < at.y < box["y"] + box["height"]


def test_point_07_a_node_put_into_a_short_wire_makes_room(building: Building, page: Page) -> None:
    building.open_chain(gap=40)
    before = {name: building.box(name) for name in CHAIN}
    page.mouse.move(*_xy(building, "one", "two"))
    page.locator(".canvas-edge-add").click()
    building.choose("http")
    building.wires("start>one", "one>http", "http>two", "two>end")
    after = {name: building.box(name) for name in (*CHAIN, "http")}
    assert after["one"] == before["one"]
    assert after["http"]["x"] == before["one"]["x"] + 240 + 90
    assert after["two"]["x"] == after["http"]["x"] + 240 + 90
    shift = after["two"]["x"] - before["two"]["x"]
    assert after["end"]["x"] - before["end"]["x"] == shift
    building.stand_apart(after)
    page.keyboard.press("Control+z")
    building.wires("start>one", "one>two", "two>end")
    expect(building.card("http")).to_have_count(0)
    assert {name: building.box(name) for name in CHAIN} == before


def test_point_07_a_dropped_wire_lists_what_fits_and_connects_it(
    building: Building, page: Page
) -> None:
    building.open_chain()
    at = building.empty()
    building.drag(building.port("one"), at)
    expect(page.locator("#picker [role=option]", has_text=re.compile("^Input"))).to_have_count(0)
    building.choose("http")
    building.wires("start>one", "one>two", "two>end", "one>http")
    building.drag(building.port("two", "in"), at.by(-250, 0))
    building.choose("template")
    building.wires("start>one", "one>two", "two>end", "one>http", "template>two")


def test_point_07_nodes_added_at_a_port_never_lie_on_each_other(
    building: Building, page: Page
) -> None:
    building.open_chain(gap=120)
    for number in range(1, 4):
        page.locator("#card-two [data-handleid=out]").click()
        building.choose("template")
        name = "template" if number == 1 else f"template_{number}"
        expect(building.card(name)).to_be_visible()
    building.stand_apart([*CHAIN, "template", "template_2", "template_3"])


def test_point_07_a_node_dropped_on_a_wire_goes_into_it(building: Building, page: Page) -> None:
    places = {name: {"x": at * 300, "y": 0} for at, name in enumerate(("start", "end"))}
    places["spare"] = {"x": 0, "y": 300}
    building.open(
        [start_node("text"), output("x"), template("spare")], ["start>end"], layout=places
    )
    middle = building.middle("start", "end")
    building.drag(building.head("spare"), middle)
    building.wires("start>spare", "spare>end")
    building.stand_apart(["start", "spare", "end"])
    assert [(edge.source, edge.target) for edge in building.draft().edges] == [
        ("start", "spare"), ("spare", "end"),
    ]  # fmt: skip
    page.keyboard.press("Control+z")
    building.wires("start>end")
    assert building.box("spare")["y"] == 300


def test_point_07_deleting_in_a_chain_heals_it_and_shift_delete_does_not(
    building: Building, page: Page
) -> None:
    building.open_chain()
    building.click("one")
    page.keyboard.press("Delete")
    building.wires("start>two", "two>end")
    building.says("Deleted “one”. Its neighbours are connected now.")
    page.keyboard.press("Control+z")
    building.wires("start>one", "one>two", "two>end")
    building.click("one")
    page.keyboard.press("Shift+Delete")
    building.wires("two>end")
    building.says("Deleted “one”.")
    expect(page.locator("[data-slot=say-text]")).not_to_contain_text("connected")


def test_point_07_branches_beside_one_another_are_deleted_and_leave_one_wire(
    building: Building, page: Page
) -> None:
    building.open(
        [start_node("text"), template("one"), template("two"), output("x")],
        ["start>one", "start>two", "one>end", "two>end"],
    )
    building.click("one")
    building.click("two", modifiers=["Shift"])
    page.keyboard.press("Delete")
    building.wires("start>end")
    building.says("Deleted 2 nodes. Its neighbours are connected now.")


def test_point_08_what_cannot_connect_dims_and_a_circle_is_refused_with_a_word_on_loops(
    building: Building, page: Page
) -> None:
    building.open_chain()
    building.drag(building.port("two"), building.port("one", "in"), hold=True)
    expect(building.card("one")).to_have_attribute("data-refused", "")
    expect(page.locator("[data-canvas]")).to_contain_text("circle")
    page.mouse.up()
    building.wires("start>one", "one>two", "two>end")


def test_point_08_a_wires_end_is_dragged_to_another_node(building: Building, page: Page) -> None:
    # On a short wire its + lies over the grips.
    building.open_chain(gap=120)
    page.mouse.move(*_xy(building, "one", "two"))
    grip = page.locator("[data-grip=to]").bounding_box()
    assert grip is not None
    building.drag(Spot(grip["x"] + 4, grip["y"] + 4), building.port("end", "in"))
    building.wires("start>one", "one>end", "two>end")


def _xy(building: Building, source: str, target: str) -> tuple[float, float]:
    spot = building.middle(source, target)
    return spot.x, spot.y


def test_point_09_the_keys_of_the_canvas_work_on_the_real_page(
    building: Building, page: Page
) -> None:
    building.open_chain()
    page.locator("[data-canvas]").focus()
    for name in CHAIN:
        page.keyboard.press("Tab")
        expect(building.card(name)).to_be_focused()
    building.press("Alt+ArrowLeft", "Alt+ArrowLeft")
    expect(building.card("one")).to_be_focused()
    before = building.box("one")
    building.press("ArrowDown", "Shift+ArrowDown")
    assert building.box("one")["y"] == before["y"] + 110
    page.keyboard.press("F2")
    page.keyboard.type("First step")
    page.keyboard.press("Enter")
    expect(building.card("one")).to_contain_text("First step")
    expect(building.card("one")).to_be_focused()
    page.keyboard.press("d")
    expect(building.card("one")).to_have_attribute("data-disabled", "")
    building.says("Turned off “First step”.")
    page.keyboard.press("c")
    page.keyboard.press("Enter")
    building.wires("start>one", "one>two", "two>end", "one>end")
    page.keyboard.press("Control+d")
    building.says("Duplicated “First step”.")
    building.selected("one_2")
    page.keyboard.press("Escape")
    building.selected()
    page.keyboard.press("Control+a")
    building.selected(*CHAIN, "one_2")
    page.keyboard.press("Delete")
    expect(page.locator("[data-canvas-cards] > [data-node]")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.locator("[data-canvas-cards] > [data-node]")).to_have_count(5)
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("[data-canvas-cards] > [data-node]")).to_have_count(0)
    page.keyboard.press("Control+z")
    node = building.node("one")
    assert (node.label, node.disabled) == ("First step", True)


def test_point_10_a_curl_command_and_our_yaml_become_nodes(building: Building, page: Page) -> None:
    building.open_chain()
    _paste(page, "curl -X POST https://api.example.com/v1/items -d '{\"a\": 1}'")
    expect(building.card("http")).to_be_visible()
    building.says("Pasted")
    _paste(page, "nodes:\n- id: greet\n  type: template\n  config: {template: Hello}\n")
    expect(building.card("greet")).to_be_visible()
    _paste(page, "nothing of ours")
    building.says("nothing was pasted")
    config = building.node("http").config
    assert (config["method"], config["url"]) == ("POST", "https://api.example.com/v1/items")


def test_point_10_a_pasted_flow_keeps_the_start_that_is_there(
    building: Building, page: Page
) -> None:
    building.open_chain()
    begin = {**start_node("text"), "id": "begin"}
    other = {
        "schema": "fluxprompt.flow/v1", "name": "Other",
        "nodes": [begin, template("greet", "Hi {{ begin.text }}"), output("{{ greet }}", "done")],
        "edges": [{"from": "begin", "to": "greet"}, {"from": "greet", "to": "done"}],
    }  # fmt: skip
    _paste(page, json.dumps(other))
    building.says("The flow keeps its own start")
    building.wires("start>one", "one>two", "two>end", "start>greet", "greet>done")
    assert building.node("greet").config["template"] == "Hi {{ start.text }}"
    assert [node.id for node in building.draft().nodes if node.type == "input"] == ["start"]
    page.keyboard.press("Control+z")
    building.wires("start>one", "one>two", "two>end")
    building.click("start")
    page.keyboard.press("Control+d")
    building.says("A flow has one start")


def _paste(page: Page, text: str) -> None:
    page.locator("[data-canvas]").focus()
    page.evaluate(
        """text => { const data = new DataTransfer(); data.setData("text/plain", text);
        document.activeElement.dispatchEvent(
            new ClipboardEvent("paste", {clipboardData: data, bubbles: true})); }""",
        text,
    )


def test_point_12_nodes_are_copied_to_another_flow_with_wires_and_references_and_no_secret(
    building: Building, editing: Editing, page: Page
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    config = {
        "url": "https://api.example.com/{{ one }}",
        "headers": {"Authorization": "Bearer s3cret", "X-Kind": "a"},
    }
    call = {"id": "call", "type": "http", "config": config}
    nodes = [start_node("text"), template("one"), call, output("{{ call.status }}")]
    building.open(nodes, ["start>one", "one>call", "call>end"])
    building.click("one")
    building.click("call", modifiers=["Shift"])
    building.selected("one", "call")
    page.keyboard.press("Control+c")
    building.says("Copied 2 nodes, without what is secret in it.")
    text = page.evaluate("navigator.clipboard.readText()")
    assert "s3cret" not in text
    building.press("Control+v")
    building.says("Pasted 2 nodes.")
    building.selected("one_2", "call_2")
    building.wires("start>one", "one>call", "call>end", "one_2>call_2")
    assert building.node("call_2").config["url"] == "https://api.example.com/{{ one_2 }}"
    building.press("Control+x")
    building.says("Cut 2 nodes")
    expect(building.card("one_2")).to_have_count(0)
    building.editing.saved()
    building.open_chain()
    page.locator("[data-canvas]").focus()
    building.press("Control+v")
    building.wires("start>one", "one>two", "two>end", "one_2>call_2")
    assert building.node("call_2").config["headers"] == {"X-Kind": "a"}


def test_point_11_undo_puts_cards_back_of_which_the_flow_does_not_say_where_they_stand(
    building: Building, page: Page
) -> None:
    nodes = [start_node("text"), template("one"), output("x")]
    building.open(nodes, ["start>one", "one>end"])
    before = building.box("one")
    building.drag(building.head("one"), building.head("one").by(0, 120))
    assert building.box("one")["y"] > before["y"] + 50
    page.keyboard.press("Control+z")
    building.says("Undone: move a node.")
    expect(building.card("one")).to_have_css(
        "transform", f"matrix(1, 0, 0, 1, {before['x']:g}, {before['y']:g})"
    )
    assert "one" not in building.draft().layout


def test_point_13_tidy_up_is_one_step_and_of_the_selection_alone_where_there_is_one(
    building: Building, page: Page
) -> None:
    places = {name: {"x": 7 * at, "y": 150 * at} for at, name in enumerate(CHAIN)}
    nodes = [start_node("text"), template("one"), template("two"), output("x")]
    building.open(nodes, ["start>one", "one>two", "two>end"], layout=places)
    before = {name: building.box(name) for name in CHAIN}
    page.locator("[data-canvas]").focus()
    page.keyboard.press("Shift+L")
    building.says("Tidied up the flow.")
    page.keyboard.press("Shift+L")
    building.says("Nothing moved: the flow is tidy.")
    building.editing.saved()
    layout = {name: place["x"] for name, place in building.draft().layout.items()}
    assert layout["start"] < layout["one"] < layout["two"] < layout["end"]
    page.keyboard.press("Control+z")
    expect(building.card("end")).to_have_css(
        "transform", re.compile(r"matrix\(1, 0, 0, 1, 21, 450\)")
    )
    assert {name: building.box(name) for name in CHAIN} == before
    building.click("one")
    building.click("two", modifiers=["Shift"])
    page.keyboard.press("Shift+L")
    building.says("Tidied up the selection.")
    building.editing.saved()
    layout = {name: (place["x"], place["y"]) for name, place in building.draft().layout.items()}
    assert layout["start"] == (0, 0)
    assert layout["end"] == (21, 450)
    assert layout["one"][0] < layout["two"][0]
