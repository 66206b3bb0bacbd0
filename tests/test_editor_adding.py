"""Adding nodes in the editor: palette, dragging, the list at a dropped wire; in a real browser."""

import re

from playwright.sync_api import Page, expect

from tests.support.editor_try import EditorHome


def test_point_06_a_node_is_added_from_the_palette_by_keys(home: EditorHome, page: Page) -> None:
    home.open()
    page.locator("[data-canvas]").click(position={"x": 700, "y": 600})
    page.keyboard.press("Tab")
    field = page.get_by_role("searchbox", name="Search nodes")
    expect(field).to_be_focused()
    field.fill("tmpl")
    expect(page.locator("[data-add-type=template]:visible")).to_have_count(1)
    expect(page.locator("[data-add-type=http]:visible")).to_have_count(0)
    field.press("Enter")
    expect(page.locator("#card-template")).to_contain_text("template")
    expect(home.said).to_contain_text("Added “Template”.")
    expect(page.locator("[data-palette-group=recent]")).to_contain_text("Template")
    page.locator("[data-canvas]").focus()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    field.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#card-template_2")).to_have_count(1)


def test_point_06_a_flow_has_one_start_and_the_palette_says_so(
    home: EditorHome, page: Page
) -> None:
    home.open()
    item = page.locator("[data-add-type=input]").last
    expect(item).to_have_attribute("aria-disabled", "true")
    expect(item).to_have_attribute("title", re.compile("has it already"))


def test_point_06_a_node_is_dragged_with_a_ghost_and_escape_lets_go_of_it(
    home: EditorHome, page: Page
) -> None:
    home.open()
    item = page.locator("[data-add-type=http]").last
    item.scroll_into_view_if_needed()
    for key in ("Escape", None):
        box = item.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 40, box["y"] + 15)
        page.mouse.down()
        page.mouse.move(800, 500, steps=5)
        expect(page.locator(".ghost .node-card")).to_be_visible()
        if key:
            page.keyboard.press(key)
            expect(page.locator(".ghost")).to_have_count(0)
        page.mouse.up()
    expect(page.locator("#card-http")).to_have_count(1)
    assert [call for call in home.calls() if call.startswith("addNode")] == [
        'addNode http {"client":{"x":800,"y":500}}'
    ]


def test_point_05_a_finger_drags_a_node_out_of_the_drawer(home: EditorHome, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    home.open()
    page.get_by_role("button", name="Nodes and outline").click()
    box = page.locator("[data-add-type=llm]").last.bounding_box()
    assert box is not None
    line = page.context.new_cdp_session(page)

    def touch(kind: str, x: float, y: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", box["x"] + 60, box["y"] + 15)
    for step in range(1, 9):
        touch("touchMove", box["x"] + 60 + step * 12, box["y"] + 15 + step * 3)
    expect(page.locator(".ghost")).to_have_count(1)
    touch("touchEnd", 0, 0)
    expect(page.locator("#card-llm")).to_have_count(1)
    expect(page.locator("#editor-panel")).to_be_hidden()


def test_point_07_a_dropped_wire_offers_what_fits_and_the_choice_is_connected(
    home: EditorHome, page: Page
) -> None:
    home.open()
    page.locator("[data-canvas]").focus()
    page.evaluate(
        "chrome.quickAdd({from: {node: 'fork', port: 'true'}, client: {x: innerWidth, y: 880}})"
    )
    list_ = page.get_by_role("dialog", name="Add what comes next")
    box, size = list_.bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    assert box["x"] + box["width"] <= size["width"]
    assert box["y"] + box["height"] <= size["height"]
    # Nothing leads into a start or a note.
    expect(list_.get_by_role("option", name=re.compile("^Input"))).to_have_count(0)
    expect(list_.get_by_role("option", name=re.compile("^Note"))).to_have_count(0)
    page.keyboard.type("temp")
    page.keyboard.press("Enter")
    expect(list_).to_be_hidden()
    home.await_call('addNode template {"after":{"node":"fork","port":"true"}')
    page.evaluate("chrome.quickAdd({edge: 'start.out>fork', client: {x: 500, y: 300}})")
    expect(list_.get_by_role("option", name=re.compile("^Output"))).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#picker")).to_be_hidden()
    expect(page.locator("[data-canvas]")).to_be_focused()
