"""Fields of a node in the real editor: typing, names, problems, runs and pins beside the canvas."""

import json
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
    expect(panel.locator(f"[data-inspector-form][data-node={node}]")).to_be_visible()
    return panel


def _field(panel: Locator, *path: str) -> Locator:
    return panel.locator(f"[data-path='{json.dumps(path)}']")


def _template_box(panel: Locator) -> Locator:
    return _field(panel, "config", "template").locator(".cm-content")


@pytest.mark.parametrize("delay", [0, 60], ids=["fast", "slowly"])
def test_17_what_is_typed_into_a_template_is_kept_letter_by_letter(
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
