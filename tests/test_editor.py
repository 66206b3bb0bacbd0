"""The editor as builders use it, in a real browser: from a new flow to a published one."""

import time
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, TimeoutError, expect

from accounts.permissions import Actor
from execution.tests.flows_for_tests import document, output, published, start_node
from flows.models import Flow
from flows.queries import draft_document
from flows.services import create_flow
from fluxprompt.testing.live_stack import LiveStack
from tests.support.visitor import new_visitor, watch


class Editing:
    """A person signed in with a page, and what the database says of a flow."""

    def __init__(self, stack: LiveStack, page: Page, blocker: Any) -> None:
        self.stack, self.page, self.blocker = stack, page, blocker
        self.asked: list[str] = []
        page.on("request", lambda asked: self._note(asked, "asked"))
        page.on("requestfailed", lambda asked: self._note(asked, str(asked.failure)))
        page.on("response", lambda answer: self._note(answer.request, str(answer.status)))
        self.actor: Actor = self.ask(self._visit)

    def _visit(self) -> Actor:
        visitor = new_visitor()
        self.visitor = visitor
        return visitor.actor

    def ask(self, question: Any) -> Any:
        # Playwright's own loop runs in this thread; these few rows block nobody in it.
        with pytest.MonkeyPatch.context() as patch, self.blocker.unblock():
            patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
            return question()

    def sign_in(self) -> None:
        self.visitor.let_in(self.page.context, self.stack)

    def forked(self) -> Flow:
        fork = {"id": "fork", "type": "if", "config": {"condition": "{{ start.text != '' }}"}}
        nodes = [start_node("text"), fork, output("{{ start.text }}"), output("none", "never")]
        edges = ["start>fork", "fork.true>end", "fork.false>never"]
        flow: Flow = self.ask(lambda: published(self.actor, document(nodes, edges)))
        return flow

    def new(self) -> Flow:
        flow: Flow = self.ask(lambda: create_flow(self.actor, name="Mine"))
        return flow

    def open(self, flow: Flow, query: str = "") -> None:
        self.page.goto(f"{self.stack.base_url}/flows/{flow.id}/edit/{query}")
        self.page.locator("[data-canvas][data-started]").wait_for()

    @property
    def bar(self) -> Locator:
        """What is asked here is not looked for among the cards, of which there may be 1,000."""
        return self.page.locator(".editor-bar")

    def _note(self, asked: Request, what: str) -> None:
        """What is asked and said of drafts, for whoever reads why something was not saved."""
        if asked.url.endswith(("/changes/", "/draft/")):
            self.asked.append(f"{time.monotonic():.2f} {asked.method} {asked.url[-9:]} {what}")

    def saved(self) -> None:
        # An `expect` that has to wait describes the whole page in words for its message, and lays
        # out what is out of sight for that: in a flow of a thousand nodes for seconds each time.
        try:
            self.bar.get_by_role("button", name="Saved").wait_for(timeout=20_000)
        except TimeoutError as error:
            error.add_note(f"{time.monotonic():.2f} not saved; before: {self.asked[-20:]}")
            raise

    def draft(self, flow: Flow) -> Any:
        return self.ask(lambda: draft_document(Flow.objects.get(pk=flow.pk)))


@pytest.fixture
def editing(stack: LiveStack, page: Page, django_db_blocker: Any) -> Editing:
    made = Editing(stack, page, django_db_blocker)
    made.sign_in()
    return made


def test_the_canvas_shows_the_cards_and_wires_of_the_draft(editing: Editing, page: Page) -> None:
    said = watch(page)
    editing.open(editing.forked())
    expect(page.locator("[data-canvas] [data-node]")).to_have_count(4)
    expect(page.locator("#card-fork [data-handleid]")).to_have_count(3)
    expect(page.locator("[data-canvas-edges] > g")).to_have_count(3)
    assert said == []


def test_from_a_new_flow_to_a_published_one_by_mouse(editing: Editing, page: Page) -> None:
    said = watch(page)
    flow = editing.new()
    editing.open(flow)
    page.get_by_role("button", name="Start from nothing").click()
    # A template node is put into the only wire, and told what to write.
    wire = page.locator('[data-edge="start>result"]')
    box = wire.locator(".canvas-edge-line").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator(".canvas-edge-add").click()
    expect(page.locator("#picker input")).to_be_focused()
    page.keyboard.type("Template")
    page.keyboard.press("Enter")
    card = page.locator("#card-template")
    expect(card).to_be_visible()
    card.dblclick()
    editor = page.locator("[data-inspector] .cm-content").first
    editor.click()
    page.keyboard.type("Hello {{ start.text")
    editing.saved()
    assert [node.id for node in editing.draft(flow).nodes] == ["start", "result", "template"]
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_label("Text").fill("Ada")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-run-bar]")).to_have_attribute(
        "data-state", "succeeded", timeout=30_000
    )
    page.get_by_role("button", name="Publish").click()
    assert said == []
