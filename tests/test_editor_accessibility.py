"""Point 27 on the real editor: axe finds nothing in any state of it, and motion can be stilled."""

from functools import partial

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Membership
from flows.services import create_flow
from tests.support.axe import LOOKS, faults
from tests.support.editor_states import AGENT, WIDE, open_run_dialog, states
from tests.test_editor import Editing, editing

__all__ = ["editing"]

_STILL = """() => [...document.querySelectorAll('*')].flatMap(element => [
    [element, ''], [element, '::before'], [element, '::after'], [element, '::details-content'],
  ]).flatMap(([element, part]) => {
  const style = getComputedStyle(element, part || null);
  const longest = [style.transitionDuration, style.animationDuration].join(',').split(',')
    .reduce((most, each) => Math.max(most, parseFloat(each) || 0), 0);
  return longest > 0.001 ? [`${element.tagName}.${element.getAttribute('class')}${part}`] : [];
})"""

#: Animations that people would see move.
_LONG = """() => document.getAnimations().filter(
  each => each.playState === 'running' && each.effect.getTiming().duration > 1
).map(({animationName, transitionProperty, effect}) =>
  `${animationName ?? transitionProperty} of ${effect.target.className}`)"""


def _run(page: Page) -> None:
    open_run_dialog(page)
    page.locator("#run-dialog").get_by_label("Text").fill("Ada")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-run-bar]")).to_have_attribute(
        "data-state", "succeeded", timeout=30_000
    )


STATES = states("fork")
#: States in which a run that is laid over shows more.
_AFTER_A_RUN = ("input", "output", "settings", "outline")


@pytest.mark.parametrize("width", LOOKS)
def test_point_27_axe_finds_nothing_in_any_state_of_the_editor(
    editing: Editing, page: Page, width: int
) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    page.set_default_timeout(10_000)
    look = partial(faults, page, LOOKS[width])
    flow = editing.forked()
    editing.open(editing.new())
    found = {"empty": look()}
    editing.open(flow)
    found["as it opens"] = look()
    for name, bring_about in STATES.items():
        if name == WIDE and width < 1440:
            continue
        bring_about(page)
        found[name] = look()
        editing.open(flow)
    editing.open(editing.ask(lambda: create_flow(editing.actor, document=AGENT)))
    states("agent")["settings"](page)
    found["tools of an agent"] = look()
    editing.open(flow)
    _run(page)
    found["a run laid over"] = look()
    for name in _AFTER_A_RUN:
        STATES[name](page)
        found[f"{name}, after a run"] = look()
        page.keyboard.press("Escape")
    mine = Membership.objects.filter(user__email=editing.visitor.email)
    editing.ask(lambda: mine.update(role="viewer"))
    editing.open(flow)
    found["read-only"] = look()
    STATES["settings"](page)
    found["read-only inspector"] = look()
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_point_27_with_reduced_motion_nothing_in_the_editor_moves(
    editing: Editing, page: Page
) -> None:
    page.emulate_media(reduced_motion="reduce")
    editing.open(editing.forked())
    _run(page)
    for name in ("settings", "menu", "commands"):
        STATES[name](page)
        assert page.evaluate(_STILL) == []
        page.keyboard.press("Escape")
    page.locator("[data-canvas]").focus()
    for key in ("1", "0", "Shift+L"):
        page.keyboard.press(key)
        assert page.evaluate(_LONG) == []
