"""Several people, or tabs of one, with the same flow open in browsers of their own."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from accounts.models import Membership, Role, User, Workspace
from accounts.permissions import Actor
from flows.models import Flow
from flows.queries import draft_document
from fluxprompt.testing.live_stack import LiveStack
from tests.support.visitor import PASSWORD, Visitor, new_visitor, visitor_of, watch

JSON = Any
T = TypeVar("T")
#: Milliseconds in which a change is seen by the others.
WITHIN = 1_000


@dataclass
class Tab:
    """One tab of a person in the editor; `said` is what went wrong in its scripts."""

    page: Page
    said: list[str]

    def card(self, node: str) -> Locator:
        return self.page.locator(f"#card-{node}")

    def title(self, node: str) -> Locator:
        return self.card(node).locator('[data-slot="title"]')

    def saved(self, word: str = "Saved", seconds: float = 15) -> None:
        """Wait until the bar says so."""
        shown = self.page.locator('[data-slot="saved"]')
        expect(shown).to_have_text(word, timeout=seconds * 1000)

    def rename(self, node: str, title: str) -> None:
        """F2, a title, Enter, as people do."""
        self.press(node, "F2")
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(title)
        self.page.keyboard.press("Enter")

    def press(self, node: str, *keys: str) -> None:
        """Select a card and press keys on it."""
        self.title(node).click()
        for key in keys:
            self.page.keyboard.press(key)

    def settings(self, node: str) -> Locator:
        """The first text of a node's form, opened by a double click."""
        self.title(node).dblclick()
        field = self.page.locator("[data-inspector] .cm-content").first
        expect(field).to_be_visible()
        return field

    def write(self, node: str, text: str) -> None:
        """Type over the first text of a node's form."""
        self.settings(node).click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def undo_label(self) -> str:
        return self.page.locator('[data-command="undo"]').get_attribute("aria-label") or ""


class Together:
    """A workspace with people, each with a browser context."""

    def __init__(self, stack: LiveStack, browser: Browser, blocker: Any) -> None:
        self.stack, self.browser, self.blocker = stack, browser, blocker
        self.contexts: list[BrowserContext] = []
        self.owner: Visitor = self.ask(new_visitor)
        self.actor: Actor = self.owner.actor

    def ask(self, question: Callable[[], T]) -> T:
        """The answer of the database."""
        # Playwright's own loop runs in this thread; these few rows block nobody in it.
        with pytest.MonkeyPatch.context() as patch, self.blocker.unblock():
            patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
            return question()

    def person(self, name: str = "", role: Role = Role.BUILDER) -> BrowserContext:
        """A browser signed in as the owner, or as another member of this name."""
        visitor = self.ask(lambda: _member(self.owner.workspace, name, role)) if name else None
        context = self.browser.new_context(viewport={"width": 1440, "height": 900})
        self.contexts.append(context)
        (visitor or self.owner).let_in(context, self.stack)
        return context

    def open(self, context: BrowserContext, flow: Flow, query: str = "") -> Tab:
        """A tab with the flow, whose line is up."""
        page = context.new_page()
        tab = Tab(page, watch(page))
        with page.expect_websocket():
            page.goto(f"{self.stack.base_url}/flows/{flow.id}/edit/{query}")
        page.locator("[data-canvas][data-started]").wait_for()
        return tab

    def draft(self, flow: Flow) -> Any:
        return self.ask(lambda: draft_document(Flow.objects.get(pk=flow.pk)))

    def node(self, flow: Flow, name: str) -> Any:
        return next(node for node in self.draft(flow).nodes if node.id == name)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def _member(workspace: Workspace, name: str, role: Role) -> Visitor:
    user = User.objects.create_user(f"{uuid.uuid4().hex[:10]}@example.com", PASSWORD, name=name)
    Membership.objects.create(user=user, workspace=workspace, role=role)
    return visitor_of(user, workspace)
