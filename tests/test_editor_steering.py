"""Shortcuts, menus, outline and beginnings of the real editor: points 20, 27 and 28 of its plan."""

import re

from playwright.sync_api import expect

from flows.models import Flow
from tests.support.view import View
from tests.support.visitor import watch
from tests.test_editor import Editing, editing
from tests.test_editor_view import flow, view

__all__ = ["editing", "flow", "view"]

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
    editing.saved()


def test_point_20_the_context_menu_shows_the_shortcuts(view: View, flow: Flow) -> None:
    page = view.page
    page.locator("#card-fork header").click(button="right")
    menu = page.get_by_role("menu", name="Node")
    for item, key in (("Rename", "F2"), ("Delete", "Del"), ("Duplicate", "D"), ("Turn off", "D")):
        expect(menu.get_by_role("menuitem", name=item).first).to_contain_text(key)
    menu.get_by_role("menuitem", name="Turn off").click()
    expect(page.locator("#card-fork")).to_have_attribute("data-disabled", "")
    empty = view.empty()
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
