"""A person decides in a real browser: from the run's page, live, and by the link in a mail."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from execution.approval_links import link_address
from execution.approval_models import Approval
from execution.approvals import open_approval, settle_approval
from execution.models import Run
from execution.tests.approvals_for_tests import ask, asking, call_for
from execution.tests.flows_for_tests import document, output, published, start_node
from execution.tests.pages_for_tests import make_run, make_step
from fluxprompt.testing.live_stack import LiveStack
from tests.support.visitor import Visitor, new_visitor, watch

FIELDS = [
    {"name": "amount", "type": "number", "required": True},
    {"name": "text", "type": "text", "default": "Dear customer"},
]


@pytest.fixture
def visitor(stack: LiveStack, django_db_blocker: Any) -> Iterator[Visitor]:
    # Playwright's own loop runs in this thread; these few rows block nobody in it.
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        found = new_visitor()
        yield found
        # The reconciler would ask Temporal about a run that never was there.
        Run.objects.filter(workspace=found.workspace).delete()


def under_way(visitor: Visitor) -> Run:
    return make_run(published(visitor.actor, asking()), "running", last_seq=1)


def open_page(browser: Browser, width: int = 1280) -> tuple[Page, list[str]]:
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    return page, watch(page)


def test_a_question_appears_on_the_runs_page_and_is_decided_from_there(
    stack: LiveStack, visitor: Visitor, browser: Browser
) -> None:
    page, said = open_page(browser)
    visitor.sign_in(page, stack)
    run = under_way(visitor)
    page.goto(f"{stack.base_url}/runs/{run.id}/")
    step = page.locator("#step-ask")
    expect(step).to_have_attribute("data-state", "pending")
    ask(run, {"message": "Pay?", "fields": FIELDS})
    step.get_by_role("link", name="Look and decide").click()
    page.get_by_label("Text").fill("Dear Ada")
    page.get_by_role("button", name="Approve").click()
    # The browser itself asks for what is required.
    expect(page.get_by_label("Amount")).to_be_focused()
    page.get_by_label("Amount").fill("35")
    page.get_by_label("Comment").fill("Fine")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Ada Lovelace approved this on")).to_be_visible()
    approval = Approval.objects.get(run=run)
    assert approval.data == {"amount": 35, "text": "Dear Ada"}
    page.get_by_role("link", name="Open the run").click()
    expect(step).to_have_attribute("data-state", "waiting")
    settle_approval(call_for(run), False)
    expect(step).to_have_attribute("data-state", "succeeded")
    expect(step.get_by_role("link", name="Look")).to_have_count(0)
    assert said == []


def test_rejecting_does_not_ask_for_what_an_approval_needs(
    stack: LiveStack, visitor: Visitor, browser: Browser
) -> None:
    page, said = open_page(browser, width=390)
    run = under_way(visitor)
    ask(run, {"message": "Pay?", "fields": FIELDS, "assignees": [visitor.email]})
    approval = Approval.objects.get(run=run)
    address = link_address(approval, visitor.email)
    page.goto(stack.base_url + address[address.index("/approvals/") :])
    assert page.get_by_text(f"You decide as {visitor.email}").is_visible()
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Ada Lovelace rejected this on")).to_be_visible()
    approval.refresh_from_db()
    assert (approval.decision, approval.decided_via) == ("rejected", "link")
    assert said == []


def test_what_an_agent_asks_appears_on_its_step_and_stands_among_its_steps(
    stack: LiveStack, visitor: Visitor, browser: Browser
) -> None:
    page, said = open_page(browser)
    visitor.sign_in(page, stack)
    helper = {"id": "helper", "type": "agent", "config": {"prompt": "Hello"}}
    content = document([start_node("topic"), helper, output("x")], ["start>helper", "helper>end"])
    run = make_run(published(visitor.actor, content), "running", last_seq=1)
    make_step(run, "helper", "running", type="agent")
    page.goto(f"{stack.base_url}/runs/{run.id}/")
    step = page.locator("#step-helper")
    expect(step).to_have_attribute("data-state", "running")
    call = {**call_for(run, ["helper", 3], ".pay"), "label": "Call of 'pay'"}
    open_approval(call, {"message": "May it be called?"})  # type: ignore[arg-type]
    step.get_by_role("link", name="Look and decide").click()
    expect(page.get_by_text("May it be called?")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("approved this")).to_be_visible()
    page.goto(f"{stack.base_url}/runs/{run.id}/")
    step.get_by_text("Steps, input and output").click()
    expect(step.locator("[data-agent-step]")).to_contain_text("Approval of pay")
    assert said == []
