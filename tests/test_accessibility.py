"""Every page in a real browser, in both themes, wide and narrow: axe finds nothing wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from playwright.sync_api import Browser

from execution.models import Run
from fluxprompt.testing.live_stack import LiveStack
from tests.support.axe import faults_at_both_widths
from tests.support.looked_at import BEFORE_SIGN_IN, NOT_LOOKED_AT
from tests.support.page_world import paths_of
from tests.support.pages import pages_of_the_site
from tests.support.visitor import Visitor, new_visitor, watch


@dataclass(frozen=True)
class Home:
    """A person with a workspace that holds the examples and runs in several states."""

    visitor: Visitor
    paths: dict[str, str]


@pytest.fixture
def home(stack: LiveStack, django_db_blocker: Any) -> Iterator[Home]:
    # Playwright's own loop runs in this thread; these few rows block nobody in it.
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        visitor = new_visitor()
        yield Home(visitor, paths_of(visitor))
        # The reconciler would ask Temporal about a run that never was there.
        Run.objects.filter(workspace=visitor.workspace).delete()


@pytest.mark.parametrize("half", [0, 1])
def test_axe_finds_nothing_on_any_page(
    stack: LiveStack, home: Home, browser: Browser, half: int
) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    said = watch(page)
    found: dict[str, list[str]] = {}
    for path in BEFORE_SIGN_IN[half::2]:
        page.goto(stack.base_url + path)
        found[path] = faults_at_both_widths(page)
    home.visitor.sign_in(page, stack)
    for name, path in list(home.paths.items())[half::2]:
        page.goto(stack.base_url + path)
        for summary in page.locator("[data-inside] > details[data-values] > summary").all():
            summary.click()
            page.locator("[data-iterations]").first.wait_for()
        found[name] = faults_at_both_widths(page)
    context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert said == []


def test_axe_finds_nothing_on_ticked_flows_and_in_a_dialog(
    stack: LiveStack, home: Home, browser: Browser
) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    said = watch(page)
    home.visitor.sign_in(page, stack)
    page.get_by_label("Tick Triage a support ticket").check()
    page.locator("summary", has_text="Move").click()
    found = {"ticked flows": faults_at_both_widths(page)}
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New flow").click()
    found["dialog"] = faults_at_both_widths(page)
    context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert said == []


def test_every_page_of_the_site_is_looked_at_or_listed_with_a_reason(home: Home) -> None:
    seen = {resolve(urlsplit(path).path).url_name for path in looked_at(home)}
    pages = pages_of_the_site()
    assert sorted(pages - seen - NOT_LOOKED_AT.keys()) == []
    assert sorted(NOT_LOOKED_AT.keys() - (pages - seen)) == []


def looked_at(home: Home) -> list[str]:
    """The addresses of all pages that axe reads."""
    paths = [*BEFORE_SIGN_IN, *home.paths.values()]
    return [path for path in paths if path != "/nothing/"]


def test_the_menu_of_a_narrow_screen_opens_and_closes_from_the_keyboard(
    stack: LiveStack, home: Home, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    home.visitor.sign_in(page, stack)
    page.get_by_role("button", name="Open the menu").focus()
    page.keyboard.press("Enter")
    link = page.locator("#drawer").get_by_role("link", name="Runs")
    assert link.is_visible()
    page.keyboard.press("Escape")
    assert link.is_hidden()
    context.close()


def test_the_chosen_theme_is_kept_and_set_before_the_first_paint(
    stack: LiveStack, home: Home, browser: Browser
) -> None:
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    home.visitor.sign_in(page, stack)
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload(wait_until="commit")
    page.wait_for_selector("html.dark", timeout=5_000)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(13, 16, 24)"
    context.close()


def test_pages_work_without_scripts(stack: LiveStack, home: Home, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    home.visitor.sign_in(page, stack)
    page.goto(stack.base_url + home.paths["run under way"])
    assert page.get_by_role("link", name="Refresh to see where the run is now").is_visible()
    assert page.locator(".node-card").first.is_visible()
    page.goto(stack.base_url + home.paths["run that failed"])
    assert page.get_by_text("The provider is busy.").first.is_visible()
    context.close()
