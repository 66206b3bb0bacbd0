"""A run's page in a real browser while the run happens, breaks of the line included."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.permissions import system_actor
from execution.tests.flows_for_tests import document, llm, output, published, start_node
from flows.models import Flow
from fluxprompt.testing.live_stack import LiveStack
from tests.support.visitor import new_visitor, watch

#: About three seconds of streaming per model step.
SLOW = "tokens-60x50ms"
WHOLE = " ".join(f"t{number}" for number in range(60))


@pytest.fixture
def flow(stack: LiveStack, page: Page, django_db_blocker: Any) -> Iterator[Flow]:
    """A flow of two slow model steps and a fork, of the person signed in with `page`."""
    # Playwright's own loop runs in this thread; these few rows block nobody in it.
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        visitor = new_visitor()
        fork = {"id": "fork", "type": "if", "config": {"condition": "{{ draft.text != '' }}"}}
        nodes = [
            start_node("topic"),
            llm("draft", "Write about {{ start.topic }}", SLOW),
            fork,
            llm("better", "Improve {{ draft.text }}", SLOW),
            output("nothing", "never"),
            output("{{ better.text }}"),
        ]
        edges = ["start>draft", "draft>fork", "fork.true>better", "fork.false>never", "better>end"]
        made = published(visitor.actor, document(nodes, edges))
    visitor.let_in(page.context, stack)
    yield made
    stack.heal()


def _start(page: Page, stack: LiveStack, flow: Flow) -> None:
    page.goto(f"{stack.base_url}/flows/{flow.id}/")
    page.get_by_label("Topic").fill("Tea")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/**")


def _beside(flow: Flow, content: dict[str, Any], django_db_blocker: Any) -> Flow:
    """Another flow in the workspace of `flow`."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        return published(system_actor(flow.workspace_id, "test"), content)


def _text(page: Page, node: str) -> str:
    return page.locator(f"#step-{node} [data-slot=text]").text_content() or ""


def _state(page: Page, node: str) -> Any:
    return page.locator(f"#step-{node}")


def test_tokens_arrive_one_by_one_and_the_end_is_exact(
    stack: LiveStack, page: Page, flow: Flow
) -> None:
    said = watch(page)
    _start(page, stack, flow)
    expect(_state(page, "draft")).to_have_attribute("data-state", "running", timeout=20_000)
    expect(page).to_have_title("▸ Running · Test · FluxPrompt")
    lengths = set()
    while _state(page, "draft").get_attribute("data-state") == "running":
        lengths.add(len(_text(page, "draft")))
        page.wait_for_timeout(60)
    assert len(lengths) > 4
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=30_000)
    expect(page.locator("#result")).to_contain_text(WHOLE)
    expect(page.locator("#step-draft [data-slot=text]")).to_have_text(WHOLE)
    expect(page).to_have_title("✓ Succeeded · Test · FluxPrompt")
    expect(_state(page, "never")).to_have_attribute("data-state", "skipped")
    expect(page.locator("path[data-target=never]")).to_have_attribute("data-flow", "dead")
    expect(page.locator("path[data-target=end]")).to_have_attribute("data-flow", "live")
    expect(page.locator("[data-slot=announcement]")).to_have_text("Run succeeded.")
    page.locator("#step-better summary").click()
    expect(page.locator("#step-better [data-values-body]")).to_contain_text('"finish_reason"')
    assert said == []


def test_a_reload_in_the_middle_shows_where_the_run_is(
    stack: LiveStack, page: Page, flow: Flow
) -> None:
    _start(page, stack, flow)
    expect(page.locator("#step-draft [data-slot=text]")).to_contain_text("t40", timeout=20_000)
    page.reload()
    # At most the last second of text is on its way still; it comes without a gap.
    assert _text(page, "draft").startswith("t0 t1 t2")
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=30_000)
    expect(page.locator("#step-draft [data-slot=text]")).to_have_text(WHOLE)
    expect(page.locator("#step-better [data-slot=text]")).to_have_text(WHOLE)


def test_a_lost_line_is_said_and_taken_up_again(stack: LiveStack, page: Page, flow: Flow) -> None:
    _start(page, stack, flow)
    expect(page.locator("#step-draft [data-slot=text]")).to_contain_text("t5", timeout=20_000)
    stack.kill("web")
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    stack.start_web()
    expect(page.get_by_text("Reconnecting…")).to_be_hidden(timeout=20_000)
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=40_000)
    expect(page.locator("#step-better [data-slot=text]")).to_have_text(WHOLE)
    expect(page.locator("#result")).to_contain_text(WHOLE)


def test_a_step_that_succeeds_at_its_second_try_shows_no_error(
    stack: LiveStack, page: Page, flow: Flow, django_db_blocker: Any
) -> None:
    retry = {"max_attempts": 2, "initial_seconds": 4}
    again = llm("draft", "Twice: {{ start.topic }}", "flaky-1+tokens-10x50ms", retry=retry)
    nodes = [start_node("topic"), again, output("{{ draft.text }}")]
    content = document(nodes, ["start>draft", "draft>end"])
    _start(page, stack, _beside(flow, content, django_db_blocker))
    step = page.locator("#step-draft")
    expect(step).to_have_attribute("data-state", "retrying", timeout=20_000)
    expect(step).to_contain_text("Attempt 1 failed")
    page.reload()
    expect(step).to_have_attribute("data-state", "retrying")
    expect(page.locator("[data-slot=progress]")).to_have_text("1 of 3")
    # The line's snapshot says the same as the page.
    page.wait_for_timeout(500)
    expect(step).to_have_attribute("data-state", "retrying")
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=30_000)
    expect(step).to_contain_text("Attempt 2")
    expect(step.locator("[data-slot=error]")).to_have_count(0)


def test_a_run_is_seen_to_go_on_by_the_wire_of_the_error(
    stack: LiveStack, page: Page, flow: Flow, django_db_blocker: Any
) -> None:
    nodes = [
        start_node("topic"),
        llm("draft", "{{ start.topic }}", "error-400", on_error="branch"),
        llm("rescue", "{{ start.topic }}", "tokens-40x50ms"),
        output("never", "never"),
        output("{{ rescue.text }}"),
    ]
    edges = ["start>draft", "draft>never", "draft.error>rescue", "rescue>end"]
    _start(page, stack, _beside(flow, document(nodes, edges), django_db_blocker))
    wire = page.locator("path[data-source=draft][data-target=rescue]")
    expect(wire).to_have_attribute("data-flow", "active", timeout=20_000)
    page.reload()
    expect(wire).to_have_attribute("data-flow", "active")
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=30_000)
    expect(page.locator("path[data-source=rescue]")).to_have_attribute("data-flow", "live")
    expect(wire).to_have_attribute("data-flow", "live")
    expect(page.locator("path[data-target=never]")).to_have_attribute("data-flow", "dead")


def test_a_run_is_cancelled_from_its_page(stack: LiveStack, page: Page, flow: Flow) -> None:
    _start(page, stack, flow)
    expect(_state(page, "draft")).to_have_attribute("data-state", "running", timeout=20_000)
    page.get_by_role("button", name="Cancel").click()
    page.locator("[data-run][data-state=cancelled]").wait_for(timeout=20_000)
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page.locator("#result")).to_contain_text("cancelled")


def test_a_page_that_draws_late_shows_no_text_twice(
    stack: LiveStack, page: Page, flow: Flow
) -> None:
    # As in a tab behind others: frames are drawn long after their pieces have come.
    page.add_init_script("window.requestAnimationFrame = (draw) => setTimeout(draw, 4000);")
    _start(page, stack, flow)
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=30_000)
    page.wait_for_timeout(5_000)
    expect(page.locator("#step-draft [data-slot=text]")).to_have_text(WHOLE)
    expect(page.locator("#step-better [data-slot=text]")).to_have_text(WHOLE)
