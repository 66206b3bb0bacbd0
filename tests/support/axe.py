"""What axe finds wrong on a page, and whether the page is wider than its window."""

from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from fluxprompt.paths import ROOT

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: What of RULES depends on the theme.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
#: Every page is looked at in both themes, on a desk and on a phone.
WIDTHS = [1440, 390]
#: Of parts that test_editor_accessibility.py looks at in all of them.
SOME_LOOKS = [("light", 1440), ("dark", 390)]
_RUN_AXE = """rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']}).then(
  found => found.violations.map(violation =>
    `${violation.id}: ${violation.nodes.map(node => node.html).join(' | ')}`))"""
# Else colours would be read on their way from one theme to the other. It is no inline style, which
# the policy of pages forbids.
_STILL = """() => {
  if (window.isStill) return;
  window.isStill = true;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    '*, ::before, ::after, ::details-content { transition: none !important; }');
  document.adoptedStyleSheets.push(sheet);
}"""

_DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def faults(page: Page) -> list[str]:
    """Sentences of what is wrong in either theme, none for a page that is right.

    In the dark theme its colours are looked at, which is all that differs.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(Path(AXE).read_text())
    page.evaluate(_STILL)
    page.evaluate(_DRAWN)
    _show(page, "light")
    found: list[str] = page.evaluate(_RUN_AXE, RULES)
    _show(page, "dark")
    found += [f"dark: {each}" for each in page.evaluate(_RUN_AXE, COLOUR_RULES)]
    _show(page, "light")
    spill = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return found + ([f"{spill} px too wide"] if spill > 0 else [])


def _show(page: Page, theme: Literal["light", "dark"]) -> None:
    """Change the theme as the system does; a page hears of it before it is drawn again."""
    page.emulate_media(color_scheme=theme)
    page.locator(f"html.{theme}").wait_for(state="attached")
    page.evaluate(_DRAWN)
