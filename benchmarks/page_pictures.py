"""Pictures of the pages around runs, approvals and accounts."""

from collections.abc import Callable
from typing import Any, Protocol

from playwright.sync_api import Page

#: Pages that nobody has to be signed in for.
BEFORE_SIGN_IN = {
    "sign-up": "/accounts/signup/",
    "password-reset": "/accounts/password/reset/",
    "password-reset-sent": "/accounts/password/reset/done/",
}
#: Pages of the own account, and what is shown where nothing is.
ACCOUNT = {
    "password": "/accounts/password/change/",
    "two-factor": "/accounts/2fa/",
    "two-factor-app": "/accounts/2fa/totp/activate/",
    "addresses": "/accounts/email/",
    "sessions": "/accounts/sessions/",
    "sign-out": "/accounts/logout/",
    "not-found": "/nothing/",
}


_RULES = """# Mornings

Breakfast is served from seven to ten, in the garden when the sun is out.

# Leaving

Rooms are free until noon. Bags can stay at the desk for the rest of the day.
"""


class Gallery(Protocol):
    """What is photographed, in every look at once."""

    @property
    def first(self) -> Page: ...
    def show(self, name: str, path: str) -> None: ...
    def open(self, path: str) -> None: ...
    def shoot(self, name: str) -> None: ...
    def each(self, act: Callable[[Page], None]) -> None: ...


def of_runs(gallery: Gallery, flow: str, run: str, earlier: str) -> None:
    """A step of a run, the form to run it again, two runs compared, and one on the canvas."""
    gallery.show("step", f"{run}nodes/critique/")
    gallery.show("run-again", f"{run}again/?from=critique")
    ids = [path.strip("/").split("/")[-1] for path in (run, earlier)]
    gallery.show("runs-compared", f"/runs/compare/?a={ids[0]}&b={ids[1]}")
    gallery.show("editor-past-run", f"{flow}edit/?run={ids[0]}")


def of_flows(gallery: Gallery, flow: str) -> None:
    """What is around a flow: its name, one of its versions, and the order of all flows."""
    gallery.show("flow-name", f"{flow}name/")
    gallery.show("version", f"{flow}versions/1/")
    gallery.show("folders-and-tags", "/flows/order/")


def of_approvals(gallery: Gallery, site: str, headers: dict[str, str]) -> None:
    """A run that waits for a person: the list of questions, and the question."""
    api = gallery.first.request
    made = api.post(f"{site}/api/v1/flows", data={"document": _asking()}, headers=headers).json()
    flow = f"{site}/api/v1/flows/{made['id']}"
    api.post(f"{flow}/publish", data={}, headers=headers)
    inputs = {"inputs": {"amount": 40, "order": "4711"}}
    api.post(f"{flow}/runs", data=inputs, headers=headers)
    page = gallery.first
    page.goto(f"{site}/approvals/?who=all&state=any")
    link = page.locator("main a[href^='/approvals/0']").first
    for _ in range(100):
        if link.is_visible():
            break
        page.wait_for_timeout(200)
        page.reload()
    address = link.get_attribute("href") or ""
    gallery.show("approvals", "/approvals/?who=all&state=any")
    gallery.show("approval", address)


def of_knowledge(gallery: Gallery, site: str, headers: dict[str, str]) -> None:
    """All collections, and one with a document and a query that was tried."""
    api = gallery.first.request
    about = {"name": "House rules", "description": "What guests ask about."}
    made = api.post(f"{site}/api/v1/collections", data=about, headers=headers).json()
    documents = f"{site}/api/v1/collections/{made['id']}/documents"
    rules = {"name": "House rules", "media_type": "text/markdown", "text": _RULES}
    api.post(documents, data=rules, headers=headers)
    page = f"/knowledge/{made['id']}/"
    for _ in range(100):
        gallery.first.goto(f"{site}{page}")
        if gallery.first.locator("#document-rows [data-tone=good]").count():
            break
        gallery.first.wait_for_timeout(200)
    gallery.show("knowledge", "/knowledge/")
    gallery.open(page)
    gallery.each(_try_query)
    gallery.shoot("collection")


def _try_query(page: Page) -> None:
    page.get_by_role("textbox", name="Query").fill("When is breakfast?")
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator("#try ol > li").first.wait_for()


def _asking() -> dict[str, Any]:
    fields = [{"name": "amount", "type": "number"}, {"name": "order", "type": "string"}]
    asked = {
        "message": "May this refund go out?\n\nOrder {{ start.order }}: {{ start.amount }} euros.",
        "fields": [
            {"name": "amount", "type": "number", "required": True, "description": "In euros"},
            {"name": "reason", "type": "text"},
        ],
    }
    return {
        "schema": "fluxprompt.flow/v1",
        "name": "Refunds",
        "nodes": [
            {"id": "start", "type": "input", "config": {"fields": fields}},
            {"id": "ask", "type": "approval", "label": "A person decides", "config": asked},
            {"id": "paid", "type": "output", "config": {"value": "{{ ask.data }}"}},
        ],
        "edges": [{"from": "start", "to": "ask"}, {"from": "ask.approved", "to": "paid"}],
    }
