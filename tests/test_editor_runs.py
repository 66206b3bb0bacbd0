"""Runs in the editor: started, followed, stopped, laid over the flow as it was (21 to 24)."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from execution.models import Run
from execution.tests.flows_for_tests import document, llm, output, published, run_to_end, start_node
from flows.models import Flow
from flows.services import replace_draft
from tests.support.visitor import watch
from tests.test_editor import Editing
from tests.test_editor import editing as editing

#: About two seconds of streaming.
SLOW = "tokens-40x50ms"
WHOLE = " ".join(f"t{number}" for number in range(40))


def _flow(editing: Editing, nodes: list[Any], edges: list[str]) -> Flow:
    flow: Flow = editing.ask(lambda: published(editing.actor, document(nodes, edges)))
    return flow


def _slow(editing: Editing, model: str = SLOW) -> Flow:
    nodes = [
        start_node("topic"),
        llm("draft", "Write about {{ start.topic }}", model),
        llm("better", "Improve {{ draft.text }}", "tokens-10x50ms"),
        output("{{ better.text }}"),
    ]
    return _flow(editing, nodes, ["start>draft", "draft>better", "better>end"])


def _quick(editing: Editing, model: str = "echo") -> Flow:
    nodes = [
        start_node("topic"),
        llm("draft", "First {{ start.topic }}"),
        llm("better", "Then {{ draft.text }}", model),
        output("{{ better.text }}"),
    ]
    return _flow(editing, nodes, ["start>draft", "draft>better", "better>end"])


def _run(page: Page, topic: str = "Tea") -> None:
    page.locator("[data-canvas]").focus()
    page.keyboard.press("Control+Enter")
    page.get_by_label("Topic").fill(topic)
    page.keyboard.press("Control+Enter")


def _card(page: Page, node: str) -> Any:
    return page.locator(f"#card-{node}")


def _bar(page: Page, state: str) -> None:
    expect(page.locator("[data-run-bar]")).to_have_attribute("data-state", state, timeout=30_000)


def _choose(page: Page, node: str, item: str) -> None:
    _card(page, node).locator("[data-slot=title]").click(button="right")
    page.get_by_role("menuitem", name=item).click()


def _runs(editing: Editing, flow: Flow) -> list[Run]:
    runs: list[Run] = editing.ask(
        lambda: list(Run.objects.filter(flow=flow).order_by("created_at"))
    )
    return runs


def _ended(editing: Editing, flow: Flow, number: int) -> Run:
    """The run of this number, once it is over."""
    for _ in range(300):
        found = [run for run in _runs(editing, flow) if run.finished_at]
        if len(found) >= number:
            return found[number - 1]
        editing.page.wait_for_timeout(100)
    raise AssertionError(f"{flow.id} has no {number} runs that are over")


def _reused(editing: Editing, run: Run) -> dict[str, bool]:
    found: dict[str, bool] = editing.ask(lambda: dict(run.node_runs.values_list("node", "reused")))
    return found


def test_point_21_ctrl_enter_runs_and_stops(editing: Editing, page: Page) -> None:
    said = watch(page)
    editing.open(_slow(editing))
    _run(page)
    expect(_card(page, "draft")).to_have_attribute("data-state", "running", timeout=20_000)
    expect(page.locator("[data-run-button]")).to_have_text("Stop")
    page.keyboard.press("Control+Enter")
    _bar(page, "cancelled")
    expect(page.locator("[data-run-button]")).to_have_text("Run")
    expect(_card(page, "draft")).to_have_attribute("data-state", "cancelled")
    expect(_card(page, "end")).to_have_attribute("data-state", re.compile("unreached|cancelled"))
    assert said == []


def test_point_22_a_run_is_seen_on_cards_wires_title_and_in_the_panel(
    editing: Editing, page: Page
) -> None:
    said = watch(page)
    editing.open(_slow(editing))
    _card(page, "draft").dblclick()
    page.locator("[data-inspector-form]").wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_label("Topic").fill("Tea")
    page.keyboard.press("Control+Enter")
    card = _card(page, "draft")
    expect(card.locator("[data-slot=text]")).to_contain_text("t5", timeout=20_000)
    expect(page).to_have_title("▸ Running · Test · Editor · FluxPrompt")
    expect(page.locator(".output-live")).to_contain_text("t0 t1 t2 t3")
    expect(page.locator('[data-edge="start>draft"]')).to_have_attribute("data-flow", "active")
    _bar(page, "succeeded")
    expect(page).to_have_title("✓ Succeeded · Test · Editor · FluxPrompt")
    expect(card.locator("[data-slot=text]")).to_have_text(WHOLE)
    expect(card.locator("[data-slot=facts]")).to_have_text(re.compile(r"^[\d.]+ s · \d+ tok"))
    expect(page.locator('[data-edge="start>draft"]')).to_have_attribute("data-flow", "live")
    expect(page.locator("[data-slot=run-facts]")).to_contain_text("tokens")
    expect(page.locator(".output-live")).to_have_count(0)
    expect(page.locator("#inspector-output")).to_contain_text("text")
    assert said == []


def test_point_21_up_to_a_node_asks_for_inputs_once_and_runs_again_from_it(
    editing: Editing, page: Page
) -> None:
    said = watch(page)
    flow = _quick(editing)
    editing.open(flow)
    _choose(page, "draft", "Run up to here")
    page.get_by_label("Topic").fill("Tea")
    page.keyboard.press("Control+Enter")
    _bar(page, "succeeded")
    assert _runs(editing, flow)[-1].options == {"until": "draft"}
    _choose(page, "better", "Run up to here")
    expect(_card(page, "better")).to_have_attribute("data-state", "succeeded", timeout=20_000)
    expect(_card(page, "better").locator("[data-slot=text]")).to_contain_text("Tea")
    _bar(page, "succeeded")
    _choose(page, "better", "Run this node alone")
    alone = _ended(editing, flow, 3)
    _bar(page, "succeeded")
    assert alone.options["only"] == "better"
    assert said == []


def test_point_21_again_from_a_node_takes_over_what_is_before_it(
    editing: Editing, page: Page
) -> None:
    said = watch(page)
    flow = _quick(editing)
    editing.open(flow)
    _run(page)
    _bar(page, "succeeded")
    _choose(page, "better", "Run again from here")
    again = _ended(editing, flow, 2)
    _bar(page, "succeeded")
    reused = _reused(editing, again)
    assert reused["draft"]
    assert not reused["better"]
    assert said == []


def test_point_25_a_failed_run_says_what_failed_and_shows_the_node(
    editing: Editing, page: Page
) -> None:
    said = watch(page)
    editing.open(_quick(editing, "error-400"))
    _run(page)
    _bar(page, "failed")
    expect(_card(page, "better")).to_have_attribute("data-state", "failed")
    expect(page).to_have_title("✕ Failed · Test · Editor · FluxPrompt")
    page.get_by_role("button", name="Show the node").click()
    expect(page.locator("[data-inspector] .notice-title")).to_be_visible()
    page.get_by_role("button", name="Retry from here").click()
    expect(page.locator("[data-run-bar]")).not_to_have_attribute("data-state", "failed")
    _bar(page, "failed")
    assert said == []


def test_point_23_a_reload_and_another_tab_show_where_the_run_is(
    editing: Editing, page: Page
) -> None:
    editing.open(_slow(editing, "tokens-200x50ms"))
    _run(page)
    expect(_card(page, "draft").locator("[data-slot=text]")).to_contain_text("t5", timeout=20_000)
    page.reload()
    expect(_card(page, "draft")).to_have_attribute("data-state", "running")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#card-draft")).to_have_attribute("data-state", "running")
    _bar(page, "succeeded")
    _bar(other, "succeeded")
    expect(_card(page, "draft").locator("[data-slot=text]")).to_contain_text("t198 t199")
    expect(other.locator("#card-draft [data-slot=text]")).to_contain_text("t198 t199")
    page.reload()
    _bar(page, "succeeded")
    expect(_card(page, "draft").locator("[data-slot=text]")).to_contain_text("t0 t1")
    page.get_by_role("button", name="Take the run off the canvas").click()
    expect(_card(page, "draft")).not_to_have_attribute("data-state", "succeeded")
    page.reload()
    page.locator("[data-canvas][data-started]").wait_for()
    expect(page.locator("[data-run-bar]")).to_be_hidden()


def _past(editing: Editing, flow: Flow) -> Run:
    """A run that was, of a flow that has lost its step `better` since."""
    run: Run = editing.ask(lambda: run_to_end(editing.actor, flow, {"topic": "Tea"}))
    nodes = [start_node("topic"), llm("draft", "{{ start.topic }}"), output("{{ draft.text }}")]
    changed = document(nodes, ["start>draft", "draft>end"])
    editing.ask(
        lambda: replace_draft(editing.actor, flow, changed, expected_revision=flow.revision)
    )
    return run


def test_point_24_a_run_that_was_lies_over_the_flow_of_then_read_only(
    editing: Editing, page: Page
) -> None:
    said = watch(page)
    flow = _quick(editing)
    run = _past(editing, flow)
    editing.open(flow)
    expect(_card(page, "better")).to_have_count(0)
    page.get_by_role("button", name="Recent runs").click()
    page.get_by_role("menuitem", name="Succeeded").click()
    page.wait_for_url(f"**/edit/?run={run.id}")
    _bar(page, "succeeded")
    expect(_card(page, "better")).to_have_attribute("data-state", "succeeded")
    expect(_card(page, "better").locator("[data-slot=text]")).to_contain_text("Tea")
    _card(page, "better").dblclick()
    expect(page.locator("[data-inspector-form][data-node=better]")).to_be_visible()
    expect(page.locator("#inspector-output")).to_contain_text("Tea")
    fields = page.locator("[data-inspector] fieldset").first
    expect(fields).to_have_attribute("disabled", "")
    page.locator("[data-canvas]").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    expect(_card(page, "better")).to_be_visible()
    page.get_by_role("link", name="Back to the draft").click()
    page.wait_for_url("**/edit/")
    page.locator("[data-canvas][data-started]").wait_for()
    expect(_card(page, "better")).to_have_count(0)
    assert [node.id for node in editing.draft(flow).nodes] == ["start", "draft", "end"]
    assert said == []


def test_point_24_the_page_of_a_run_that_was_follows_no_draft(editing: Editing, page: Page) -> None:
    said = watch(page)
    flow = _quick(editing)
    run = _past(editing, flow)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{editing.stack.base_url}/flows/{flow.id}/edit/?run={run.id}")
    _bar(page, "succeeded")
    # As somebody does who comes back to the tab.
    page.evaluate("dispatchEvent(new Event('online'))")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(6_000)
    expect(_card(page, "better")).to_be_visible()
    drafts = re.compile(r"/flows/[^/]+/(changes|draft|problems|cards)/")
    assert [url for url in asked if drafts.search(url)] == []
    for name in ("Run this node alone", "Run up to here"):
        _card(page, "better").click(button="right")
        item = page.get_by_role("menuitem", name=name)
        expect(item).to_have_attribute("aria-disabled", "true")
        page.keyboard.press("Escape")
    assert said == []


def test_point_24_two_runs_that_are_ticked_are_compared(editing: Editing, page: Page) -> None:
    said = watch(page)
    flow = _quick(editing)
    for topic in ("Tea", "Coffee"):
        editing.ask(lambda topic=topic: run_to_end(editing.actor, flow, {"topic": topic}))
    page.goto(f"{editing.stack.base_url}/runs/?flow={flow.id}")
    for box in page.get_by_role("checkbox", name="Compare the run").all():
        box.check()
    page.get_by_role("button", name="Compare the two ticked").click()
    page.wait_for_url("**/runs/compare/?a=*")
    expect(page.locator(".pair-side")).to_have_count(8)
    expect(page.locator("#values-title")).to_be_visible()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert said == []


def test_point_22_a_card_that_waits_for_a_person_links_to_its_question(
    editing: Editing, page: Page
) -> None:
    said = watch(page)
    ask = {"id": "ask", "type": "approval", "config": {"message": "Go?"}}
    nodes = [start_node("topic"), ask, output("yes", "yes"), output("no", "no")]
    editing.open(_flow(editing, nodes, ["start>ask", "ask.approved>yes", "ask.rejected>no"]))
    _run(page)
    _bar(page, "waiting")
    expect(page.locator("[data-slot=run-approval]")).to_be_visible()
    editor = page.url
    _card(page, "ask").get_by_role("link", name="Decide").click()
    page.wait_for_url("**/approvals/**")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved").first).to_be_visible()
    page.goto(editor)
    _bar(page, "succeeded")
    expect(_card(page, "ask")).to_have_attribute("data-state", "succeeded")
    expect(page.locator("[data-slot=run-approval]")).to_be_hidden()
    expect(_card(page, "no")).to_have_attribute("data-state", "skipped")
    assert said == []


def test_point_22_a_map_counts_what_is_done_inside(editing: Editing, page: Page) -> None:
    said = watch(page)
    rows = {"id": "rows", "type": "map", "config": {"items": [1, 2, 3]}}
    inner = {**llm("each", "{{ item }}", "tokens-10x50ms"), "parent": "rows"}
    nodes = [start_node("topic"), rows, inner, output("{{ rows.items }}")]
    editing.open(_flow(editing, nodes, ["start>rows", "rows>end"]))
    _run(page)
    _bar(page, "succeeded")
    expect(_card(page, "each")).to_have_attribute("data-state", "succeeded")
    expect(_card(page, "each").locator("[data-slot=facts]")).to_contain_text("3")
    assert said == []
