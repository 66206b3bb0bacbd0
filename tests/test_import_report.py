"""The report of an import in a real browser: axe finds nothing, and its button makes the flow."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from flows.importing.tests.samples_for_tests import FOLDER
from fluxprompt.testing.live_stack import LiveStack
from tests.support.axe import faults_at_both_widths
from tests.support.visitor import Visitor, new_visitor

SAMPLE = FOLDER / "n8n" / "scheduled_weather.json"


@pytest.fixture
def visitor(django_db_blocker: Any) -> Visitor:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        return new_visitor()


def _report(page: Page, stack: LiveStack, text: str) -> None:
    """Send the form of the page of imports with this text."""
    page.goto(stack.base_url)
    page.evaluate(
        """text => {
          const from = document.querySelector('input[name=csrfmiddlewaretoken]')
          const form = document.createElement('form')
          form.method = 'post'
          form.action = '/flows/import/preview/'
          const area = document.createElement('textarea')
          area.name = 'text'
          area.value = text
          form.append(from.cloneNode(), area)
          document.body.append(form)
          form.submit()
        }""",
        text,
    )
    page.wait_for_url("**/flows/import/preview/")
    page.wait_for_load_state()


def test_axe_finds_nothing_on_the_report_of_an_import(
    stack: LiveStack, visitor: Visitor, browser: Browser
) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    visitor.sign_in(page, stack)
    _report(page, stack, SAMPLE.read_text())
    page.get_by_role("heading", name="Daily weather").wait_for()
    page.locator("[data-graph] .node-card").first.wait_for()
    assert faults_at_both_widths(page) == []
    _report(page, stack, "hello")
    page.get_by_text("This cannot be imported").wait_for()
    assert faults_at_both_widths(page) == []
    context.close()


def test_the_button_of_a_report_makes_the_flow(
    stack: LiveStack, visitor: Visitor, browser: Browser
) -> None:
    context = browser.new_context()
    page = context.new_page()
    visitor.sign_in(page, stack)
    _report(page, stack, (FOLDER / "dify" / "greeting.yml").read_text())
    page.get_by_role("button", name="Create this flow").click()
    page.wait_for_url(re.compile(r"/flows/[0-9a-f-]{36}/"))
    page.get_by_role("heading", name="Greeting").wait_for()
    context.close()
