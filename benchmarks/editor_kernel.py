"""The canvas by itself: the editor's page with the script that starts nothing else."""

from playwright.sync_api import BrowserContext

from benchmarks.editor_moves import Moved, drag, line_to, opened, pan
from benchmarks.stack import ROOT

_CANVAS = "document.querySelector('[data-canvas]').fluxCanvas"


def only_canvas(context: BrowserContext) -> None:
    """Have pages of this session start the canvas alone."""
    bench = ROOT / "static" / "build" / "canvas-bench.js"
    context.route(
        "**/build/editor*.js",
        lambda route: route.fulfill(path=bench, content_type="text/javascript"),
    )


def measure_kernel(context: BrowserContext, address: str) -> tuple[float, dict[str, Moved]]:
    """Milliseconds to open, and what drags and pans cost."""
    page = context.new_page()
    page.goto(address, wait_until="commit")
    open_ms = opened(page)
    page.wait_for_timeout(500)
    line = line_to(page)
    pan_all = pan(page, line)
    page.evaluate(f"{_CANVAS}.centre('n7', {{animate: false}}); {_CANVAS}.zoomTo(1)")
    page.wait_for_timeout(600)
    moved = {"drag": drag(page, line, "n7"), "pan": pan(page, line), "pan_all": pan_all}
    page.close()
    return open_ms, moved
