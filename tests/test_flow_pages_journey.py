"""The pages around the editor in a real browser: order on the list, templates, versions, import."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect

from flows.draft import read_draft
from flows.engine.document import dump
from flows.models import Flow
from flows.services import create_flow, publish_flow, replace_draft
from flows.tests.fixtures import GREETING
from fluxprompt.testing.live_stack import LiveStack
from tests.support.visitor import Visitor, new_visitor, watch


@pytest.fixture
def home(stack: LiveStack, page: Page, django_db_blocker: Any) -> Iterator[Visitor]:
    """A person who is signed in, with the examples and a flow of two versions, Greeting."""
    # Playwright's own loop runs in this thread; these few rows block nobody in it.
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        visitor = new_visitor()
        flow = create_flow(visitor.actor, document=GREETING)
        publish_flow(visitor.actor, flow, note="First")
        document = dump(read_draft(flow))
        document["nodes"][1]["config"]["value"] = "Good day {{ start.name }}"
        publish_flow(visitor.actor, replace_draft(visitor.actor, flow, document), note="Polite")
        visitor.sign_in(page, stack)
        yield visitor


def _titles(page: Page) -> list[str]:
    return page.locator(".flow-grid h2").all_inner_texts()


def test_flows_are_put_into_a_folder_found_renamed_and_deleted(
    stack: LiveStack, page: Page, home: Visitor
) -> None:
    said = watch(page)
    side = page.locator(".folder-side")
    side.get_by_text("New folder").click()
    side.get_by_label("Name").fill("Clients")
    side.get_by_role("button", name="Make folder").click()
    expect(side.get_by_role("link", name="Clients")).to_be_visible()

    # By keyboard: a box is ticked, the bar says so and offers what can be done.
    page.get_by_label("Tick Greeting").focus()
    page.keyboard.press("Space")
    page.get_by_label("Tick Check a website").check()
    expect(page.locator("[data-ticked]")).to_have_text("2 ticked")
    page.locator("summary", has_text="Move").click()
    page.get_by_label("Into the folder").select_option("Clients")
    page.get_by_role("button", name="Move them").click()
    expect(page.locator("#toasts")).to_contain_text("2 flows moved to “Clients”.")

    page.locator(".folder-side").get_by_role("link", name="Clients").click()
    expect(page).to_have_url(re.compile(r"\?folder=[0-9a-f-]+$"))
    expect(page.locator(".flow-grid h2")).to_have_count(2)
    page.get_by_label("Search flows").fill("greet")
    expect(page.locator(".flow-grid h2")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=greet.*folder=|folder=.*q=greet"))
    expect(page.locator("[data-flow-total]")).to_have_text("1 flow found")
    page.go_back()
    expect(page.locator(".flow-grid h2")).to_have_count(2)

    page.get_by_label("More about Greeting").click()
    page.get_by_role("link", name="Rename").click()
    name = page.get_by_label("New name of Greeting")
    expect(name).to_be_focused()
    name.fill("Welcome")
    name.press("Enter")
    expect(page.get_by_role("link", name="Welcome")).to_be_visible()
    assert sorted(_titles(page)) == ["Check a website", "Welcome"]

    page.get_by_label("Tick all").check()
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete 2 flows?")).to_be_visible()
    page.get_by_role("button", name="Delete 2 flows").click()
    expect(page.locator("#toasts")).to_contain_text("2 flows deleted.")
    expect(page.get_by_text("This folder is empty")).to_be_visible()
    assert said == []


def test_a_template_is_found_used_and_run(stack: LiveStack, page: Page, home: Visitor) -> None:
    said = watch(page)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Templates").click()
    page.get_by_label("Search templates").fill("addresses list")
    expect(page.locator(".flow-grid h2")).to_have_count(1)
    page.get_by_role("link", name="Clean a list of addresses").click()
    expect(page.get_by_role("heading", name="Step by step")).to_be_visible()
    expect(page.locator(".graph[data-ready]")).to_be_visible()
    page.get_by_role("button", name="Use this template").click()
    expect(page.get_by_role("heading", name="Clean a list of addresses")).to_be_visible()
    page.get_by_role("button", name="Run the draft").click()
    page.wait_for_url("**/runs/**")
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=30_000)
    expect(page.locator("#result")).to_contain_text("alan@example.org")
    assert said == []


def test_versions_are_compared_and_an_earlier_one_is_restored(
    stack: LiveStack, page: Page, home: Visitor, django_db_blocker: Any
) -> None:
    said = watch(page)
    page.get_by_role("link", name="Greeting").click()
    page.get_by_role("link", name="All versions and changes").click()
    expect(page.get_by_text("1 step changed")).to_be_visible()
    page.get_by_role("link", name="Changes of version 2").click()
    marked = page.locator(".node-card[data-mark=changed]")
    expect(marked).to_have_count(1)
    expect(marked).to_contain_text("Changed")
    expect(page.locator(".changed-values")).to_contain_text("Good day {{ start.name }}")
    expect(page.locator(".diff-line[data-kind=changed]")).to_have_count(1)
    page.get_by_label("To", exact=True).select_option("Draft")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="What changed from v1 to draft")).to_be_visible()
    page.get_by_role("link", name="Versions", exact=True).click()
    page.get_by_role("link", name="Restore… version 1").click()
    page.get_by_role("button", name="Replace the draft").click()
    expect(page.locator("#toasts")).to_contain_text("The draft is version 1 again.")
    assert said == []


def test_files_are_dropped_and_imported(stack: LiveStack, page: Page, home: Visitor) -> None:
    said = watch(page)
    page.get_by_role("link", name="Import").click()
    files: list[Any] = [
        {
            "name": f"{name}.yaml",
            "mimeType": "application/yaml",
            "buffer": yaml.safe_dump({**GREETING, "name": name}).encode(),
        }
        for name in ("One", "Two")
    ]
    page.get_by_label("Drop files here").set_input_files(files)
    expect(page.locator("[data-chosen]")).to_have_text("One.yaml, Two.yaml")
    page.get_by_label("Or paste the text of a flow").fill("[no flow")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", name="2 of 3 imported")).to_be_visible()
    page.get_by_role("link", name="Two").click()
    expect(page.get_by_role("heading", name="Two")).to_be_visible()
    assert said == []


def test_everything_works_without_scripts(
    stack: LiveStack, home: Visitor, browser: Any, django_db_blocker: Any
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    home.sign_in(page, stack)
    page.get_by_label("State").select_option("Never run")
    page.get_by_label("Search flows").fill("greet")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**greet**")
    assert _titles(page) == ["Greeting"]
    page.get_by_label("Tick Greeting").check()
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#toasts")).to_contain_text("1 had nothing new")
    page.get_by_label("More about Greeting").click()
    page.get_by_role("link", name="Rename").click()
    page.get_by_label("New name of Greeting").fill("Hello")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Hello")).to_be_visible()
    context.close()
    with django_db_blocker.unblock():
        assert Flow.objects.filter(workspace=home.workspace, name="Hello").exists()
