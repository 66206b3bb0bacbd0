"""The editor's page with actions in memory in the place of its script, for tests of its chrome."""

import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page, Route

from fluxprompt.assets import FRONTEND, run_node


@cache
def try_script() -> str:
    """`src/editor/page/try.ts` and what it imports, as one script."""
    with TemporaryDirectory() as folder:
        made = Path(folder) / "try.js"
        done = run_node(
            "node_modules/esbuild/bin/esbuild",
            "src/editor/page/try.ts",
            "--bundle",
            "--format=esm",
            "--minify",
            f"--outfile={made}",
        )
        assert done.returncode == 0, done.stderr
        return made.read_text()


def use_try_script(page: Page, problems: list[dict[str, Any]] | None = None) -> None:
    """Give `page` the script for trying, and the server's list of `problems`."""
    script = try_script()
    found = json.dumps({"problems": problems or []})

    def answer(route: Route) -> None:
        route.fulfill(body=script, content_type="text/javascript")

    def problems_answer(route: Route) -> None:
        route.fulfill(body=found, content_type="application/json")

    page.route(re.compile(r"/build/editor(\.[0-9a-f]+)?\.js$"), answer)
    page.route(re.compile(r"/problems/\?as=json$"), problems_answer)


def calls(page: Page) -> list[str]:
    """What the page has asked of the editor's actions so far."""
    said: list[str] = page.evaluate("window.actions.calls")
    return said


def forget_calls(page: Page) -> None:
    page.evaluate("window.actions.calls.length = 0")
