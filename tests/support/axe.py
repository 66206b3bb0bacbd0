"""What axe finds wrong on a page, and whether the page is wider than its window."""

from pathlib import Path

from playwright.sync_api import Page

from fluxprompt.paths import ROOT

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: Every page is looked at in both themes, on a desk and on a phone.
LOOKS = [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)]
#: Of parts that test_editor_accessibility.py looks at in all of them.
SOME_LOOKS = [("light", 1440), ("dark", 390)]
_RUN_AXE = """rules => axe.run(document, {runOnly: rules}).then(found => found.violations.map(
  violation => `${violation.id}: ${violation.nodes.map(node => node.html).join(' | ')}`))"""


def faults(page: Page) -> list[str]:
    """Sentences of what is wrong, none for a page that is right."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Path(AXE).read_text())
    found: list[str] = page.evaluate(_RUN_AXE, RULES)
    spill = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return found + ([f"{spill} px too wide"] if spill > 0 else [])
