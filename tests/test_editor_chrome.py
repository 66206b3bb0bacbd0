"""What is around the editor's canvas, in a real browser; numbers are those of the editor's points."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from execution.tests.flows_for_tests import document, llm, output, published, start_node
from flows.models import Flow
from flows.services import create_flow
from fluxprompt.paths import ROOT
from fluxprompt.testing.live_stack import LiveStack
from tests.support.editor_try import calls, forget_calls, use_try_script
from tests.support.visitor import Visitor, new_visitor, watch

PROBLEMS = [
    {"code": "config", "severity": "error", "node": "fork", "path": "config.condition",
     "message": "The condition is empty."},
    {"code": "same", "severity": "warning", "node": "none", "path": "config.value",
     "message": "This text never changes."},
]  # fmt: skip
#: Compressed bytes of script and style that the page around the canvas may weigh.
CHROME_LIMIT = 45_000


@dataclass(frozen=True)
class Home:
    """A person with a flow that forks, and one that was just made."""

    visitor: Visitor
    flow: Flow
    new: Flow


@pytest.fixture
def home(stack: LiveStack, page: Page, django_db_blocker: Any) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        visitor = new_visitor()
        fork = {"id": "fork", "type": "if", "label": "Anything said?"}
        nodes = [
            start_node("text"),
            {**fork, "config": {"condition": "{{ start.text != '' }}"}},
            llm("ask", "Answer {{ start.text }}", "tokens-3x1ms"),
            output("none", "never"),
            {"id": "rows", "type": "map", "label": "Each row", "config": {"items": "{{ [1] }}"}},
            {**llm("inner", "{{ rows.item }}", "tokens-3x1ms"), "parent": "rows"},
            output("{{ start.text }}"),
        ]
        edges = ["start>fork", "fork.true>ask", "fork.false>never", "ask>rows", "rows>end"]
        flow = published(visitor.actor, document(nodes, edges))
        home = Home(visitor, flow, create_flow(visitor.actor, name="Brand new"))
    visitor.sign_in(page, stack)
    yield home


def _open(page: Page, stack: LiveStack, flow: Flow, problems: Any = None) -> None:
    use_try_script(page, problems)
    page.goto(f"{stack.base_url}/flows/{flow.id}/edit/")
    page.wait_for_function("window.chrome?.actions")


def _select(page: Page, *nodes: str) -> None:
    page.evaluate("ids => { actions.focusCanvas(); actions.select(ids) }", list(nodes))
    forget_calls(page)


def _said(page: Page) -> Locator:
    return page.locator("[data-slot=announced]")


def test_the_bar_renames_the_flow_in_place_and_tells_what_is_saved(
    stack: LiveStack, page: Page, home: Home
) -> None:
    wrong = watch(page)
    _open(page, stack, home.flow)
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


def test_point_11_undo_and_redo_are_named_and_said(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    expect(page.get_by_role("button", name="Undo", exact=True)).to_have_attribute(
        "aria-disabled", "true"
    )
    _select(page, "ask", "never")
    page.keyboard.press("Delete")
    expect(_said(page)).to_have_text("Deleted 2 nodes. Undo with Ctrl+Z.")
    undo = page.get_by_role("button", name="Undo: delete 2 nodes")
    expect(undo).to_have_attribute("title", "Undo: delete 2 nodes (Ctrl+Z)")
    undo.click()
    expect(_said(page)).to_have_text("Undone: delete 2 nodes.")
    expect(page.locator("#card-ask")).to_be_visible()
    page.get_by_role("button", name="Redo: delete 2 nodes").click()
    expect(page.locator("#card-ask")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.locator("#card-ask")).to_have_count(1)


def test_point_6_a_node_is_added_from_the_palette_by_keys(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    page.locator("[data-canvas]").click(position={"x": 700, "y": 600})
    page.keyboard.press("Tab")
    field = page.get_by_role("searchbox", name="Search nodes")
    expect(field).to_be_focused()
    field.fill("tmpl")
    expect(page.locator("[data-add-type=template]:visible")).to_have_count(1)
    expect(page.locator("[data-add-type=http]:visible")).to_have_count(0)
    field.press("Enter")
    expect(page.locator("#card-template")).to_contain_text("template")
    expect(_said(page)).to_contain_text("Added “Template”.")
    expect(page.locator("[data-palette-group=recent]")).to_contain_text("Template")
    page.locator("[data-canvas]").focus()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    field.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#card-template_2")).to_have_count(1)


def test_point_6_a_flow_has_one_start_and_the_palette_says_so(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    item = page.locator("[data-add-type=input]").last
    expect(item).to_have_attribute("aria-disabled", "true")
    expect(item).to_have_attribute("title", re.compile("has it already"))


def test_point_6_a_node_is_dragged_with_a_ghost_and_escape_lets_go_of_it(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
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
    assert [call for call in calls(page) if call.startswith("addNode")] == [
        'addNode http {"client":{"x":800,"y":500}}'
    ]


def test_point_5_a_finger_drags_a_node_out_of_the_drawer(
    stack: LiveStack, page: Page, home: Home
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    _open(page, stack, home.flow)
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


def test_point_7_a_dropped_wire_offers_what_fits_and_the_choice_is_connected(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    page.locator("[data-canvas]").focus()
    page.evaluate(
        "chrome.quickAdd({from: {node: 'fork', port: 'true'}, client: {x: innerWidth - 20, y: 880}})"
    )
    list_ = page.get_by_role("dialog", name="Add what comes next")
    box, size = list_.bounding_box(), page.viewport_size
    assert box is not None and size is not None
    assert box["x"] + box["width"] <= size["width"] and box["y"] + box["height"] <= size["height"]
    # Nothing leads into a start or a note.
    expect(list_.get_by_role("option", name=re.compile("^Input"))).to_have_count(0)
    expect(list_.get_by_role("option", name=re.compile("^Note"))).to_have_count(0)
    page.keyboard.type("temp")
    page.keyboard.press("Enter")
    expect(list_).to_be_hidden()
    assert '"after":{"node":"fork","port":"true"}' in calls(page)[-1]
    page.evaluate("chrome.quickAdd({edge: 'start.out>fork', client: {x: 500, y: 300}})")
    expect(list_.get_by_role("option", name=re.compile("^Output"))).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#picker")).to_be_hidden()
    expect(page.locator("[data-canvas]")).to_be_focused()


def test_point_6_ctrl_k_finds_nodes_commands_and_other_flows(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
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
    assert calls(page)[-1] == "zoomBy 1.25"
    page.keyboard.press("Control+k")
    used = dialog.get_by_role("group", name="Commands used last")
    expect(used.get_by_role("option")).to_have_text([re.compile("Zoom in")])
    page.keyboard.type("brand ne")
    dialog.get_by_role("option", name=re.compile("Brand new")).click()
    page.wait_for_url(f"**/flows/{home.new.id}/edit/")


def test_point_20_every_shortcut_of_the_sheet_works_or_says_why_not(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    _select(page)
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
            _press_and_see(page, name, key)


#: What a shortcut does: a call it makes, or something that is then seen.
_CALLS = {
    "note": "addNode note", "rename": "rename fork", "connect": "startConnect", "disable": "turn off",
    "pin": "pin", "copy": "copy", "cut": "copy", "paste": "paste", "duplicate": "duplicate",
    "frame": "frame", "tidy": "tidy all", "undo": "undo", "redo": "redo", "fit": "fit all",
    "fit-selection": "fit ask", "actual": "zoomTo 1", "zoom-in": "zoomBy 1.25",
    "zoom-out": "zoomBy 0.8", "minimap": "minimap",
}  # fmt: skip
_SEEN = {
    "palette": "[data-palette-search]:focus", "commands": "#command-dialog[open]",
    "run": "#run-dialog[open]", "shortcuts": "#shortcut-sheet[open]",
}  # fmt: skip


def _press_and_see(page: Page, name: str, key: str) -> None:
    node = "ask"
    page.evaluate("actions.setTitle('never', 'Never ' + Math.random())")
    if name == "redo":
        page.evaluate("actions.undo()")
    page.locator("[data-canvas]").click(position={"x": 900, "y": 30})
    _select(page, node)
    page.keyboard.press("Control+" + key[4:] if key.startswith("Mod+") else key)
    if name in _SEEN:
        expect(page.locator(_SEEN[name])).to_have_count(1)
        page.keyboard.press("Escape")
    elif name == "delete":
        expect(page.locator("#card-ask")).to_have_count(0)
        page.evaluate("actions.undo()")
    elif name == "select-all":
        assert page.evaluate("actions.selection().nodes.length") > 4
    elif name == "deselect":
        assert page.evaluate("actions.selection().nodes") == []
    else:
        wanted = _CALLS[name].replace("rename fork", f"rename {node}")
        page.wait_for_function("want => actions.calls.some(call => call.startsWith(want))", arg=wanted)
    page.evaluate("while (!document.getElementById('card-ask')) actions.undo()")


def test_shortcuts_leave_fields_dialogs_and_unfinished_words_alone(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    _select(page, "ask")
    page.get_by_label("Name of the flow").press("d")
    page.get_by_label("Name of the flow").press("Delete")
    page.evaluate("chrome.askImport()")
    page.get_by_label("Nodes to add").press("Shift+L")
    page.keyboard.press("Escape")
    page.evaluate(
        "document.querySelector('[data-canvas]').dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'd', bubbles: true, isComposing: true}))"
    )
    assert calls(page) == []
    page.keyboard.press("?")
    page.get_by_label(re.compile("Single keys work")).uncheck()
    page.keyboard.press("Escape")
    _select(page, "ask")
    page.keyboard.press("d")
    assert calls(page) == []
    page.keyboard.press("Control+d")
    assert calls(page)[0] == "duplicate"


def test_tab_is_no_trap_for_people_who_walk_with_it(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    page.locator("[data-canvas]").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox", name="Search nodes")).not_to_be_focused()
    expect(page.locator("[data-canvas]")).not_to_be_focused()


def test_point_20_menus_show_keys_and_give_the_focus_back(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
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
    page.keyboard.type("wait")
    page.keyboard.press("Enter")
    assert re.match(r'addNode wait {"client":{"x":\d+,"y":\d+}}', calls(page)[-1])
    page.evaluate("chrome.openMenu({edge: 'start.out>fork'}, {x: 400, y: 400})")
    page.get_by_role("menuitem", name="Add a node here").click()
    page.keyboard.type("template")
    page.keyboard.press("Enter")
    assert calls(page)[-1] == 'addNode template {"onEdge":"start.out>fork"}'


def test_point_19_problems_are_counted_listed_and_jumped_to(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow, [*PROBLEMS, {**PROBLEMS[0], "node": None, "path": ""}])
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
    assert calls(page)[-2:] == ["focus fork", "settings fork config.condition"]
    button.click()
    expect(panel).to_be_hidden()


def test_point_27_the_outline_shows_branches_and_containers_and_edits_them(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    page.get_by_role("tab", name="Outline").click()
    tree = page.get_by_role("tree", name="Outline of the flow")
    inner = tree.get_by_role("treeitem", name=re.compile("^Language model, llm")).last
    expect(inner).to_have_attribute("aria-level", "4")
    # The true branch holds the model, what follows it, and in that container its own model.
    expect(tree.get_by_role("treeitem", name="Branch true")).to_contain_text("Each row")
    expect(tree.get_by_role("treeitem", name="Branch false")).to_contain_text("Output")
    fork = tree.locator("[data-key=fork]")
    fork.focus()
    page.keyboard.press("F2")
    page.keyboard.type("Is it so?")
    page.keyboard.press("Enter")
    expect(fork).to_be_focused()
    expect(fork).to_have_attribute("aria-label", "Is it so?, if")
    page.keyboard.press("ArrowLeft")
    expect(fork).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(tree.locator("[data-key='fork.true']")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(tree.locator("[data-key=ask]")).to_be_focused()
    page.keyboard.press("Enter")
    assert calls(page)[-1] == "settings ask"
    page.keyboard.press("d")
    expect(tree.locator("[data-key=ask]")).to_have_attribute("aria-label", re.compile("turned off"))


def test_point_27_the_outline_adds_connects_moves_and_deletes_by_keys(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    page.evaluate("chrome.showOutline()")
    tree = page.get_by_role("tree", name="Outline of the flow")
    ask = tree.locator("[data-key=ask]")
    ask.focus()
    page.keyboard.press("a")
    page.keyboard.type("template")
    page.keyboard.press("Enter")
    added = tree.locator("[data-key=template]")
    expect(added).to_have_count(1)
    assert calls(page)[-1] == 'addNode template {"after":{"node":"ask","port":"out"}}'
    ask.focus()
    page.keyboard.press("c")
    page.keyboard.type("never")
    page.keyboard.press("Enter")
    assert page.evaluate("actions.edges().some(e => e.source === 'ask' && e.target === 'never')")
    added.focus()
    page.keyboard.press("m")
    page.keyboard.type("each")
    page.keyboard.press("Enter")
    expect(_said(page)).to_contain_text("Moved into “Each row”.")
    assert page.evaluate("actions.nodes().find(n => n.id === 'template').parent") == "rows"
    tree.locator("[data-key=ask]").focus()
    page.keyboard.press("Delete")
    expect(tree.locator("[data-key=ask]")).to_have_count(0)
    expect(tree.locator("[role=treeitem]:focus")).to_have_count(1)
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menu", name="Node")).to_be_visible()


def test_point_21_run_asks_for_inputs_once_and_stops_what_runs(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    page.locator("[data-canvas]").focus()
    page.keyboard.press("Control+Enter")
    page.get_by_label("Text").fill("Tea")
    page.locator("#run-dialog").get_by_role("button", name="Run").click()
    expect(page.locator("#run-dialog")).to_be_hidden()
    assert calls(page)[-1] == 'run {"input-text":"Tea"}'
    expect(page.locator("[data-run-button]")).to_have_text("Stop")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-run-button]")).to_have_text("Run")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Text")).to_have_value("Tea")


def test_the_server_starts_the_run_and_publishes_as_the_dialogs_ask(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    page.evaluate("actions.run = postRun; actions.publish = postPublish")
    page.evaluate("chrome.askRun()")
    # Past the browser's own check, so that the server has to answer.
    page.evaluate("document.querySelector('[data-run-form]').noValidate = true")
    page.locator("#run-dialog").get_by_role("button", name="Run").click()
    expect(page.locator("#run-dialog .field-error li")).to_have_count(1)
    page.get_by_label("Text").fill("Tea")
    page.locator("#run-dialog").get_by_role("button", name="Run").click()
    expect(_said(page)).to_have_text("The run has started.")
    page.get_by_role("button", name="Publish").click()
    page.get_by_label("What changed").fill("Nothing much")
    page.locator("#publish-dialog").get_by_role("button", name="Publish").click()
    expect(_said(page)).to_have_text(re.compile(r"Version \d is published\."))


def test_point_28_a_new_flow_offers_templates_and_undo_brings_it_back(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.new)
    beginning = page.get_by_role("region", name="Build your first step")
    beginning.get_by_role("button", name=re.compile("Triage")).click()
    expect(beginning).to_be_hidden()
    expect(_said(page)).to_contain_text("Started from")
    assert page.evaluate("actions.nodes().length") > 3
    page.locator("[data-slot=say-undo]").click()
    expect(beginning).to_be_visible()
    beginning.get_by_role("button", name="Run a sample").click()
    expect(page.get_by_role("dialog", name="Run the draft")).to_be_visible()


def test_point_16_a_conflict_shows_both_values_and_a_way_to_decide(
    stack: LiveStack, page: Page, home: Home
) -> None:
    _open(page, stack, home.flow)
    page.evaluate(
        """actions.emit('conflicts', [{id: '1', message: 'Bo changed it too.', by: 'Bo', node: 'ask',
        theirs: 'Hello', actions: [{label: 'Keep mine', run() {}},
        {label: 'Take theirs', run() { actions.calls.push('theirs') }}]}])"""
    )
    notice = page.get_by_role("list", name="Changes that met")
    expect(notice).to_contain_text("Hello")
    expect(_said(page)).to_have_text("Bo changed it too.")
    notice.get_by_role("button", name="Take theirs").click()
    assert calls(page)[-1] == "theirs"
    expect(notice).to_be_hidden()
    expect(page.locator("[data-canvas]")).to_be_focused()


def test_at_390_everything_is_in_the_menu_and_nothing_is_wider_than_the_window(
    stack: LiveStack, page: Page, home: Home
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    _open(page, stack, home.flow)
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


def test_what_is_around_the_canvas_stays_light(stack: LiveStack, page: Page, home: Home) -> None:
    from tests.support.editor_try import try_script

    style = b"".join(file.read_bytes() for file in (ROOT / "frontend/css").glob("editor*.css"))
    weight = len(gzip.compress(try_script().encode())) + len(gzip.compress(style))
    assert 10_000 < weight < CHROME_LIMIT
