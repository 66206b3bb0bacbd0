"""Notes, frames and disabled nodes on a flow's page and on that of its run, in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from execution.tests.flows_for_tests import document, output, published, start_node
from flows.models import Flow
from fluxprompt.testing.live_stack import LiveStack
from tests.support.axe import faults_at_both_widths
from tests.support.visitor import Visitor, new_visitor, watch

NOTE = "**Why:** see [the paper](https://example.com/paper).\n\n- short\n- `sharp`"
PLACES = {
    "around": {"x": 300, "y": -70, "width": 620, "height": 260},
    "start": {"x": 0, "y": 0},
    "off": {"x": 330, "y": 0},
    "next": {"x": 660, "y": 0},
    "end": {"x": 990, "y": 0},
    "remark": {"x": 330, "y": 220, "width": 360, "height": 170},
}


@pytest.fixture
def noted(django_db_blocker: Any) -> Iterator[tuple[Visitor, Flow]]:
    """A person, and a flow with a note, a frame around two steps, and a disabled one of them."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        visitor = new_visitor()
        frame = {"frame": True, "color": "violet", "text": "Where it is made."}
        step = {"type": "transform", "config": {"fields": {"v": "{{ start.topic }}"}}}
        nodes = [
            start_node("topic"),
            {**step, "id": "off", "label": "Switched off", "disabled": True},
            {**step, "id": "next", "label": "Goes on"},
            output("{{ next.v }}"),
            {"id": "remark", "type": "note", "config": {"text": NOTE, "color": "amber"}},
            {"id": "around", "type": "note", "label": "The middle", "config": frame},
        ]
        edges = ["start>off", "off>next", "next>end"]
        yield visitor, published(visitor.actor, document(nodes, edges, layout=PLACES))


def test_notes_and_frames_are_drawn_as_large_as_they_are_and_a_run_goes_on_behind_what_is_off(
    stack: LiveStack, page: Page, noted: tuple[Visitor, Flow]
) -> None:
    visitor, flow = noted
    visitor.let_in(page.context, stack)
    said = watch(page)
    page.goto(f"{stack.base_url}/flows/{flow.id}/")
    note, frame = page.locator("[data-node=remark]"), page.locator("[data-node=around]")
    for card, place in ((note, PLACES["remark"]), (frame, PLACES["around"])):
        size = card.evaluate("card => [card.offsetWidth, card.offsetHeight]")
        assert size == [place["width"], place["height"]]
    expect(note.get_by_role("link", name="the paper")).to_have_attribute(
        "rel", "noopener noreferrer nofollow"
    )
    # Behind the cards: what is clicked in the frame is the step that stands there.
    at = page.locator("[data-node=off]").bounding_box()
    assert at is not None
    top = "([x, y]) => document.elementFromPoint(x, y)?.closest('[data-node]')?.dataset.node"
    assert page.evaluate(top, [at["x"] + 20, at["y"] + 10]) == "off"
    expect(page.locator("[data-node=off]")).to_contain_text("Disabled")
    page.get_by_label("Topic").fill("Tea")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/**")
    page.locator("[data-run][data-state=succeeded]").wait_for(timeout=30_000)
    expect(page.locator("[data-node=off]")).to_have_attribute("data-state", "skipped")
    expect(page.locator(".edge[data-source=off]")).to_have_attribute("data-flow", "live")
    expect(page.locator("#result")).to_contain_text("Tea")
    assert not said


def test_axe_finds_nothing_wrong_with_notes_and_frames(
    stack: LiveStack, browser: Browser, noted: tuple[Visitor, Flow]
) -> None:
    visitor, flow = noted
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    visitor.let_in(page.context, stack)
    page.goto(f"{stack.base_url}/flows/{flow.id}/")
    page.locator(".graph[data-ready]").wait_for()
    assert faults_at_both_widths(page) == []
    context.close()
