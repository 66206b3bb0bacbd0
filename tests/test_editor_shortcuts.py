"""Keys, menus and the command palette of the editor, in a real browser."""

import re

from playwright.sync_api import Page, expect

from tests.support.editor_try import EditorHome


def test_point_06_ctrl_k_finds_nodes_commands_and_other_flows(home: EditorHome, page: Page) -> None:
    home.open()
    name = page.get_by_label("Name of the flow")
    name.focus()
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Search and commands")
    dialog.get_by_role("combobox").fill("anyth")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#card-fork")).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.type("zoom in")
    page.keyboard.press("Enter")
    home.await_call("zoomBy 1.25")
    page.keyboard.press("Control+k")
    used = dialog.get_by_role("group", name="Commands used last")
    expect(used.get_by_role("option")).to_have_text([re.compile("Zoom in")])
    page.keyboard.type("brand ne")
    dialog.get_by_role("option", name=re.compile("Brand new")).click()
    page.wait_for_url(f"**/flows/{home.new.id}/edit/")


def test_point_20_every_shortcut_of_the_sheet_works_or_says_why_not(
    home: EditorHome, page: Page
) -> None:
    home.open()
    home.select()
    page.keyboard.press("?")
    rows = page.locator("[data-sheet-row]:not([data-sheet-row=''])")
    table = {
        row.get_attribute("data-sheet-row") or "": (
            [key.get_attribute("data-keys") or "" for key in row.locator("kbd").all()],
            row.get_attribute("data-off"),
        )
        for row in rows.all()
    }
    page.keyboard.press("Escape")
    assert len(table) >= 24
    off = {name for name, (_, reason) in table.items() if reason}
    assert {"delete", "undo", "rename", "fit-selection", "copy"} <= off
    for name, (keys, _) in table.items():
        for key in keys:
            _press_and_see(home, page, name, key)


#: What a shortcut does: a call it makes, or something that is then seen.
_CALLS = {
    "note": "addNode note", "rename": "rename ask", "connect": "startConnect",
    "disable": "turn off", "pin": "pin", "copy": "copy", "cut": "copy", "paste": "paste",
    "duplicate": "duplicate",
    "frame": "frame", "tidy": "tidy all", "undo": "undo", "redo": "redo", "fit": "fit all",
    "fit-selection": "fit ask", "actual": "zoomTo 1", "zoom-in": "zoomBy 1.25",
    "zoom-out": "zoomBy 0.8", "minimap": "minimap",
}  # fmt: skip
_SEEN = {
    "palette": "[data-palette-search]:focus", "commands": "#command-dialog[open]",
    "add-after": "#picker:popover-open", "add-between": "#picker:popover-open",
    "run": "#run-dialog[open]", "shortcuts": "#shortcut-sheet[open]",
}  # fmt: skip


def _press_and_see(home: EditorHome, page: Page, name: str, key: str) -> None:
    page.evaluate("actions.setTitle('never', 'Never ' + Math.random())")
    if name == "redo":
        page.evaluate("actions.undo()")
    page.locator("[data-canvas]").click(position={"x": 900, "y": 30})
    home.select("ask")
    page.keyboard.press("Control+" + key[4:] if key.startswith("Mod+") else key)
    if name in _SEEN:
        expect(page.locator(_SEEN[name])).to_have_count(1)
        page.keyboard.press("Escape")
    elif name in ("delete", "delete-gap"):
        expect(page.locator("#card-ask")).to_have_count(0)
        page.evaluate("actions.undo()")
    elif name == "select-all":
        assert page.evaluate("actions.selection().nodes.length") > 4
    elif name == "deselect":
        assert page.evaluate("actions.selection().nodes") == []
    else:
        home.await_call(_CALLS[name])
    page.evaluate("while (!document.getElementById('card-ask')) actions.undo()")


def test_shortcuts_leave_fields_dialogs_and_unfinished_words_alone(
    home: EditorHome, page: Page
) -> None:
    home.open()
    home.select("ask")
    page.get_by_label("Name of the flow").press("d")
    page.get_by_label("Name of the flow").press("Delete")
    page.evaluate("chrome.askImport()")
    page.get_by_label("Nodes to add").press("Shift+L")
    page.keyboard.press("Escape")
    page.evaluate(
        "document.querySelector('[data-canvas]').dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'd', bubbles: true, isComposing: true}))"
    )
    assert home.calls() == []
    home.select()
    page.keyboard.press("?")
    page.get_by_label(re.compile("Single keys work")).uncheck()
    page.keyboard.press("Escape")
    home.select("ask")
    page.keyboard.press("d")
    assert home.calls() == []
    page.keyboard.press("Control+d")
    assert home.calls()[0] == "duplicate"


def test_tab_is_no_trap_for_people_who_walk_with_it(home: EditorHome, page: Page) -> None:
    home.open()
    page.locator("[data-canvas]").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox", name="Search nodes")).not_to_be_focused()
    expect(page.locator("[data-canvas]")).not_to_be_focused()


def test_point_20_menus_show_keys_and_give_the_focus_back(home: EditorHome, page: Page) -> None:
    home.open()
    page.locator("[data-canvas]").focus()
    page.locator("#card-fork header").click(button="right")
    menu = page.get_by_role("menu", name="Node")
    expect(menu.get_by_role("menuitem", name="Rename")).to_contain_text("F2")
    page.keyboard.press("End")
    expect(menu.get_by_role("menuitem", name="Delete")).to_be_focused()
    page.keyboard.press("d")
    expect(menu.get_by_role("menuitem", name="Duplicate")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    assert page.evaluate("actions.selection().nodes") == ["fork"]
    page.locator("[data-canvas]").click(button="right", position={"x": 900, "y": 500})
    page.get_by_role("menu", name="Canvas").get_by_role("menuitem", name="Add a node here").click()
    expect(page.locator("#picker")).to_be_visible()
    page.keyboard.type("wait")
    page.keyboard.press("Enter")
    home.await_call("addNode wait")
    assert re.match(r'addNode wait {"client":{"x":\d+,"y":\d+}}', home.calls()[-1])
    page.evaluate("chrome.openMenu({edge: 'start.out>fork'}, {x: 400, y: 400})")
    page.get_by_role("menuitem", name="Add a node here").click()
    expect(page.locator("#picker")).to_be_visible()
    page.keyboard.type("template")
    page.keyboard.press("Enter")
    home.await_call('addNode template {"onEdge":"start.out>fork"}')
