"""Pages in a real browser when the server is away, broken, or takes them for strangers."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from execution.tests.flows_for_tests import document, llm, output, published, start_node
from flows.models import Flow
from fluxprompt.testing.live_stack import LiveStack
from tests.support.visitor import Visitor, new_visitor

BROKEN = "<!doctype html><html><body><h1>Something broke on our side</h1></body></html>"
ANSWER = "tokens-12x50ms"
WHOLE = " ".join(f"t{number}" for number in range(12))


@pytest.fixture
def visitor(stack: LiveStack, page: Page, django_db_blocker: Any) -> Iterator[Visitor]:
    """Somebody signed in with `page`; the stack is whole again afterwards."""
    # Playwright's own loop runs in this thread; these few rows block nobody in it.
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        made = new_visitor()
        made.sign_in(page, stack)
        yield made
    stack.heal()


@pytest.fixture
def flow(visitor: Visitor) -> Flow:
    """A flow of one step that streams for most of a second."""
    nodes = [start_node("topic"), llm("draft", "{{ start.topic }}", ANSWER)]
    nodes.append(output("{{ draft.text }}"))
    return published(visitor.actor, document(nodes, ["start>draft", "draft>end"]))


def _fill(page: Page, stack: LiveStack, flow: Flow) -> None:
    page.goto(f"{stack.base_url}/flows/{flow.id}/")
    page.get_by_label("Topic").fill("A long text about tea")


def _run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()


def _first(times: int, otherwise: Callable[[Route], None]) -> Callable[[Route], None]:
    """A route that goes wrong the first `times` times."""
    left = [times]

    def handle(route: Route) -> None:
        left[0] -= 1
        if left[0] >= 0:
            otherwise(route)
        else:
            route.continue_()

    return handle


def _lost(route: Route) -> None:
    route.abort("connectionrefused")


def _broken(route: Route) -> None:
    route.fulfill(status=500, content_type="text/html", body=BROKEN)


@pytest.mark.parametrize("trouble", [_lost, _broken])
def test_the_end_of_a_run_is_asked_for_until_it_can_be_had(
    stack: LiveStack, page: Page, flow: Flow, trouble: Callable[[Route], None]
) -> None:
    page.route("**/result/", _first(2, trouble))
    page.route("**/steps/draft/", _first(3, trouble))
    _fill(page, stack, flow)
    _run(page)
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=30_000)
    expect(page.locator("#result")).to_contain_text(WHOLE, timeout=10_000)
    expect(page.locator("#step-draft[data-state=succeeded]")).to_be_visible()
    expect(page.locator("#step-draft [data-slot=text]")).to_have_text(WHOLE)
    # The third try is said, and what came of it removes the words.
    expect(page.locator("[data-part-note]")).to_have_count(0, timeout=10_000)
    assert page.get_by_text("Something broke").count() == 0


def test_a_part_that_will_never_come_says_so_and_leaves_what_is_there(
    stack: LiveStack, page: Page, flow: Flow
) -> None:
    page.route("**/steps/draft/", lambda route: route.fulfill(status=404, body=BROKEN))
    _fill(page, stack, flow)
    _run(page)
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=30_000)
    step = page.locator("#step-draft")
    expect(step).to_contain_text("This part could not be loaded. Reload the page")
    expect(step.get_by_role("heading", name="Language model")).to_be_visible()
    expect(step.locator("[data-slot=duration]")).not_to_be_empty()
    assert page.get_by_text("Something broke").count() == 0


@pytest.mark.parametrize(
    ("trouble", "said"),
    [(_lost, "The server did not answer"), (_broken, "The server cannot answer now (500)")],
)
def test_a_run_that_cannot_be_started_keeps_what_was_typed(
    stack: LiveStack, page: Page, flow: Flow, trouble: Callable[[Route], None], said: str
) -> None:
    page.route("**/run/", _first(1, trouble))
    _fill(page, stack, flow)
    _run(page)
    expect(page.get_by_role("alert")).to_contain_text(said)
    expect(page.get_by_label("Topic")).to_have_value("A long text about tea")
    assert page.get_by_text("Something broke").count() == 0
    _run(page)
    page.wait_for_url("**/runs/**")


def test_who_was_signed_out_signs_in_beside_the_form_and_goes_on(
    stack: LiveStack, page: Page, flow: Flow, visitor: Visitor
) -> None:
    _fill(page, stack, flow)
    page.context.clear_cookies(name=re.compile("^flux_session"))
    _run(page)
    expect(page.get_by_role("alert")).to_contain_text("You are signed out")
    expect(page.get_by_label("Topic")).to_have_value("A long text about tea")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in in a new tab").click()
    visitor.sign_in(opened.value, stack)
    opened.value.close()
    _run(page)
    page.wait_for_url("**/runs/**")
    expect(page.locator("#result")).to_contain_text(WHOLE, timeout=30_000)


def test_a_form_with_errors_still_comes_back_with_them(
    stack: LiveStack, page: Page, flow: Flow
) -> None:
    _fill(page, stack, flow)
    page.get_by_label("Topic").evaluate("field => { field.required = false; field.value = '' }")
    with page.expect_response("**/run/") as answered:
        _run(page)
    assert answered.value.status == 422
    expect(page.locator("form [aria-invalid=true]")).to_be_focused()
    expect(page.get_by_role("alert").filter(has_text="The server")).to_have_count(0)
