"""What is around the editor's canvas, in a real browser; numbers are those of its points."""

import gzip
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fluxprompt.paths import ROOT
from tests.support.axe import AXE, SOME_LOOKS, violations
from tests.support.editor_try import EditorHome, try_script
from tests.support.visitor import watch

#: All but the canvas, which has tests of its own.
_CHROME = {"exclude": [["[data-canvas]"]]}
PROBLEMS = [
    {"code": "config", "severity": "error", "node": "fork", "path": "config.condition",
     "message": "The condition is empty."},
    {"code": "same", "severity": "warning", "node": "none", "path": "config.value",
     "message": "This text never changes."},
]  # fmt: skip
#: Compressed bytes of script and style that the page around the canvas may weigh.
CHROME_LIMIT = 45_000


def test_the_bar_renames_the_flow_in_place_and_tells_what_is_saved(
    home: EditorHome, page: Page
) -> None:
    wrong = watch(page)
    home.open()
    name = page.get_by_label("Name of the flow")
    name.fill("Better name")
    name.press("Escape")
    expect(name).to_have_value("Test")
    name.fill("Better name")
    name.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Better name")
    expect(page).to_have_title("Better name · Editor · FluxPrompt")
    page.evaluate("actions.emit('saved', {kind: 'offline', kept: 3})")
    page.get_by_role("button", name="Offline, 3 changes kept").click()
    expect(page.locator("#saved-details")).to_contain_text("3 changes kept in this browser")
    page.evaluate("actions.emit('people', [{tab: 'x', name: 'Bo Ek', initial: 'B', selected: []}])")
    expect(page.get_by_role("list", name="People here")).to_contain_text("Bo Ek")
    assert wrong == []


def test_point_11_undo_and_redo_are_named_and_said(home: EditorHome, page: Page) -> None:
    home.open()
    expect(page.get_by_role("button", name="Undo", exact=True)).to_have_attribute(
        "aria-disabled", "true"
    )
    home.select("ask", "never")
    page.keyboard.press("Delete")
    expect(home.said).to_have_text("Deleted 2 nodes. Undo with Ctrl+Z.")
    undo = page.get_by_role("button", name="Undo: delete 2 nodes")
    expect(undo).to_have_attribute("title", "Undo: delete 2 nodes (Ctrl+Z)")
    undo.click()
    expect(home.said).to_have_text("Undone: delete 2 nodes.")
    expect(page.locator("#card-ask")).to_be_visible()
    page.get_by_role("button", name="Redo: delete 2 nodes").click()
    expect(page.locator("#card-ask")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.locator("#card-ask")).to_have_count(1)


def test_point_19_problems_are_counted_listed_and_jumped_to(home: EditorHome, page: Page) -> None:
    home.open(problems=[*PROBLEMS, {**PROBLEMS[0], "node": None, "path": ""}])
    button = page.locator("[data-problem-count]")
    expect(button).to_have_accessible_name("3 problems: 2 errors, 1 warning")
    card = page.locator("#card-fork")
    expect(card).to_have_attribute("data-broken", "")
    expect(card).to_have_accessible_description("Error: The condition is empty.")
    button.click()
    panel = page.get_by_role("region", name="Problems")
    expect(panel.get_by_role("heading", level=3)).to_have_text([re.compile("^Errors"), "Warnings"])
    row = panel.get_by_role("button", name=re.compile("Anything said"))
    expect(row).to_be_focused()
    row.click()
    assert home.calls()[-2:] == ["focus fork", "settings fork config.condition"]
    button.click()
    expect(panel).to_be_hidden()


def test_point_21_run_asks_for_inputs_once_and_stops_what_runs(
    home: EditorHome, page: Page
) -> None:
    home.open()
    page.locator("[data-canvas]").focus()
    page.keyboard.press("Control+Enter")
    page.get_by_label("Text").fill("Tea")
    page.locator("#run-dialog").get_by_role("button", name="Run").click()
    expect(page.locator("#run-dialog")).to_be_hidden()
    assert home.calls()[-1] == 'run {"input-text":"Tea"}'
    expect(page.locator("[data-run-button]")).to_have_text("Stop")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-run-button]")).to_have_text("Run")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Text")).to_have_value("Tea")


def test_the_server_starts_the_run_and_publishes_as_the_dialogs_ask(
    home: EditorHome, page: Page
) -> None:
    home.open()
    page.evaluate("actions.run = postRun; actions.publish = postPublish")
    page.evaluate("chrome.askRun()")
    # Past the browser's own check, so that the server has to answer.
    page.evaluate("document.querySelector('[data-run-form]').noValidate = true")
    page.locator("#run-dialog").get_by_role("button", name="Run").click()
    expect(page.locator("#run-dialog .field-error li")).to_have_count(1)
    page.get_by_label("Text").fill("Tea")
    page.locator("#run-dialog").get_by_role("button", name="Run").click()
    expect(home.said).to_have_text("The run has started.")
    page.get_by_role("button", name="Publish").click()
    page.get_by_label("What changed").fill("Nothing much")
    page.locator("#publish-dialog").get_by_role("button", name="Publish").click()
    expect(home.said).to_have_text(re.compile(r"Version \d is published\."))


def test_point_28_a_new_flow_offers_templates_and_undo_brings_it_back(
    home: EditorHome, page: Page
) -> None:
    home.open(home.new)
    beginning = page.get_by_role("region", name="Build your first step")
    beginning.get_by_role("button", name=re.compile("Triage")).click()
    expect(beginning).to_be_hidden()
    expect(home.said).to_contain_text("Started from")
    assert page.evaluate("actions.nodes().length") > 3
    page.locator("[data-slot=say-undo]").click()
    expect(beginning).to_be_visible()
    beginning.get_by_role("button", name="Run a sample").click()
    expect(page.get_by_role("dialog", name="Run the draft")).to_be_visible()


def test_point_16_a_conflict_shows_both_values_and_a_way_to_decide(
    home: EditorHome, page: Page
) -> None:
    home.open()
    page.evaluate(
        """actions.emit('conflicts', [{id: '1', message: 'Bo changed it too.', by: 'Bo',
        node: 'ask', theirs: 'Hello', actions: [{label: 'Keep mine', run() {}},
        {label: 'Take theirs', run() { return actions.calls.push('theirs') > 0 }}]}])"""
    )
    notice = page.get_by_role("list", name="Changes that met")
    expect(notice).to_contain_text("Hello")
    expect(home.said).to_have_text("Bo changed it too.")
    notice.get_by_role("button", name="Take theirs").click()
    assert home.calls()[-1] == "theirs"
    expect(notice).to_be_hidden()
    expect(page.locator("[data-canvas]")).to_be_focused()


def test_at_390_everything_is_in_the_menu_and_nothing_is_wider_than_the_window(
    home: EditorHome, page: Page
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    home.open()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    more = page.get_by_role("button", name="More")
    more.click()
    menu = page.get_by_role("menu", name="More")
    for name in ("Undo", "Publish…", "Versions", "Problems", "Import by pasting…"):
        expect(menu.get_by_role("menuitem", name=name)).to_be_visible()
    menu.get_by_role("menuitem", name="Outline of the flow").click()
    expect(page.get_by_role("tree", name="Outline of the flow")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#editor-panel")).to_be_hidden()


def test_what_is_around_the_canvas_stays_light(home: EditorHome, page: Page) -> None:
    style = b"".join(file.read_bytes() for file in (ROOT / "frontend/css").glob("editor*.css"))
    weight = len(gzip.compress(try_script().encode())) + len(gzip.compress(style))
    assert 10_000 < weight < CHROME_LIMIT


#: What is opened, so that axe sees it: by a script, and by what shows that it is there.
_OPENED = {
    "outline": ("chrome.showOutline()", "[data-outline] [role=treeitem]"),
    "problems": ("chrome.toggleProblems()", "#problems"),
    "menu": ("chrome.openMenu({node: 'fork'}, {x: 60, y: 200})", "#context-menu"),
    "picker": ("chrome.quickAdd({client: {x: 20, y: 200}})", "#picker"),
    "commands": ("chrome.openCommands()", "#command-dialog"),
    "sheet": ("chrome.openSheet()", "#shortcut-sheet"),
    "run": ("chrome.askRun()", "#run-dialog"),
    "publish": ("chrome.askPublish()", "#publish-dialog"),
    "import": ("chrome.askImport()", "#import-dialog"),
    "conflict": (
        """actions.emit('conflicts', [{id: '1', message: 'Both changed it.', theirs: 'x',
        actions: [{label: 'Keep mine', run() {}}]}])""",
        "[data-conflicts]",
    ),
    "said": ("chrome.say({text: 'Deleted 3 nodes.', undo: true})", "[data-say]"),
}


@pytest.mark.parametrize(("theme", "width"), SOME_LOOKS)
def test_point_27_axe_finds_nothing_wrong_with_anything_that_opens(
    home: EditorHome, page: Page, theme: Any, width: int
) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    wrong = {}
    # Before the page's own scripts, whose policy would not let it in later.
    page.add_init_script(path=AXE)
    home.open(home.new)
    wrong["new flow"] = violations(page, _CHROME)
    home.open(problems=PROBLEMS)
    for name, (script, seen) in _OPENED.items():
        page.evaluate(script)
        expect(page.locator(seen).first).to_be_visible()
        wrong[name] = violations(page, _CHROME)
        page.keyboard.press("Escape")
    assert "\n".join(f"{name}: {each}" for name, found in wrong.items() for each in found) == ""
