"""The editor's page with actions in memory in the place of its script, for tests of its chrome."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route

from execution.tests.flows_for_tests import document, llm, output, published, start_node
from flows.models import Flow
from flows.services import create_flow
from fluxprompt.assets import run_node
from fluxprompt.testing.live_stack import LiveStack
from tests.support.visitor import new_visitor


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


@dataclass(frozen=True)
class EditorHome:
    """A person with a flow that forks, and one that was just made; their editor in `page`."""

    page: Page
    address: str
    flow: Flow
    new: Flow

    def open(self, flow: Flow | None = None, problems: list[dict[str, Any]] | None = None) -> None:
        """The editor of `flow`, of the one that forks where none is given."""
        use_try_script(self.page, problems)
        self.page.goto(f"{self.address}/flows/{(flow or self.flow).id}/edit/")
        self.page.wait_for_function("window.chrome?.actions")

    def select(self, *nodes: str) -> None:
        """These nodes and no others, with the focus on the canvas; calls so far are forgotten."""
        self.page.evaluate("ids => { actions.focusCanvas(); actions.select(ids) }", list(nodes))
        self.page.evaluate("actions.calls.length = 0")

    def calls(self) -> list[str]:
        """What the page has asked of the editor's actions."""
        said: list[str] = self.page.evaluate("actions.calls")
        return said

    def await_call(self, start: str) -> None:
        """Until the page has asked for something that starts like this."""
        asked = "start => actions.calls.some(call => call.startsWith(start))"
        self.page.wait_for_function(asked, arg=start)

    @property
    def said(self) -> Locator:
        """What screen readers were told last."""
        return self.page.locator("[data-slot=announced]")


@pytest.fixture
def home(stack: LiveStack, page: Page, django_db_blocker: Any) -> EditorHome:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        visitor = new_visitor()
        fork = {"id": "fork", "type": "if", "label": "Anything said?"}
        nodes = [
            start_node("text"),
            {**fork, "config": {"condition": "{{ start.text != '' }}"}},
            llm("ask", "Answer {{ start.text }}", "tokens-3x1ms"),
            output("none", "never"),
            {"id": "rows", "type": "map", "label": "Each row", "config": {"items": "{{ [1] }}"}},
            {**llm("inner", "{{ rows.item }}", "tokens-3x1ms"), "parent": "rows"},
            output("{{ start.text }}"),
        ]
        edges = ["start>fork", "fork.true>ask", "fork.false>never", "ask>rows", "rows>end"]
        flow = published(visitor.actor, document(nodes, edges))
        new = create_flow(visitor.actor, name="Brand new")
    visitor.let_in(page.context, stack)
    return EditorHome(page, stack.base_url, flow, new)
