"""The editor's model in a real browser: storage, locks, requests and the line, without a canvas."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, WebSocketRoute, expect

from fluxprompt.assets import run_node

#: Pages of the second are no secure context: they have no locks and no randomUUID.
ORIGINS = ["http://localhost", "http://editor.test"]
PAGE = """<!doctype html><title>Editor</title><meta name="csrf-cookie" content="csrf_here">
<script src="/session.js"></script>"""
DRAFT = {"name": "Flow", "nodes": [{"id": "llm", "type": "llm", "config": {"prompt": "One"}}]}
OPEN = """(document) => {
  window.states = [];
  window.people = [];
  window.session = editor.openSession(
    {flow: "f", person: "ada", revision: 1, document, pins: {}});
  session.sync.onState = (state) => states.push(state.kind);
  session.sync.onPeople = (list) => people.push(...list.map((person) => person.name));
  session.start();
}"""
STATE = "session.sync.state.kind + session.sync.state.kept"


class Server:
    """Answers the pages of one context as the server does, as far as one editor sees it."""

    def __init__(self, context: BrowserContext, script: str) -> None:
        self.revision = 1
        self.log: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        self.lines: list[WebSocketRoute] = []
        self.addresses: list[str] = []
        self.is_away = False
        self.redirects = False
        self.script = script
        context.route("**/*", self._answer)
        context.route_web_socket("**/ws/**", self._line)

    def _answer(self, route: Route) -> None:
        path = route.request.url.split("/", 3)[3]
        if path == "session.js":
            route.fulfill(body=self.script, content_type="text/javascript")
        elif not path.startswith("flows/"):
            route.fulfill(body=PAGE, content_type="text/html")
        elif self.is_away:
            route.abort()
        elif self.redirects:
            route.fulfill(status=302, headers={"Location": "/accounts/login/"})
        else:
            self.requests.append(route.request)
            route.fulfill(json=self._changes(json.loads(route.request.post_data or "{}")))

    def _changes(self, body: dict[str, Any]) -> dict[str, Any]:
        known = {change["id"] for change in self.log}
        for change in body["changes"]:
            if change["id"] not in known:
                self.revision += 1
                told = {"revision": self.revision, "tab": body["tab"], "by": "Ada", "conflicts": []}
                self.log.append({**change, **told})
        after = [change for change in self.log if change["revision"] > body["base"]]
        return {"revision": self.revision, "applied": after, "refused": []}

    def _line(self, line: WebSocketRoute) -> None:
        self.lines.append(line)
        self.addresses.append(line.url)
        person = {"tab": "t", "name": "Eve", "initial": "E", "selected": []}
        line.on_message(lambda message: None)
        line.send(json.dumps({"hello": {"revision": self.revision, "people": [person]}}))


@pytest.fixture(scope="module")
def script() -> str:
    """The session as one classic script that gives `editor`."""
    done = run_node(
        "node_modules/esbuild/bin/esbuild",
        "src/editor/session.ts",
        *("--bundle", "--format=iife", "--global-name=editor", "--log-level=warning"),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def server(context: BrowserContext, script: str) -> Server:
    return Server(context, script)


def _open(page: Page, origin: str = ORIGINS[0]) -> Page:
    page.goto(f"{origin}/")
    page.context.add_cookies([{"name": "csrf_here", "value": "to%2Dken", "url": origin}])
    page.evaluate(OPEN, DRAFT)
    return page


def _type(page: Page, text: str) -> None:
    op = {"op": "set", "node": "llm", "path": ["config", "prompt"], "value": text}
    page.evaluate("(op) => void session.sync.commit('Type', [op])", op)


def _reaches(page: Page, state: str) -> None:
    page.wait_for_function(f"{STATE} === '{state}'", timeout=10_000)


def _kept(page: Page) -> int:
    names: list[str] = page.evaluate("Object.keys(localStorage)")
    return sum("/change/" in name for name in names)


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_change_is_sent_with_the_token_of_the_cookie(
    page: Page, server: Server, origin: str
) -> None:
    _open(page, origin)
    _type(page, "Two")
    assert _kept(page) == 1
    _reaches(page, "saved0")
    assert _kept(page) == 0
    (request,) = [r for r in server.requests if json.loads(r.post_data or "")["changes"]]
    assert request.headers["x-csrftoken"] == "to-ken"
    assert server.log[0]["ops"][0]["value"] == "Two"


@pytest.mark.parametrize("origin", ORIGINS)
def test_what_a_closed_page_kept_is_sent_by_the_next_one(
    context: BrowserContext, server: Server, origin: str
) -> None:
    server.is_away = True
    first = _open(context.new_page(), origin)
    _type(first, "Offline")
    _reaches(first, "offline1")
    second = _open(context.new_page(), origin)
    assert second.evaluate(STATE) in ("saved0", "offline0")
    first.close()
    server.is_away = False
    third = _open(context.new_page(), origin)
    third.wait_for_function("session.model.nodes.get('llm').config.prompt === 'Offline'")
    _reaches(third, "saved0")
    assert [change["ops"][0]["value"] for change in server.log] == ["Offline"]
    assert _kept(third) == 0


def test_a_reload_in_the_middle_of_typing_loses_nothing(page: Page, server: Server) -> None:
    _open(page)
    _type(page, "Last words")
    _open(page)
    page.wait_for_function("session.model.nodes.get('llm').config.prompt === 'Last words'")
    _reaches(page, "saved0")
    assert [change["ops"][0]["value"] for change in server.log] == ["Last words"]


def test_a_redirect_to_the_page_to_sign_in_on_is_no_answer(page: Page, server: Server) -> None:
    _open(page)
    server.redirects = True
    _type(page, "Two")
    _reaches(page, "refused1")
    assert "sign in in another tab" in page.evaluate("session.sync.state.message")
    server.redirects = False
    page.evaluate("session.sync.retry()")
    _reaches(page, "saved0")


def test_changes_and_people_come_over_the_line(page: Page, server: Server) -> None:
    _open(page)
    page.wait_for_function("people.includes('Eve')")
    tab = page.evaluate("session.sync.tab")
    assert server.addresses == [f"ws://localhost/ws/flows/f/?tab={tab}&after=1"]
    op = {"op": "set_flow", "path": ["name"], "value": "Theirs"}
    change = {"id": "x", "label": "Name", "ops": [op], "conflicts": []}
    told = {"revision": 2, "tab": "t", "by": "Eve"}
    server.lines[0].send(json.dumps({"changes": [{**change, **told}]}))
    page.wait_for_function("session.model.head.name === 'Theirs'")
    assert page.evaluate("session.sync.base") == 2
    server.revision = 2
    server.lines[0].close()
    page.wait_for_function("people.length === 2")
    assert server.addresses[1].endswith("after=2")
    expect(page).to_have_title("Editor")
