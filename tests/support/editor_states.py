"""How each state of the editor is brought about, for tests that read it and for pictures."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

type Step = Callable[[Page], None]

#: A flow whose form has what few forms have: tools of each kind, switched groups, files.
AGENT: dict[str, Any] = {
    "schema": "fluxprompt.flow/v1",
    "name": "Weather desk",
    "nodes": [
        {
            "id": "start",
            "type": "input",
            "config": {"fields": [{"name": "question", "type": "text"}]},
        },
        {
            "id": "agent",
            "type": "agent",
            "label": "Answer with tools",
            "config": {
                "prompt": "{{ start.question }}",
                "attachments": ["{{ start.question }}"],
                "memory": {"turns": 5},
                "tools": [
                    {
                        "type": "http",
                        "name": "weather",
                        "description": "The weather of a city.",
                        "url": "https://weather.example.com/{city}",
                        "parameters": [{"name": "city", "description": "In English"}],
                    },
                    {"type": "mcp", "url": "https://tools.example.com/mcp", "tools": ["search"]},
                    {"type": "flow", "flow": "refund", "approval": True},
                ],
            },
        },
        {"id": "end", "type": "output", "config": {"value": "{{ agent.text }}"}},
    ],
    "edges": [{"from": "start", "to": "agent"}, {"from": "agent", "to": "end"}],
}

#: A state for wide windows only: on a phone the inspector is a sheet with its tabs alone.
WIDE = "side-by-side"


def _palette(page: Page) -> None:
    if not page.locator("[data-editor]").evaluate("it => 'panelOpen' in it.dataset"):
        page.get_by_role("button", name="Nodes and outline").click()
    page.get_by_role("tab", name="Nodes").click()
    page.get_by_role("searchbox", name="Search nodes").fill("te")


def _outline(page: Page) -> None:
    _palette(page)
    page.get_by_role("tab", name="Outline").click()
    page.locator("[data-outline] [role=treeitem]").first.wait_for()


def _tab_of_inspector(node: str, name: str) -> Step:
    def show(page: Page) -> None:
        page.keyboard.press("1")
        page.wait_for_timeout(300)
        page.locator(f"#card-{node}").focus()
        page.keyboard.press("Enter")
        page.locator("[data-inspector] [data-pane=settings] fieldset").first.wait_for(
            state="attached"
        )
        page.locator(f"[data-inspector] [data-tab={name}]").click()
        page.locator(f"[data-inspector] [data-pane={name}]").wait_for()

    return show


def _side_by_side(node: str) -> Step:
    def show(page: Page) -> None:
        _tab_of_inspector(node, "settings")(page)
        page.get_by_role("button", name="Input, settings and output side by side").click()
        page.locator("[data-inspector] [data-pane=output]").wait_for()

    return show


def _commands(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator("#command-dialog[open]").wait_for()


def _menu(node: str) -> Step:
    def show(page: Page) -> None:
        page.locator(f"#card-{node}").focus()
        page.keyboard.press("Shift+F10")
        page.locator("#context-menu").wait_for()

    return show


def _press(key: str, seen: str) -> Step:
    def press(page: Page) -> None:
        page.locator("[data-canvas]").focus()
        page.keyboard.press(key)
        page.locator(seen).wait_for()

    return press


def _command(words: str, seen: str) -> Step:
    """By the command palette, which is there at every width."""

    def give(page: Page) -> None:
        _commands(page)
        page.keyboard.type(words)
        page.locator("#command-dialog [role=option]").first.wait_for()
        page.keyboard.press("Enter")
        page.locator(seen).wait_for()

    return give


def open_run_dialog(page: Page) -> None:
    page.keyboard.press("Control+Enter")
    page.locator("#run-dialog[open] input, #run-dialog[open] textarea").first.wait_for()


def _saved(page: Page) -> None:
    page.get_by_role("button", name="Saved").click()
    page.locator("#saved-details").wait_for()


def states(node: str) -> dict[str, Step]:
    """Everything that opens in an editor with a flow that asks for inputs; `node` is opened."""
    return {
        "palette": _palette,
        "outline": _outline,
        "settings": _tab_of_inspector(node, "settings"),
        "input": _tab_of_inspector(node, "input"),
        "output": _tab_of_inspector(node, "output"),
        WIDE: _side_by_side(node),
        "commands": _commands,
        "menu": _menu(node),
        "shortcuts": _press("?", "#shortcut-sheet[open]"),
        "problems": _command("problems", "#problems"),
        "run-dialog": open_run_dialog,
        "publish": _command("publish", "#publish-dialog[open]"),
        "import": _command("import by", "#import-dialog[open]"),
        "saved": _saved,
    }
