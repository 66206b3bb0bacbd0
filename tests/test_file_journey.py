"""A person gives a flow a file, on its page and in the editor, and downloads what it made."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from execution.tests.flows_for_tests import document, output, published
from flows.models import Flow
from tests.support.visitor import watch
from tests.test_editor import Editing
from tests.test_editor import editing as editing


def _flow(editing: Editing) -> Flow:
    fields = [
        {"name": "doc", "type": "file", "required": True},
        {"name": "count", "type": "number", "required": True},
    ]
    nodes: list[Any] = [
        {"id": "start", "type": "input", "config": {"fields": fields}},
        {"id": "read", "type": "file_read", "config": {"file": "{{ start.doc }}"}},
        {
            "id": "write",
            "type": "file_write",
            "config": {"name": "Copy", "format": "md", "content": "# {{ read.text }}"},
        },
        output("{{ write.file }}"),
    ]
    edges = ["start>read", "read>write", "write>end"]
    flow: Flow = editing.ask(lambda: published(editing.actor, document(nodes, edges)))
    return flow


def test_a_file_goes_in_by_a_form_and_comes_out_by_a_link(
    editing: Editing, page: Page, tmp_path: Path
) -> None:
    flow = _flow(editing)
    editing.sign_in()
    said = watch(page)
    chosen = tmp_path / "tea & more.txt"
    chosen.write_text("Tea")
    page.goto(f"{editing.stack.base_url}/flows/{flow.id}/")
    page.get_by_label("Doc").set_input_files(chosen)
    # The browser lets a number by that the server does not take: the file has to stay.
    page.get_by_label("Count").evaluate("field => { field.type = 'text'; field.value = 'many'; }")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Write a number")).to_be_visible()
    expect(page.get_by_role("link", name="A file is given already")).to_be_visible()
    page.get_by_label("Count").fill("1")
    page.get_by_role("button", name="Run", exact=True).click()
    link = page.locator("#result").get_by_role("link", name="Copy.md")
    expect(link).to_be_visible(timeout=30_000)
    with page.expect_download() as coming:
        link.click()
    assert coming.value.suggested_filename == "Copy.md"
    assert Path(coming.value.path()).read_text() == "# Tea"
    assert said == []


def test_the_editor_takes_a_file_and_has_it_again_the_next_time(
    editing: Editing, page: Page, tmp_path: Path
) -> None:
    flow = _flow(editing)
    editing.sign_in()
    said = watch(page)
    chosen = tmp_path / "tea.txt"
    chosen.write_text("Tea")
    page.goto(f"{editing.stack.base_url}/flows/{flow.id}/edit/")
    page.locator("[data-canvas]").focus()
    page.keyboard.press("Control+Enter")
    page.get_by_label("Doc").set_input_files(chosen)
    page.get_by_label("Count").fill("1")
    for _ in range(2):
        page.locator("#run-dialog").get_by_role("button", name="Run").click()
        expect(page.locator("#run-dialog")).to_be_hidden()
        bar = page.locator("[data-run-bar]")
        expect(bar).to_have_attribute("data-state", "succeeded", timeout=30_000)
        page.locator("[data-canvas]").focus()
        page.keyboard.press("Control+Enter")
        expect(page.locator("#run-dialog")).to_be_visible()
        names = "field => [...field.files].map(file => file.name).join()"
        assert page.get_by_label("Doc").evaluate(names) == "tea.txt"
    assert said == []
