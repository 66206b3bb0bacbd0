"""Pictures of the pages, of a copy brought up for them: `python -m benchmarks.screenshots`.

Writes docs/screenshots/<page>-<light|dark>[-390].png. The model is the scripted server of the
tests, which answers with prose at a reader's pace; everything else is the product as it is.
"""

import argparse
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.editor_pictures import WISH, beginnings, described, editor, tools
from benchmarks.page_pictures import (
    ACCOUNT,
    BEFORE_SIGN_IN,
    of_approvals,
    of_flows,
    of_knowledge,
    of_runs,
)
from benchmarks.small_png import tighten
from benchmarks.stack import ROOT, Stack, empty_stack
from fluxprompt.testing.chromium import find
from tests.support.editor_states import AGENT
from tests.support.model_behaviours import Behaviour
from tests.support.model_server import ModelServer

EMAIL = "ada@example.com"
PASSWORD = "a screenshot of a password"
FLOW = "Write, critique, improve"
TOPIC = "why bridges are tested before they open"
#: What the model says when it is asked so, and how many milliseconds each word takes.
ANSWERS = {
    "Write one short paragraph": (
        "A bridge is only trusted once it has carried more than it will ever have to. Before the "
        "first car may cross, lorries full of sand stand on it in a long row, and engineers read "
        "from small mirrors how far each beam bends. What they look for is not strength but "
        "honesty: the steel has to give exactly as much as the drawings said.",
        12,
    ),
    "What could be better": (
        "Two things. First, nobody reads bridges from mirrors any more: today it is sensors, some "
        "no larger than a coin, and that detail would be more surprising than the mirrors are. "
        "Second, the last sentence explains what the picture before it has already shown. End on "
        "the bending beam itself and leave the honesty to the reader.",
        170,
    ),
    "Rewrite the paragraph": (
        "A bridge is only trusted once it has carried more than it will ever have to. Before the "
        "first car may cross, lorries full of sand stand on it in a long row while sensors the "
        "size of a coin listen to every beam. For an hour nobody moves. Then the numbers come in, "
        "and somewhere in the middle of the span the steel has bent by the width of two fingers, "
        "exactly as the drawings said it would.",
        12,
    ),
}


@dataclass(frozen=True)
class Look:
    """One theme at one width."""

    theme: Literal["light", "dark"]
    width: int
    height: int

    def file(self, page: str) -> str:
        return f"{page}-{self.theme}{'' if self.width == 1440 else f'-{self.width}'}.png"


LOOKS = (
    Look("light", 1440, 900),
    Look("dark", 1440, 900),
    Look("light", 390, 844),
    Look("dark", 390, 844),
)


class Gallery:
    """A browser page for each look, all of the same copy."""

    def __init__(self, browser: Browser, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.pages = {look: _page(browser, look) for look in LOOKS}
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def first(self) -> Page:
        return self.pages[LOOKS[0]]

    def show(self, name: str, path: str) -> None:
        """Open an address in every look and picture it."""
        self.open(path)
        self.shoot(name)

    def open(self, path: str) -> None:
        for page in self.pages.values():
            page.goto(f"{self.stack.url}{path}")

    def shoot(self, name: str, *, narrow: bool = True) -> None:
        """Picture what every look shows now, or only the wide ones."""
        for look, page in self.pages.items():
            if not narrow and look.width < 1000:
                continue
            file = self.folder / look.file(name)
            page.screenshot(path=file, animations="disabled")
            tighten(file)
            print(f"{file.name:28} {file.stat().st_size // 1000:4} kB", flush=True)

    def each(self, act: Callable[[Page], None]) -> None:
        for page in self.pages.values():
            act(page)


def _page(browser: Browser, look: Look) -> Page:
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height}, color_scheme=look.theme
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    return page


def tour(gallery: Gallery) -> None:
    """All pages, in the order in which a new operator meets them."""
    found = re.search(r"http\S+(/setup/\S+)", gallery.stack.log.read_text())
    if found is None:
        raise RuntimeError("`up` printed no set-up link.")
    gallery.show("setup", found[1])
    _set_up(gallery.first)
    gallery.first.context.clear_cookies()
    for name, path in BEFORE_SIGN_IN.items():
        gallery.show(name, path)
    gallery.show("sign-in", "/accounts/login/")
    gallery.each(_sign_in)
    _earlier_runs(gallery)
    gallery.show("flows", "/")
    flow = _address(gallery.first, FLOW)
    gallery.show("flow", flow)
    run = _live(gallery, flow)
    of_runs(gallery, flow, run, _again(gallery, flow))
    editor(gallery, flow, TOPIC)
    _around_the_editor(gallery, flow)
    of_flows(gallery, flow)
    site, sent = gallery.stack.url, {"X-CSRFToken": _token(gallery.first)}
    of_knowledge(gallery, site, sent)
    tools(gallery, _agent_flow(gallery.first, site, sent))
    beginnings(gallery, _new_flow(gallery.first, gallery.stack.url))
    gallery.show("runs", "/runs/")
    gallery.show("settings", "/settings/")
    for name, path in ACCOUNT.items():
        gallery.show(name, path)
    of_approvals(gallery, gallery.stack.url, {"X-CSRFToken": _token(gallery.first)})
    gallery.show("admin", "/admin/execution/run/")


def _set_up(page: Page) -> None:
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Name of your workspace").fill("Analytical Engines")
    page.get_by_role("button", name="Create and sign in").click()
    page.get_by_role("link", name=FLOW).first.wait_for()


def _sign_in(page: Page) -> None:
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=FLOW).first.wait_for()


def _address(page: Page, flow: str) -> str:
    return page.get_by_role("link", name=flow).first.get_attribute("href") or ""


def _start(gallery: Gallery, flow: str, fields: dict[str, str]) -> str:
    """Run a flow by its form; the path of the run's page."""
    page = gallery.first
    page.goto(f"{gallery.stack.url}{flow}")
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/**")
    return page.url.removeprefix(gallery.stack.url)


def _earlier_runs(gallery: Gallery) -> None:
    """So that pages do not look as if nothing had ever happened."""
    for name, fields in (
        ("Check a website", {"Url": gallery.stack.url}),
        ("Translate into three languages", {"Original": "The bridge opens on Sunday."}),
    ):
        gallery.first.goto(gallery.stack.url)
        _start(gallery, _address(gallery.first, name), fields)
        gallery.first.locator("[data-run][data-state=succeeded]").wait_for()


def _live(gallery: Gallery, flow: str) -> str:
    """The same run in every look: while its second model step streams, and when it has ended."""
    run = _start(gallery, flow, {"Topic": TOPIC})
    gallery.open(run)
    gallery.first.locator("#step-critique [data-slot=text]", has_text="coin").wait_for()
    gallery.shoot("run")
    gallery.each(lambda page: page.locator("[data-run][data-state=succeeded]").wait_for())
    gallery.each(lambda page: page.locator("#result .output-value").first.wait_for())
    gallery.shoot("finished")
    return run


def _again(gallery: Gallery, flow: str) -> str:
    """The path of another run of the flow, with another topic."""
    run = _start(gallery, flow, {"Topic": "why ships have bells"})
    gallery.first.locator("[data-run][data-state=succeeded]").wait_for()
    return run


def _around_the_editor(gallery: Gallery, flow: str) -> None:
    """Folders and tags in use, the templates, and a flow with two versions that differ."""
    _second_version(gallery.first, gallery.stack.url, flow)
    _in_order(gallery.first, gallery.stack.url, flow)
    gallery.open("/")
    for box in ("Tick Translate into three languages", "Tick Check a website"):
        gallery.each(lambda page, box=box: page.get_by_label(box).check())  # type: ignore[misc]
    gallery.shoot("flows-ticked")
    gallery.show("templates", "/templates/")
    gallery.show("template", "/templates/read_invoice/")
    gallery.show("versions", f"{flow}versions/")
    gallery.show("compared", f"{flow}versions/compare/?from=1&to=2")
    gallery.show("import", "/flows/import/")


def _second_version(page: Page, site: str, flow: str) -> None:
    """Publish the flow once more, with another prompt and a step that was not there."""
    address = f"{site}/api/v1/flows/{flow.strip('/').split('/')[-1]}"
    document = page.request.get(f"{address}/document").json()
    last = document["nodes"][-1]["id"]
    critique = next(node for node in document["nodes"] if node["id"] == "critique")
    critique["config"]["prompt"] += "\nName the best sentence too."
    count = {"words": "{{ critique.text | split | length }}"}
    document["nodes"].append(
        {"id": "words", "type": "transform", "label": "Count words", "config": {"fields": count}}
    )
    document["edges"] += [{"from": "critique", "to": "words"}, {"from": "words", "to": last}]
    sent = {"X-CSRFToken": _token(page)}
    page.request.put(f"{address}/document", data=document, headers=sent)
    page.request.post(f"{address}/publish", data={"note": "Counts words"}, headers=sent)


def _in_order(page: Page, site: str, flow: str) -> None:
    """A few folders and tags, with the flow among them."""
    sent = {"X-CSRFToken": _token(page)}
    for body in ({"name": "Newsroom"}, {"name": "Drafts", "folder": "Newsroom"}, {"name": "Shop"}):
        page.request.post(f"{site}/api/v1/folders", data=body, headers=sent)
    for name, colour in (("live", "green"), ("writing", "violet"), ("to check", "amber")):
        tag = {"name": name, "colour": colour}
        page.request.post(f"{site}/api/v1/tags", data=tag, headers=sent)
    place = {"folder": "Newsroom/Drafts", "tags": ["live", "writing"]}
    key = flow.strip("/").split("/")[-1]
    page.request.patch(f"{site}/api/v1/flows/{key}", data=place, headers=sent)


def _new_flow(page: Page, site: str) -> str:
    """The path of a flow that nobody has begun."""
    sent = {"X-CSRFToken": _token(page)}
    made = page.request.post(f"{site}/api/v1/flows", data={"name": "Overdue"}, headers=sent)
    return f"/flows/{made.json()['id']}/"


def _agent_flow(page: Page, site: str, sent: dict[str, str]) -> str:
    """The path of a flow whose agent has tools of each kind."""
    made = page.request.post(f"{site}/api/v1/flows", data={"document": AGENT}, headers=sent)
    return f"/flows/{made.json()['id']}/"


def _token(page: Page) -> str:
    """The token that a change by this session needs."""
    name = page.locator("meta[name=csrf-cookie]").get_attribute("content")
    return next(c["value"] for c in page.context.cookies() if c["name"] == name)  # type: ignore[no-any-return, typeddict-item]


@contextmanager
def _models() -> Iterator[str]:
    with ModelServer() as models:
        models.script(WISH, Behaviour(text=described()))
        for asked, (text, pace) in ANSWERS.items():
            models.script(asked, Behaviour(text=text, gap_ms=pace))
        yield models.url


def main() -> None:
    """Bring everything up, picture it, take it down."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--to", type=Path, default=ROOT / "docs" / "screenshots")
    folder = arguments.parse_args().to
    with ExitStack() as open_:
        model = open_.enter_context(_models())
        stack = open_.enter_context(
            empty_stack(
                ANTHROPIC_API_KEY="scripted",
                ANTHROPIC_BASE_URL=model,
                FLUX_ALLOW_HOSTS="127.0.0.1",
            )
        )
        playwright = open_.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        open_.callback(browser.close)
        tour(Gallery(browser, stack, folder))


if __name__ == "__main__":
    main()
