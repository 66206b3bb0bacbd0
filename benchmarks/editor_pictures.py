"""Pictures of the editor in each of its states, and of the pages that lead into it."""

import json
from collections.abc import Callable
from typing import Any, Protocol

from playwright.sync_api import Page

from flows.importing.tests.samples_for_tests import FOLDER
from tests.support.editor_states import WIDE, open_run_dialog, states

WISH = "Tell me every Monday which of our invoices are overdue."
_NODE = "critique"
#: States that would show little that other pictures do not.
_LIKE_OTHERS = {"input", "saved"}
_IMPORTED = FOLDER / "n8n" / "scheduled_weather.json"


class Gallery(Protocol):
    """What is photographed, in every look at once."""

    @property
    def first(self) -> Page: ...
    def open(self, path: str) -> None: ...
    def shoot(self, name: str, *, narrow: bool = True) -> None: ...
    def each(self, act: Callable[[Page], None]) -> None: ...


def described() -> str:
    """What the scripted model says to the wish: a flow."""
    ask = {"prompt": "Which of these invoices are overdue?\n{{ fetch.body }}"}
    nodes: list[dict[str, Any]] = [
        {"id": "start", "type": "input", "config": {"fields": [{"name": "text", "type": "text"}]}},
        {
            "id": "fetch",
            "type": "http",
            "label": "Read the invoices",
            "config": {"url": "https://billing.example.com/invoices"},
        },
        {
            "id": "pick",
            "type": "llm",
            "label": "Pick the late ones",
            "config": ask,
        },
        {"id": "result", "type": "output", "config": {"value": "{{ pick.text }}"}},
    ]
    edges = [("start", "fetch"), ("fetch", "pick"), ("pick", "result")]
    document = {
        "schema": "fluxprompt.flow/v1",
        "name": "Overdue invoices",
        "nodes": nodes,
        "edges": [{"from": source, "to": target} for source, target in edges],
    }
    return json.dumps(document)


def editor(gallery: Gallery, flow: str, topic: str) -> None:
    """Everything that opens in the editor, then a run on its canvas."""
    _open(gallery, flow)
    gallery.shoot("editor")
    for name, bring_about in states(_NODE).items():
        if name in _LIKE_OTHERS:
            continue
        _open(gallery, flow)
        is_wide = name == WIDE
        gallery.each(lambda page, is_wide=is_wide, act=bring_about: _do(page, act, is_wide))  # type: ignore[misc]
        gallery.shoot(f"editor-{name}", narrow=not is_wide)
    _open(gallery, flow)
    gallery.each(lambda page: _run(page, topic))
    gallery.each(lambda page: page.locator("[data-run-bar][data-state=succeeded]").wait_for())
    gallery.each(lambda page: page.keyboard.press("1"))
    gallery.shoot("editor-ran")
    gallery.each(states(_NODE)["output"])
    gallery.shoot("editor-ran-output")


def tools(gallery: Gallery, flow: str) -> None:
    """The settings of an agent with tools."""
    _open(gallery, flow)
    gallery.each(states("agent")["settings"])
    gallery.each(lambda page: page.locator("[data-told-by]").evaluate("it => it.scrollIntoView()"))
    gallery.shoot("editor-agent")


def beginnings(gallery: Gallery, new_flow: str) -> None:
    """An empty flow, a draft from words, and the report of another product's flow."""
    _open(gallery, new_flow)
    gallery.shoot("editor-empty")
    gallery.open(f"{new_flow}describe/?wish={WISH}")
    gallery.shoot("describe")
    page = gallery.first
    page.get_by_role("button", name="Draft it").click()
    page.get_by_role("button", name="Use this draft").wait_for()
    gallery.open("/" + page.url.split("/", 3)[3])
    gallery.shoot("described")
    gallery.open("/flows/import/")
    gallery.each(_import)
    gallery.shoot("import-report")


def _open(gallery: Gallery, flow: str) -> None:
    gallery.open(f"{flow}edit/")
    gallery.each(lambda page: page.locator("[data-canvas][data-started]").wait_for())


def _do(page: Page, act: Callable[[Page], None], is_wide: bool) -> None:
    size = page.viewport_size
    if not is_wide or (size and size["width"] > 1000):
        act(page)


def _run(page: Page, topic: str) -> None:
    open_run_dialog(page)
    page.locator("#run-dialog").locator("textarea, input").first.fill(topic)
    page.keyboard.press("Control+Enter")


def _import(page: Page) -> None:
    page.locator("#import-text").fill(_IMPORTED.read_text())
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("heading", name="Daily weather").wait_for()
