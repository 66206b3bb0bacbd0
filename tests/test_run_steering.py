"""Steering a run from its page in a real browser; containers and sub-flows that are seen live."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from execution.tests.flows_for_tests import document, llm, output, published, start_node
from flows.models import Flow
from fluxprompt.testing.live_stack import LiveStack
from tests.support.visitor import Visitor, new_visitor, watch

type Publish = Callable[..., Flow]
JSON = Any


@pytest.fixture
def publish(stack: LiveStack, page: Page, django_db_blocker: Any) -> Iterator[Publish]:
    """Publishes a flow behind an input `text`, in the workspace of who is signed in with `page`."""

    def make(nodes: list[dict[str, JSON]], edges: list[str], **more: JSON) -> Flow:
        # Playwright's own loop runs in this thread; these few rows block nobody in it.
        with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
            patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
            whole = document([start_node("text"), *nodes], edges, **more)
            return published(visitor.actor, whole)

    visitor = _visitor(django_db_blocker)
    visitor.let_in(page.context, stack)
    heard = watch(page)
    yield make
    assert heard == []


def _visitor(django_db_blocker: Any) -> Visitor:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        return new_visitor()


#: Notes every text that an element comes to have, in `window.seen`.
_NOTE = """of => {
  window.seen = [];
  const note = () => {
    const text = document.querySelector(of)?.textContent.trim();
    if (text && window.seen.at(-1) !== text) window.seen.push(text);
  };
  new MutationObserver(note).observe(
    document.body, {subtree: true, childList: true, characterData: true, attributes: true});
}"""


def start(page: Page, stack: LiveStack, flow: Flow, text: str = "a") -> None:
    page.goto(f"{stack.base_url}/flows/{flow.id}/")
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/**")


def ended(page: Page, status: str = "succeeded") -> None:
    page.locator(f"[data-run][data-state={status}]").wait_for(timeout=40_000)


def step(page: Page, node: str) -> Any:
    return page.locator(f"#step-{node}")


def chain(publish: Publish, first: str = "echo+slow-1500ms") -> Flow:
    nodes = [
        llm("one", "{{ start.text }}1", first),
        llm("two", "{{ one.text }}2", "echo+slow-300ms"),
        output("{{ two.text }}"),
    ]
    return publish(nodes, ["start>one", "one>two", "two>end"])


def test_a_run_is_paused_and_resumed(stack: LiveStack, page: Page, publish: Publish) -> None:
    start(page, stack, chain(publish))
    expect(step(page, "one")).to_have_attribute("data-state", "running", timeout=20_000)
    page.get_by_role("button", name="Pause").click()
    page.locator("[data-run][data-state=paused]").wait_for()
    expect(page).to_have_title("⏸ Paused · Test · FluxPrompt")
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    expect(step(page, "one")).to_have_attribute("data-state", "succeeded", timeout=20_000)
    page.wait_for_timeout(1_000)
    expect(step(page, "two")).to_have_attribute("data-state", "pending")
    page.get_by_role("button", name="Resume").click()
    ended(page)
    expect(page.locator("#result")).to_contain_text("a12")
    expect(page.get_by_role("button", name="Resume")).to_be_hidden()


def test_a_pause_elsewhere_is_seen_at_once(stack: LiveStack, page: Page, publish: Publish) -> None:
    # Longer than a second page takes to open where others keep the machine busy.
    start(page, stack, chain(publish, "echo+slow-9000ms"))
    expect(step(page, "one")).to_have_attribute("data-state", "running", timeout=20_000)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.locator("[data-slot=run-state]")).to_have_text("Paused")
    other.get_by_role("button", name="Resume").click()
    ended(page)


def test_a_run_is_run_again_from_a_step_with_other_inputs(
    stack: LiveStack, page: Page, publish: Publish
) -> None:
    nodes = [
        llm("one", "{{ start.text }}1", "echo"),
        llm("two", "{{ one.text }}2{{ start.text }}", "echo"),
        output("{{ two.text }}"),
    ]
    start(page, stack, publish(nodes, ["start>one", "one>two", "two>end"]))
    ended(page)
    first = page.url
    step(page, "two").get_by_role("link", name="Run again from here").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run again from “two”")
    page.get_by_text("Change the inputs").click()
    page.get_by_label("Text").fill("b")
    page.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: "/again/" not in url)
    assert page.url != first
    ended(page)
    expect(page.locator("#result")).to_contain_text("a12b")
    expect(step(page, "one")).to_contain_text("Reused")
    expect(step(page, "two")).not_to_contain_text("Reused")
    page.get_by_role("link", name=re.compile("^run [0-9a-f]{6}$")).click()
    page.wait_for_url(first)


def rows(**config: JSON) -> dict[str, JSON]:
    items = "{{ start.text | split(',') }}"
    return {
        "id": "rows",
        "type": "map",
        "label": "Each row",
        "config": {"items": items, "concurrency": 2, "on_item_error": "collect", **config},
    }


def test_the_items_of_a_map_are_counted_while_they_run_and_the_failed_run_again(
    stack: LiveStack, page: Page, publish: Publish
) -> None:
    half = {"id": "half", "type": "transform", "config": {"fields": {"n": "{{ 1 / (index - 1) }}"}}}
    nodes = [
        rows(),
        {**llm("ask", "say {{ item }}", "echo+slow-900ms"), "parent": "rows"},
        {**half, "parent": "rows"},
        output("{{ rows.count }}"),
    ]
    flow = publish(nodes, ["start>rows", "rows>end", "ask>half"])
    start(page, stack, flow, ",".join("abcdefghij"))
    page.evaluate(_NOTE, "#step-ask [data-slot=summary]")
    ended(page)
    # Noted by the page itself: who asks it again and again may come late.
    assert len([text for text in page.evaluate("window.seen") if "of 10 done, " in text]) > 2
    summary = step(page, "ask").locator("[data-slot=summary]")
    expect(summary).to_have_text("10 of 10 done")
    expect(step(page, "half").locator("[data-slot=summary]")).to_have_text(
        "10 of 10 done, 1 failed"
    )
    expect(step(page, "half")).to_have_attribute("data-state", "failed")
    step(page, "half").locator("summary").first.click()
    page.get_by_label("Failed only").check()
    page.get_by_role("button", name="Show", exact=True).click()
    found = page.locator(".iterations-list > li")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("Item 1")
    found.locator("summary").click()
    expect(found.locator("[data-values-body]")).to_contain_text("divi")
    page.get_by_role("button", name="Run the failed items again").click()
    page.wait_for_url(lambda url: not url.endswith("/again/"))
    expect(page.locator("nav[aria-label=Breadcrumb]")).to_contain_text("Repeats")
    ended(page)
    expect(summary).to_have_text("10 of 10 done, 10 reused")


def test_a_map_is_counted_right_by_who_comes_late(
    stack: LiveStack, page: Page, publish: Publish
) -> None:
    nodes = [
        rows(),
        {**llm("ask", "say {{ item }}", "echo+slow-1500ms"), "parent": "rows"},
        output("{{ rows.count }}"),
    ]
    start(page, stack, publish(nodes, ["start>rows", "rows>end"]), ",".join("abcdefgh"))
    summary = step(page, "ask").locator("[data-slot=summary]")
    expect(summary).to_contain_text(re.compile("[246] of 8 done"), timeout=20_000)
    page.reload()
    expect(summary).to_contain_text("of 8 done, 2 running")
    ended(page)
    expect(summary).to_have_text("8 of 8 done")
    expect(page.locator("[data-slot=progress]")).to_have_text("4 of 4")


def test_a_sub_flow_is_linked_while_it_runs_and_back(
    stack: LiveStack, page: Page, publish: Publish
) -> None:
    nodes = [llm("one", "{{ start.text }}!", "echo+slow-4000ms"), output("{{ one.text }}")]
    inner = publish(nodes, ["start>one", "one>end"], name="Inner")
    sub = {
        "id": "sub",
        "type": "subflow",
        "label": "Ask the other",
        "config": {"flow": inner.slug, "inputs": {"text": "{{ start.text }}"}},
    }
    outer = publish([sub, output("{{ sub.end }}")], ["start>sub", "sub>end"], name="Outer")
    start(page, stack, outer)
    link = step(page, "sub").get_by_role("link", name="Run of the sub-flow")
    link.click(timeout=20_000)
    expect(page.locator("nav[aria-label=Breadcrumb]")).to_contain_text("Inner")
    ended(page)
    page.get_by_role("link", name="Ask the other in a run of Outer").click()
    ended(page)
    expect(page.locator("#result")).to_contain_text("a!")
    expect(link).to_be_visible()


def test_texts_in_a_map_stream_for_one_item_and_for_those_that_are_open(
    stack: LiveStack, page: Page, publish: Publish
) -> None:
    said = watch(page)
    told: list[str | bytes] = []
    page.on("websocket", lambda line: line.on("framesent", lambda sent: told.append(sent)))
    nodes = [
        rows(),
        {**llm("ask", "say {{ item }}", "tokens-200x60ms"), "parent": "rows"},
        output("{{ rows.count }}"),
    ]
    start(page, stack, publish(nodes, ["start>rows", "rows>end"]), ",".join("ab"))
    latest = step(page, "ask").locator("[data-slot=latest]")
    expect(latest.locator("[data-slot=latest-text]")).to_contain_text("t5", timeout=20_000)
    expect(latest.locator("[data-slot=latest-name]")).to_have_text(re.compile("^Item [01]$"))
    step(page, "ask").locator("summary").first.click()
    items = page.locator(".iterations-list > li > details > summary")
    expect(items).to_have_count(2)
    texts = page.locator("[data-streaming]")
    items.nth(1).click()
    expect(texts).to_have_count(1)
    items.nth(1).click()
    page.wait_for_timeout(300)
    assert [len(json.loads(sent)["opened"]) for sent in told] == [1, 0]
    for number in range(2):
        items.nth(number).click()
    expect(texts).to_have_count(2)
    for number in range(2):
        # From its beginning, and growing, whichever item the step is followed in.
        expect(texts.nth(number)).to_have_text(re.compile(r"^t0 t1 t2 .*t60 ", re.DOTALL))
    ended(page)
    expect(latest).to_be_hidden()
    expect(texts).to_have_count(0)
    expect(page.locator(".iterations-list > li").first).to_contain_text("finish_reason")
    assert said == []


def test_a_step_that_no_worker_does_says_so_until_there_is_one(
    stack: LiveStack, page: Page, publish: Publish
) -> None:
    stack.kill_worker()
    stack._start("worker", ["manage.py", "runworker", "--queues", "workflow,io"])
    start(page, stack, chain(publish))
    notice = page.locator("[data-reason=no_worker]")
    expect(notice).to_contain_text("no worker that asks models is connected", timeout=30_000)
    stack.restart_worker()
    ended(page)
    expect(notice).to_have_count(0)
