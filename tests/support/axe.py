"""What axe finds wrong on a page, and whether the page is wider than its window."""

from collections.abc import Sequence
from typing import Any, Literal

from playwright.sync_api import Page

from fluxprompt.paths import ROOT

JSON = Any
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: What of RULES depends on the theme.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
type Theme = Literal["light", "dark"]
#: Every page is looked at on a desk, in both themes, and on a phone: its colours are the desk's.
LOOKS: dict[int, Sequence[Theme]] = {1440: ("light", "dark"), 390: ("dark",)}
#: Of parts that test_editor_accessibility.py looks at in all of them.
SOME_LOOKS = [("light", 1440), ("dark", 390)]
# Without what only experimental rules ask (style sheets fetched anew), in two thirds of the time.
_RUN_AXE = """([rules, within]) => axe.run(within ?? document, {
  runOnly: rules, resultTypes: ['violations'], preload: false, selectors: false,
}).then(found => found.violations.map(violation =>
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


def violations(
    page: Page, within: str | dict[str, JSON] | None = None, rules: Sequence[str] = RULES
) -> list[str]:
    """What breaks rules in a part of a page as it is now: a selector, or a context of axe."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found: list[str] = page.evaluate(_RUN_AXE, [list(rules), within])
    return found


def faults(page: Page, themes: Sequence[Theme] = ("light", "dark")) -> list[str]:
    """Sentences of what is wrong, none for a page that is right.

    In the second theme its colours are looked at, which is all that differs.
    """
    page.evaluate(_STILL)
    found: list[str] = []
    for theme, rules in zip(themes, (RULES, COLOUR_RULES), strict=False):
        _show(page, theme)
        found += [f"{theme}: {each}" for each in violations(page, rules=rules)]
    spill = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return found + ([f"{spill} px too wide"] if spill > 0 else [])


def faults_at_both_widths(page: Page) -> list[str]:
    """As `faults`, of a desk in both themes and of a phone in the dark one, by a single visit."""
    found = []
    for width, themes in LOOKS.items():
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{width}: {each}" for each in faults(page, themes)]
    return found


def _show(page: Page, theme: Theme) -> None:
    """Change the theme as the system does; a page hears of it before it is drawn again."""
    page.emulate_media(color_scheme=theme)
    page.locator(f"html.{theme}").wait_for(state="attached")
    page.evaluate(_DRAWN)
