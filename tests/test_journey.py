"""A newcomer's first minutes in a real browser: sign in, an example, a run followed live, the list.

Then the operator's: the same run in the console, with its link to Temporal.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, Response, expect

from accounts.models import User
from fluxprompt.testing.live_stack import LiveStack
from tests.support.model_behaviours import Behaviour
from tests.support.visitor import Visitor, new_visitor, watch

EXAMPLE = "Write, critique, improve"
TOPIC = "why lighthouses were built on dangerous coasts"
FIRST = " ".join(f"Lighthouses warn sailors of rock number {number}." for number in range(1, 13))
CRITIQUE = "It repeats itself. It ends without a thought of its own."
BETTER = "A lighthouse stands where nobody should go, so that everybody can pass."
#: Milliseconds between the tokens of a step: the first draft takes five seconds.
PACE = 60


@pytest.fixture
def people(stack: LiveStack, page: Page, django_db_blocker: Any) -> tuple[Visitor, Visitor]:
    """A newcomer, and an operator of the whole copy."""
    # Playwright's own loop runs in this thread; these few rows block nobody in it.
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        newcomer, operator = new_visitor(), new_visitor()
        User.objects.filter(email=operator.email).update(is_staff=True, is_superuser=True)
    return newcomer, operator


@pytest.fixture
def writer(stack: LiveStack) -> Iterator[None]:
    """A model that answers the example's three prompts, word by word."""
    spoken = Behaviour(gap_ms=PACE)
    server = stack.model_server
    server.script(f"about {TOPIC}", replace(spoken, text=FIRST))
    server.script("What could be better in this paragraph?", replace(spoken, text=CRITIQUE))
    server.script("Rewrite the paragraph", replace(spoken, text=BETTER))
    yield
    server.reset()


def listen(page: Page) -> list[str]:
    """All that goes wrong in the page: scripts, policies, addresses that are not there."""
    page.add_init_script(
        "addEventListener('securitypolicyviolation', event => console.error("
        "`policy: ${event.violatedDirective} ${event.blockedURI}`))"
    )
    said = watch(page)

    def see(response: Response) -> None:
        if 400 <= response.status < 500:
            said.append(f"{response.status} from {response.url}")

    page.on("response", see)
    return said


def open_example(page: Page) -> None:
    """From the list of flows to the example's page."""
    expect(page.get_by_role("heading", name="Flows", exact=True)).to_be_visible()
    cards = page.locator("#flow-results li")
    expect(cards).not_to_have_count(0)
    assert cards.count() >= 6
    cards.filter(has_text=EXAMPLE).get_by_role("link", name=EXAMPLE).click()
    expect(page.get_by_role("heading", name=EXAMPLE)).to_be_visible()
    expect(page.get_by_text("Published v1")).to_be_visible()
    for node in ("task", "draft", "critique", "improve", "result"):
        expect(page.locator(f".node-card[data-node={node}]")).to_be_visible()
    # A model is connected, so nobody is told to connect one.
    expect(page.get_by_text("none is connected yet")).to_be_hidden()


def run_it(page: Page) -> None:
    """Fill in the form and press Run; the browser checks what is required."""
    page.get_by_role("button", name="Run", exact=True).click()
    assert "/flows/" in page.url
    page.get_by_label("Topic").fill(TOPIC)
    expect(page.get_by_label("Style")).to_have_value("friendly and clear")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/**")


def text_of(page: Page, node: str) -> str:
    return (page.locator(f"#step-{node} [data-slot=text]").text_content() or "").strip()


def lengths_while_it_streams(page: Page, node: str) -> list[int]:
    """How long the step's text is, looked at again and again."""
    expect(page.locator(f"#step-{node} [data-slot=text]")).to_contain_text("rock", timeout=20_000)
    lengths = []
    for _ in range(12):
        lengths.append(len(text_of(page, node)))
        page.wait_for_timeout(100)
    return lengths


def test_a_newcomers_first_run(
    stack: LiveStack,
    people: tuple[Visitor, Visitor],
    writer: None,
    page: Page,
    browser: Browser,
) -> None:
    newcomer, operator = people
    said = listen(page)
    newcomer.sign_in_by_form(page, stack)
    open_example(page)
    run_it(page)
    run = page.url.rstrip("/").rpartition("/")[2]

    # Tokens arrive one after the other.
    lengths = lengths_while_it_streams(page, "draft")
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 4, lengths
    assert lengths[-1] < len(FIRST), "the answer was there at once"
    expect(page.locator("[data-run]")).to_have_attribute("data-state", "running")

    # A reload in the middle shows where the run is: nothing lost, nothing twice.
    before = text_of(page, "draft")
    page.reload()
    expect(page.locator("[data-run]")).to_have_attribute("data-state", "running")
    expect(page.locator("#step-draft [data-slot=text]")).to_contain_text(before)
    assert FIRST.startswith(text_of(page, "draft"))

    # The end.
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=40_000)
    for node, text in (("draft", FIRST), ("critique", CRITIQUE), ("improve", BETTER)):
        expect(page.locator(f"#step-{node}")).to_have_attribute("data-state", "succeeded")
        assert text_of(page, node) == text
    expect(page.locator("#result")).to_contain_text(BETTER)
    expect(page.locator("[data-slot=run-tokens]")).to_have_text(re.compile(r"[1-9]\d* → [1-9]\d*"))
    assert page.get_by_role("button", name="Cancel").is_hidden()

    # Nothing of it is gone when the page is opened again, and it is in the list.
    page.reload()
    expect(page.locator("#result")).to_contain_text(BETTER)
    page.get_by_role("link", name="Runs", exact=True).first.click()
    row = page.locator("#run-results tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(EXAMPLE)
    expect(row).to_contain_text("Succeeded")
    row.get_by_role("link", name=EXAMPLE).click()
    page.wait_for_url(f"**/runs/{run}/")
    assert said == []

    the_operator_finds_it(stack, operator, browser, run)


def the_operator_finds_it(stack: LiveStack, operator: Visitor, browser: Browser, run: str) -> None:
    """In the console, with everything that happened and the way to Temporal."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    said = listen(page)
    operator.sign_in(page, stack)
    page.goto(f"{stack.base_url}/admin/")
    page.goto(f"{stack.base_url}/admin/execution/run/?q={run}")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.locator("#result_list tbody tr th a").first.click()
    link = page.get_by_role("link", name="Open in Temporal UI")
    expect(link).to_have_attribute(
        "href",
        f"{settings.TEMPORAL_UI_URL}/namespaces/{settings.TEMPORAL_NAMESPACE}/workflows/run-{run}",
    )
    expect(page.locator("main, #main, body").first).to_contain_text("node.finished")
    context.close()
    assert said == []


def test_a_stranger_sees_neither_the_run_nor_the_console(
    stack: LiveStack, people: tuple[Visitor, Visitor], page: Page
) -> None:
    newcomer, _ = people
    page.goto(f"{stack.base_url}/runs/")
    page.wait_for_url("**/accounts/login/**")
    newcomer.sign_in(page, stack)
    answer = page.goto(f"{stack.base_url}/admin/execution/run/")
    assert answer is not None
    assert "/admin/execution/run/" not in page.url or answer.status in (403, 404)
    expect(page.locator("#result_list")).to_have_count(0)


def test_what_the_policy_forbids_would_be_heard(stack: LiveStack, page: Page) -> None:
    said = listen(page)
    page.goto(f"{stack.base_url}/accounts/login/")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'x = 1'}))"
    )
    page.wait_for_timeout(100)
    assert any("script-src" in text for text in said), said
    assert page.evaluate("typeof x") == "undefined"
