"""The editor in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from execution.tests.flows_for_tests import document, output, published, start_node
from flows.models import Flow
from fluxprompt.testing.live_stack import LiveStack
from tests.support.visitor import new_visitor


@pytest.fixture
def flow(stack: LiveStack, page: Page, django_db_blocker: Any) -> Flow:
    """A flow with a fork, of the person signed in with `page`."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        visitor = new_visitor()
        fork = {"id": "fork", "type": "if", "config": {"condition": "{{ start.text != '' }}"}}
        nodes = [start_node("text"), fork, output("{{ start.text }}"), output("none", "never")]
        edges = ["start>fork", "fork.true>end", "fork.false>never"]
        made = published(visitor.actor, document(nodes, edges))
    visitor.sign_in(page, stack)
    return made


def test_the_canvas_shows_the_cards_of_the_draft(stack: LiveStack, page: Page, flow: Flow) -> None:
    page.goto(f"{stack.base_url}/flows/{flow.id}/edit/")
    expect(page.locator("[data-canvas] [data-node]")).to_have_count(4)
    expect(page.locator("#card-fork [data-handleid]")).to_have_count(3)
