"""What two people do at random in one flow: with keys and fields, and many small things more.

Most edits are calls of the page's own actions, which menus and keys call too: a person's hands are
too slow to make changes meet often. In between real keys are pressed and real fields are filled.
"""

import random
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

JSON = Any
H = "window.fluxEditor"

#: Does something at random every so often, until it is told to stop; says how often it did.
DRIVER = Path(__file__).with_name("together_driver.js").read_text()
READ = """
() => {
  const { model, sync, made, notices, renamed } = window.fluxEditor;
  const all = (selector) => [...document.querySelectorAll(selector)];
  return { tab: sync.tab, base: sync.base, state: sync.state, made, notices, renamed,
    document: model.document(), pins: Object.fromEntries(model.pins),
    cards: all("[data-canvas-cards] > [data-node]").map((card) => card.dataset.node).sort(),
    wires: all("[data-canvas-edges] > [data-edge]").map((wire) => wire.dataset.edge).sort(),
    failed: window.fluxDriver.failed };
}
"""


def start(page: Page, seed: int, every: int) -> None:
    """Let the page do something every so many milliseconds."""
    page.evaluate(DRIVER, [seed, every])


def stop(page: Page) -> None:
    """No more edits."""
    page.evaluate("clearInterval(window.fluxDriver.timer)")


def by_hand(page: Page, dice: random.Random) -> str:
    """One thing with keys and fields, while the rest of the page's edits wait; what it was."""
    page.evaluate("window.fluxDriver.paused = true")
    try:
        return _one_thing(page, dice)
    finally:
        page.keyboard.press("Escape")
        page.evaluate("window.fluxDriver.paused = false")


def _one_thing(page: Page, dice: random.Random) -> str:
    names = page.evaluate(
        f"[...{H}.model.nodes.keys()].filter((id) => !['start', 'end'].includes(id))"
    )
    if not names:
        return "nothing"
    what = dice.choice(["nudge", "title", "copy", "delete", "field", "undo"])
    page.evaluate(f"(id) => {H}.actions.focusNode(id)", dice.choice(names))
    keys = page.keyboard
    if what == "nudge":
        keys.press(dice.choice(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]))
    elif what == "title":
        keys.press("F2")
        keys.press("Control+a")
        keys.type(f"typed {dice.randrange(10**6)}")
        keys.press("Enter")
    elif what == "copy":
        keys.press("Control+d")
    elif what == "delete" and len(names) > 12:
        keys.press("Delete")
    elif what == "undo":
        keys.press("Control+z")
    elif what == "field":
        keys.press("Enter")
        page.wait_for_timeout(300)
        field = page.locator("[data-inspector] .cm-content").first
        if field.is_visible():
            field.focus()
            keys.type(f" written {dice.randrange(10**6)}")
    return what
