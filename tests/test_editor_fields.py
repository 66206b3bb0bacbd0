"""Fields of a node in the real editor: typing, names, problems, runs and pins beside the canvas."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from execution.tests.flows_for_tests import document, output, published, start_node
from flows.models import Flow
from tests.test_editor import Editing, editing

__all__ = ["editing"]


def _template(node: str, text: str) -> Any:
    return {"id": node, "type": "template", "config": {"template": text}}


def _flow(editing: Editing, *nodes: Any, edges: list[str]) -> Flow:
    made: Flow = editing.ask(lambda: published(editing.actor, document(list(nodes), edges)))
    return made


def _chain(editing: Editing, text: str = "Tea") -> Flow:
    """start > words > end."""
    nodes = [start_node("text"), _template("words", text), output("{{ words.text }}")]
    return _flow(editing, *nodes, edges=["start>words", "words>end"])


def _open(page: Page, node: str) -> Locator:
    page.locator(f"#card-{node} .node-card-head").dblclick()
    panel = page.locator("[data-inspector]")
    expect(panel.locator(f"[data-inspector-form][data-node={node}]")).to_be_attached()
    return panel


def _field(panel: Locator, *path: str) -> Locator:
    return panel.locator(f"[data-path='{json.dumps(path)}']")


def _template_box(panel: Locator) -> Locator:
    return _field(panel, "config", "template").locator(".cm-content")


@pytest.mark.parametrize("delay", [0, 60], ids=["fast", "slowly"])
def test_point_17_what_is_typed_into_a_template_is_kept_letter_by_letter(
    editing: Editing, page: Page, delay: int
) -> None:
    flow = _chain(editing, "T")
    editing.open(flow)
    panel = _open(page, "words")
    box = _template_box(panel)
    box.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("Hello {{ start.text", delay=delay)
    expect(box).to_have_text("Hello {{ start.text }}")
    editing.saved()
    [words] = [node for node in editing.draft(flow).nodes if node.id == "words"]
    assert words.config["template"] == "Hello {{ start.text }}"


def test_point_17_braces_that_stand_there_already_are_typed_over(
    editing: Editing, page: Page
) -> None:
    flow = _chain(editing, "T")
    editing.open(flow)
    box = _template_box(_open(page, "words"))
    box.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("{{ start.text }} and {{start.text}}, {{ {'a': 1}.a }}")
    expect(box).to_have_text("{{ start.text }} and {{ start.text }}, {{ {'a': 1}.a }}")


def test_point_18_a_node_that_was_just_put_into_a_wire_knows_its_names(
    editing: Editing, page: Page
) -> None:
    flow = editing.new()
    editing.open(flow)
    page.get_by_role("button", name="Start from nothing").click()
    line = page.locator('[data-edge="start>result"] .canvas-edge-line').bounding_box()
    assert line is not None
    page.mouse.move(line["x"] + line["width"] / 2, line["y"] + line["height"] / 2)
    page.locator(".canvas-edge-add").click(timeout=5_000)
    expect(page.locator("#picker input")).to_be_focused()
    page.keyboard.type("Template")
    page.keyboard.press("Enter")
    panel = _open(page, "template")
    field = _field(panel, "config", "template")
    field.locator(".cm-content").click()
    page.keyboard.type("{{ start.text")
    editing.saved()
    expect(field.locator(".x-path")).to_have_text("start.text")
    expect(field.locator(".x-unknown")).to_have_count(0)
    expect(field.locator(".code-said")).to_contain_text("no value")


def test_point_18_previews_and_data_follow_the_newest_run(editing: Editing, page: Page) -> None:
    flow = _chain(editing, "Hello {{ start.text }}")
    editing.open(flow)
    panel = _open(page, "words")
    last = panel.locator("[data-node-last]")
    expect(last).to_have_text("This flow has not run yet.")
    said = _field(panel, "config", "template").locator(".code-said")
    expect(said).to_contain_text("no value")
    for name in ("Ada", "Grace"):
        page.get_by_role("button", name="Run", exact=True).click()
        page.get_by_label("Text").fill(name)
        page.keyboard.press("Control+Enter")
        expect(said).to_have_text(f"text Hello {name}", timeout=30_000)
        expect(last).to_have_attribute("data-state", "succeeded")
    panel.get_by_role("tab", name="Output").click()
    expect(panel.locator("[data-pane=output]")).to_contain_text("Hello Grace")


def test_point_18_pinned_values_stand_before_those_of_runs(editing: Editing, page: Page) -> None:
    flow = _chain(editing, "Hello {{ start.text }}")
    editing.ask(lambda: flow.nodes.filter(key="start").update(pinned={"text": "Fixed"}))
    editing.open(flow)
    panel = _open(page, "words")
    said = _field(panel, "config", "template").locator(".code-said")
    expect(said).to_have_text("text, pinned Hello Fixed")
    panel.get_by_role("tab", name="Input").click()
    expect(panel.locator("[data-pane=input] li[data-key=start] .data-type")).to_contain_text(
        "pinned"
    )
    page.keyboard.press("Escape")
    panel = _open(page, "start")
    panel.get_by_role("tab", name="Output").click()
    expect(panel.locator("[data-pane=output]")).to_contain_text("Pinned")
    expect(panel.locator("[data-pane=output]")).to_contain_text("Fixed")
    # Unpinned, it gives nothing: the pane follows when that is saved.
    page.locator("#card-start .node-card-head").click()
    page.keyboard.press("p")
    expect(panel.locator("[data-pane=output]")).to_contain_text("Run the flow once")


def _id_box(page: Page, panel: Locator) -> Locator:
    settings = panel.locator("details", has=page.locator("[data-path='[\"id\"]']"))
    if settings.count() and settings.get_attribute("open") is None:
        settings.locator("summary").first.click()
    return _field(panel, "id").get_by_role("textbox")


def _renamed(page: Page, panel: Locator, to: str) -> None:
    box = _id_box(page, panel)
    box.fill(to)
    box.press("Enter")


def test_point_14_another_id_rewrites_what_reads_it_and_undo_brings_it_back(
    editing: Editing, page: Page
) -> None:
    flow = _chain(editing)
    editing.open(flow)
    panel = _open(page, "words")
    _renamed(page, panel, "poem")
    form = panel.locator("[data-inspector-form]")
    expect(form).to_have_attribute("data-node", "poem")
    expect(page.locator("#card-poem")).to_be_visible()
    editing.saved()
    end = next(node for node in editing.draft(flow).nodes if node.id == "end")
    assert "{{ poem.text }}" in json.dumps(end.config)
    panel = _open(page, "end")
    expect(panel.locator(".cm-content").first).to_contain_text("{{ poem.text }}")
    # With the reader's form open, undo writes the old name into it.
    page.locator("#card-end .node-card-head").click()
    page.keyboard.press("Control+z")
    expect(panel.locator(".cm-content").first).to_contain_text("{{ words.text }}")
    expect(page.locator("#card-words")).to_be_visible()
    editing.saved()
    assert [node.id for node in editing.draft(flow).nodes] == ["start", "words", "end"]


def test_point_14_an_id_that_was_typed_names_its_own_node_whatever_is_opened_next(
    editing: Editing, page: Page
) -> None:
    flow = _chain(editing)
    editing.open(flow)
    _id_box(page, _open(page, "words")).fill("poem")
    page.locator("#card-end .node-card-head").click()
    expect(page.locator("#card-poem")).to_be_visible()
    editing.saved()
    assert [node.id for node in editing.draft(flow).nodes] == ["start", "poem", "end"]


def test_point_14_an_id_that_is_taken_is_given_back_and_said(editing: Editing, page: Page) -> None:
    flow = _chain(editing)
    editing.open(flow)
    panel = _open(page, "words")
    _renamed(page, panel, "end")
    expect(page.locator("[data-say]")).to_contain_text("end")
    expect(_field(panel, "id").get_by_role("textbox")).to_have_value("words")


def test_point_14_a_broken_reference_is_on_card_field_and_list_and_the_list_leads_to_it(
    editing: Editing, page: Page
) -> None:
    flow = _chain(editing)
    editing.open(flow)
    page.locator("#card-words .node-card-head").click()
    page.keyboard.press("Delete")
    editing.saved()
    expect(page.locator("#card-end[data-broken]")).to_be_visible()
    count = page.locator("[data-problem-count]")
    expect(count).to_have_attribute("data-worst", "error")
    count.click()
    drawer = page.locator(".problem-drawer")
    drawer.get_by_role("button", name=re.compile("words")).first.click()
    panel = page.locator("[data-inspector]")
    field = panel.locator("[data-field]", has=page.locator(".cm-content:focus"))
    expect(field.first).to_be_visible()
    expect(panel.locator(".x-unknown")).to_have_text("words.text")
    expect(panel.locator("[data-problems]:visible")).to_contain_text("words")


def test_point_17_the_panel_stands_beside_canvas_and_run_bar_and_a_card_behind_it_comes_out(
    editing: Editing, page: Page
) -> None:
    flow = _chain(editing)
    page.set_viewport_size({"width": 1280, "height": 800})
    editing.open(flow)
    for node in ("end", "start"):
        panel = _open(page, node)
        beside = panel.bounding_box()
        canvas = page.locator("[data-canvas]").bounding_box()
        assert beside is not None
        assert canvas is not None
        assert canvas["x"] + canvas["width"] <= beside["x"] + 1
        assert beside["x"] + beside["width"] == 1280

        until_between(page, f"#card-{node}", canvas["x"], beside["x"])
        page.keyboard.press("Escape")
        page.keyboard.press("1")
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator("#card-start").press("Enter")
    panel = page.locator("[data-inspector]")
    expect(panel).to_be_visible()
    assert panel.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 800}


def test_tools_of_an_agent_are_built_by_hand_or_written_as_json(
    editing: Editing, page: Page
) -> None:
    agent = {"id": "agent", "type": "agent", "config": {"prompt": "p"}}
    flow = _flow(editing, start_node("text"), agent, edges=["start>agent"])
    editing.open(flow)
    panel = _open(page, "agent")
    tools = _field(panel, "config", "tools")
    for name in ("HTTP request", "MCP server"):
        tools.get_by_role("button", name=f"{name}: add to Tools").click()
    call = tools.locator("[data-variant=http]")
    call.locator("[data-key=name] .cm-content").first.click()
    page.keyboard.type("weather")
    call.locator("[data-key=url] .cm-content").click()
    page.keyboard.type("https://example.com/{city}")
    call.get_by_role("button", name="Add to Parameters").click()
    call.locator("[data-key=parameters] [data-key=name] .cm-content").click()
    page.keyboard.type("city")
    server = tools.locator("[data-variant=mcp]")
    server.get_by_role("checkbox", name="Approval").check()
    server.get_by_role("button", name="Move up").click()
    panel.get_by_role("checkbox", name="Memory").check()
    assert _config(editing, flow) == {
        "prompt": "p",
        "memory": {"turns": 10},
        "tools": [
            {"type": "mcp", "approval": True},
            {
                "type": "http",
                "name": "weather",
                "url": "https://example.com/{city}",
                "parameters": [{"name": "city"}],
            },
        ],
    }
    said = server.locator("[data-key=credential] [data-problems]")
    expect(said).to_contain_text("name the server by 'url' or by 'credential'")
    switch = tools.locator("> .node-field-head [data-switch]")
    switch.click()
    written = tools.locator("> [data-expression] .cm-content")
    expect(written).to_contain_text('"weather"')
    written.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text('[{"type": "flow", "flow": "refund"}]')
    expect(tools.locator("> [data-problems]")).to_be_hidden()
    switch.click()
    expect(tools.locator("> [data-rows] > ol > li")).to_have_attribute("data-variant", "flow")
    panel.get_by_role("checkbox", name="Memory").uncheck()
    refund = [{"type": "flow", "flow": "refund"}]
    assert _config(editing, flow) == {"prompt": "p", "tools": refund}


def _config(editing: Editing, flow: Flow) -> Any:
    editing.saved()
    return next(node.config for node in editing.draft(flow).nodes if node.id == "agent")


def until_between(page: Page, card: str, left: float, right: float) -> None:
    """Wait until the view has moved so that a card stands there."""
    page.wait_for_function(
        """([card, left, right]) => {
          const box = document.querySelector(card).getBoundingClientRect();
          return left <= box.left && box.right <= right;
        }""",
        arg=[card, left, right],
        timeout=5_000,
    )
