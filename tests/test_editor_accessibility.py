"""Point 27 on the real editor: axe finds nothing in any state of it, and motion can be stilled."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Membership
from tests.support.axe import LOOKS, faults
from tests.test_editor import Editing, editing

__all__ = ["editing"]

_STILL = """() => [...document.querySelectorAll('*')].flatMap(element => [
    [element, ''], [element, '::before'], [element, '::after']]).flatMap(([element, part]) => {
  const style = getComputedStyle(element, part || null);
  const longest = [style.transitionDuration, style.animationDuration].join(',').split(',')
    .reduce((most, each) => Math.max(most, parseFloat(each) || 0), 0);
  return longest > 0.001 ? [`${element.tagName}.${element.getAttribute('class')}${part}`] : [];
})"""

#: Animations that people would see move.
_LONG = """() => document.getAnimations().filter(
  each => each.playState === 'running' && each.effect.getTiming().duration > 1).length"""


def _palette(page: Page) -> None:
    if not page.locator("[data-editor]").evaluate("it => 'panelOpen' in it.dataset"):
        page.get_by_role("button", name="Nodes and outline").click()
    page.get_by_role("tab", name="Nodes").click()
    page.get_by_role("searchbox", name="Search nodes").fill("te")


def _outline(page: Page) -> None:
    _palette(page)
    page.get_by_role("tab", name="Outline").click()
    page.locator("[data-outline] [role=treeitem]").first.wait_for()


def _tab_of_inspector(name: str) -> Callable[[Page], None]:
    def show(page: Page) -> None:
        page.keyboard.press("1")
        page.wait_for_timeout(300)
        page.locator("#card-fork").focus()
        page.keyboard.press("Enter")
        page.locator("[data-inspector] [data-pane=settings] fieldset").first.wait_for(
            state="attached"
        )
        page.locator(f"[data-inspector] [data-tab={name}]").click()
        page.locator(f"[data-inspector] [data-pane={name}]").wait_for()

    return show


def _side_by_side(page: Page) -> None:
    _tab_of_inspector("settings")(page)
    page.get_by_role("button", name="Input, settings and output side by side").click()
    page.locator("[data-inspector] [data-pane=output]").wait_for()


def _commands(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator("#command-dialog[open]").wait_for()


def _menu(page: Page) -> None:
    page.locator("#card-fork").focus()
    page.keyboard.press("Shift+F10")
    page.locator("#context-menu").wait_for()


def _press(key: str, seen: str) -> Callable[[Page], None]:
    def press(page: Page) -> None:
        page.locator("[data-canvas]").focus()
        page.keyboard.press(key)
        page.locator(seen).wait_for()

    return press


def _command(words: str, seen: str) -> Callable[[Page], None]:
    """By the command palette, which is there at every width."""

    def give(page: Page) -> None:
        _commands(page)
        page.keyboard.type(words)
        page.locator("#command-dialog [role=option]").first.wait_for()
        page.keyboard.press("Enter")
        page.locator(seen).wait_for()

    return give


def _run_dialog(page: Page) -> None:
    page.keyboard.press("Control+Enter")
    page.locator("#run-dialog[open] input, #run-dialog[open] textarea").first.wait_for()


def _saved(page: Page) -> None:
    page.get_by_role("button", name="Saved").click()
    page.locator("#saved-details").wait_for()


def _run(page: Page) -> None:
    _run_dialog(page)
    page.locator("#run-dialog").get_by_label("Text").fill("Ada")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-run-bar]")).to_have_attribute(
        "data-state", "succeeded", timeout=30_000
    )


STATES: dict[str, Callable[[Page], None]] = {
    "as it opens": lambda page: None,
    "palette": _palette,
    "outline": _outline,
    "inspector: settings": _tab_of_inspector("settings"),
    "inspector: input": _tab_of_inspector("input"),
    "inspector: output": _tab_of_inspector("output"),
    "inspector: side by side": _side_by_side,
    "command palette": _commands,
    "context menu": _menu,
    "shortcuts": _press("?", "#shortcut-sheet[open]"),
    "problems": _command("problems", "#problems"),
    "run dialog": _run_dialog,
    "publish dialog": _command("publish", "#publish-dialog[open]"),
    "import dialog": _command("import by", "#import-dialog[open]"),
    "how it is saved": _saved,
    "a run laid over": _run,
}
#: States in which a run that is laid over shows more.
_AFTER_A_RUN = ("inspector: input", "inspector: output", "inspector: settings", "outline")


def _seen(editing: Editing, page: Page, flow: Any, name: str) -> list[str]:
    STATES[name](page)
    page.wait_for_timeout(50)
    found = faults(page)
    if name != "a run laid over":
        editing.open(flow)
    return found


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_point_27_axe_finds_nothing_in_any_state_of_the_editor(
    editing: Editing, page: Page, theme: Any, width: int
) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    page.set_default_timeout(10_000)
    flow = editing.forked()
    editing.open(editing.new())
    found = {"empty": faults(page)}
    editing.open(flow)
    for name in STATES:
        if name == "inspector: side by side" and width < 1440:
            continue  # The panel is a sheet there, with its tabs alone.
        found[name] = _seen(editing, page, flow, name)
    for name in _AFTER_A_RUN:
        if "inspector" in name or width > 390:
            STATES[name](page)
        found[f"{name}, after a run"] = faults(page)
        page.keyboard.press("Escape")
    mine = Membership.objects.filter(user__email=editing.visitor.email)
    editing.ask(lambda: mine.update(role="viewer"))
    editing.open(flow)
    found["read-only"] = faults(page)
    _tab_of_inspector("settings")(page)
    found["read-only inspector"] = faults(page)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_point_27_with_reduced_motion_nothing_in_the_editor_moves(
    editing: Editing, page: Page
) -> None:
    page.emulate_media(reduced_motion="reduce")
    editing.open(editing.forked())
    _run(page)
    for name in ("inspector: settings", "context menu", "command palette"):
        STATES[name](page)
        assert page.evaluate(_STILL) == []
        page.keyboard.press("Escape")
    page.locator("[data-canvas]").focus()
    for key in ("1", "0", "Shift+L"):
        page.keyboard.press(key)
        assert page.evaluate(_LONG) == 0
