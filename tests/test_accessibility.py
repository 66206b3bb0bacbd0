"""Every page in a real browser, in both themes, wide and narrow: axe finds nothing wrong."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from django.utils import timezone
from playwright.sync_api import Browser

from accounts.models import Workspace
from execution.approval_links import link_address
from execution.approval_models import Approval
from execution.knowledge.services import add_document, create_collection
from execution.models import NodeRun, Run
from flows.draft import read_draft
from flows.engine.document import dump
from flows.models import Flow
from flows.organizing import create_folder, create_tag, move_flows, tag_flows
from flows.organizing_models import TagColour
from flows.services import publish_flow, replace_draft
from fluxprompt.testing.live_stack import LiveStack
from tests.support.axe import WIDTHS, faults
from tests.support.pages import pages_of_the_site
from tests.support.settings_pages import settings_pages
from tests.support.visitor import Visitor, new_visitor, watch

#: Pages that nobody has to be signed in for.
BEFORE_SIGN_IN = (
    "/accounts/login/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/x-x/",
    "/accounts/password/reset/key/done/",
    "/accounts/signup/",
    "/accounts/confirm-email/",
    "/accounts/confirm-email/x/",
    "/accounts/inactive/",
    "/setup/x/",
)
_PART = "a part of a page, which is looked at as it stands in that page"
_DATA = "data for scripts or a file to keep, no page"
#: Addresses that answer GET and are not looked at by axe here, with the reason.
NOT_LOOKED_AT = {
    "healthz": _DATA,
    "readyz": _DATA,
    "flow-draft": _DATA,
    "flow-problems": "a part of the editor, opened in test_editor_accessibility.py",
    "flow-download": _DATA,
    "file-download": _DATA,
    "flow-editor": "every state of it is opened in test_editor_accessibility.py",
    "flow-inputs": "a part of the editor, opened in test_editor_accessibility.py",
    "flow-find": _DATA,
    "flow-recent-runs": _DATA,
    "flow-cards": "a part of the editor, opened in test_editor_accessibility.py",
    "node-form": "a part of the editor, opened in test_editor_accessibility.py",
    "node-scope": _DATA,
    "node-data": "a part of the editor, opened in test_editor_accessibility.py",
    "node-last": "a part of the editor, opened in test_editor_accessibility.py",
    "settings-credential-fields": _PART,
    "run-flow": _DATA,
    "run-queue": _PART,
    "run-result": _PART,
    "run-progress": _PART,
    "collection-progress": _PART,
    "run-step": _PART,
    "run-iterations": _PART,
    "run-value": _DATA,
    "node-value": _DATA,
    "temporal-codec-decode": _DATA,
    "temporal-codec-encode": _DATA,
    "account_reauthenticate": "asked for by what cannot be undone; the form of the sign-in page",
    "account_set_password": "for people without a password; the form to change it",
    "account_confirm_login_code": "codes by mail are not offered",
    "mfa_authenticate": "comes after a password where two factors are on; the same form",
    "mfa_reauthenticate": "the same form as where two factors are set up",
    "mfa_deactivate_totp": "only with two factors on; one button",
    "mfa_view_recovery_codes": "only with two factors on; a list of codes",
    "mfa_generate_recovery_codes": "only with two factors on; one button",
    "mfa_download_recovery_codes": _DATA,
}


@dataclass(frozen=True)
class Home:
    """A person with a workspace that holds the examples and runs in several states."""

    visitor: Visitor
    paths: dict[str, str]


@pytest.fixture
def home(stack: LiveStack, django_db_blocker: Any) -> Iterator[Home]:
    # Playwright's own loop runs in this thread; these few rows block nobody in it.
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        visitor = new_visitor()
        yield Home(visitor, _paths(visitor))
        # The reconciler would ask Temporal about a run that never was there.
        Run.objects.filter(workspace=visitor.workspace).delete()


def _paths(visitor: Visitor) -> dict[str, str]:
    workspace = visitor.workspace
    flow = Flow.objects.filter(workspace=workspace, name__icontains="triage").get()
    ended, under_way = _run(workspace, flow, "failed"), _run(workspace, flow, "running")
    asked, decided = _approval(under_way, visitor), _approval(ended, visitor, "decided")
    return {
        "flows": "/",
        "flow": f"/flows/{flow.id}/",
        **_around_the_editor(visitor, flow),
        **_described(flow, visitor),
        "runs": "/runs/",
        "run that failed": f"/runs/{ended.id}/",
        "two runs compared": f"/runs/compare/?a={ended.id}&b={under_way.id}",
        "run under way": f"/runs/{under_way.id}/",
        "node": f"/runs/{ended.id}/nodes/sort/",
        "run again from a step": f"/runs/{ended.id}/again/?from=sort",
        **_mapped(workspace),
        "approvals": "/approvals/?who=all&state=any",
        "approval": f"/approvals/{asked.id}/",
        "approval that was decided": f"/approvals/{decided.id}/",
        "link in a mail": urlsplit(link_address(asked, visitor.email)).path,
        "link that does not work": "/approvals/by-link/x/",
        **_knowledge(visitor),
        "settings": "/settings/",
        **settings_pages(visitor),
        "password": "/accounts/password/change/",
        "two-factor": "/accounts/2fa/",
        "two-factor by an app": "/accounts/2fa/totp/activate/",
        "addresses": "/accounts/email/",
        "sessions": "/accounts/sessions/",
        "sign-out": "/accounts/logout/",
        "nothing": "/nothing/",
    }


def _around_the_editor(visitor: Visitor, flow: Flow) -> dict[str, str]:
    """Folders and tags in use, templates, and two versions of which the later lacks a step."""
    folder = create_folder(visitor.actor, name="Clients")
    inner = create_folder(visitor.actor, name="Acme", parent=folder)
    move_flows(visitor.actor, [flow], inner)
    for colour in TagColour.values:
        tag_flows(
            visitor.actor, [flow], add=[create_tag(visitor.actor, name=colour, colour=colour)]
        )
    document = dump(read_draft(flow))
    document["nodes"] = [node for node in document["nodes"] if node["id"] != "bug"]
    document["edges"] = [e for e in document["edges"] if "bug" not in e["from"] + e["to"]]
    publish_flow(visitor.actor, replace_draft(visitor.actor, flow, document))
    versions = f"/flows/{flow.id}/versions/"
    return {
        "folder": f"/?folder={folder.pk}",
        "no flow that matches": "/?q=nosuchflow",
        "folders and tags": "/flows/order/",
        "name of a flow": f"/flows/{flow.id}/name/",
        "import": "/flows/import/",
        "templates": "/templates/",
        "template": "/templates/compare_pages/",
        "versions": versions,
        "version": f"{versions}1/",
        "two versions compared": f"{versions}compare/?from=1&to=2",
    }


def _described(flow: Flow, visitor: Visitor) -> dict[str, str]:
    """Drafting from words: the wish, the wait, the review, and an answer that is no flow."""
    document = dump(read_draft(flow))
    document["nodes"].append({"id": "added", "type": "output", "config": {"value": "New"}})
    now = timezone.now()
    asked = {"wish": "Sort what customers write.", "system": "", "prompt": "", "round": 2}
    address, found = f"/flows/{flow.id}/describe/", {}
    answers = {"wait": None, "review": json.dumps(document), "no flow": "I cannot do that."}
    for name, answer in answers.items():
        run = Run.objects.create(
            workspace=visitor.workspace,
            flow=flow,
            version=flow.published,
            trigger="describe",
            status="succeeded" if answer else "running",
            inputs=asked,
            outputs={"answer": answer} if answer else None,
            created_at=now,
            started_at=now,
            finished_at=now if answer else None,
        )
        found[f"described: {name}"] = f"{address}{run.id}/"
    return {"describe": address, **found}


def _knowledge(visitor: Visitor) -> dict[str, str]:
    """A collection that waits for its index, one that is empty, and a document."""
    model = "openai_compatible/bag"
    empty = create_collection(visitor.actor, name="Empty", model=model)
    made = create_collection(visitor.actor, name="Hand" + "averylongword" * 12, model=model)
    text = "# Returns\n\nSend it back. " + "averylongword" * 30
    document, _ = add_document(visitor.actor, made, name="Returns", text=text, source="x" * 300)
    return {
        "collections": "/knowledge/",
        "collection": f"/knowledge/{made.pk}/",
        "collection without documents": f"/knowledge/{empty.pk}/",
        "document": f"/knowledge/{made.pk}/documents/{document.pk}/",
    }


def _mapped(workspace: Workspace) -> dict[str, str]:
    """Pages of a flow and a run with a map, one of whose items failed."""
    flow = Flow.objects.filter(workspace=workspace, name__icontains="feedback").get()
    now = timezone.now()
    run = Run.objects.create(
        workspace=workspace,
        flow=flow,
        version=flow.published,
        status="succeeded",
        inputs={"comments": ["Nice", "Hm"]},
        created_at=now,
        started_at=now,
        finished_at=now + timedelta(seconds=2),
    )
    steps: list[tuple[str, str, list[str | int], str]] = [
        ("each", "map", [], "succeeded"),
        ("sort", "llm", ["each", 0], "succeeded"),
        ("sort", "llm", ["each", 1], "failed"),
    ]
    for node, kind, path, state in steps:
        NodeRun.objects.create(
            run=run,
            node=node,
            type=kind,
            path=path,
            status=state,
            started_at=now,
            finished_at=now,
            input={"items": ["Nice", "Hm"]} if kind == "map" else {"prompt": "Sort it"},
            error={"code": "busy", "message": "Too busy."} if state == "failed" else None,
            reused=state == "succeeded",
        )
    return {
        "flow with a map": f"/flows/{flow.id}/",
        "run with a map": f"/runs/{run.id}/",
        "items of a step": f"/runs/{run.id}/nodes/sort/",
        "one item": f"/runs/{run.id}/nodes/sort/?at=each.1",
    }


def _approval(run: Run, visitor: Visitor, state: str = "open") -> Approval:
    return Approval.objects.create(
        run=run,
        workspace_id=run.workspace_id,
        node="reply",
        message="May this refund go out?\n" + "averylongword" * 30,
        fields=[
            {"name": "amount", "type": "number", "required": True, "description": "In euros"},
            {"name": "reason", "type": "text"},
            {"name": "urgent", "type": "boolean"},
        ],
        assignees=[visitor.email],
        state=state,
        decision="approved" if state == "decided" else "",
        comment="Fine with me." if state == "decided" else "",
        data={"amount": 40} if state == "decided" else {},
        decider={"name": "Ada", "via": "link"} if state == "decided" else None,
        decided_at=timezone.now(),
        created_at=timezone.now(),
    )


def _run(workspace: Workspace, flow: Flow, status: str) -> Run:
    now = timezone.now()
    error = {"code": "model_busy", "message": "The provider is busy. Try again.", "node": "sort"}
    failed = status == "failed"
    run = Run.objects.create(
        workspace=workspace,
        flow=flow,
        version=flow.published,
        status=status,
        error=error if failed else None,
        inputs={"subject": "Refund", "body": "Where is it?"},
        created_at=now,
        started_at=now,
        finished_at=now + timedelta(seconds=2) if failed else None,
    )
    steps = [("ticket", "input", "succeeded"), ("sort", "llm", status)]
    if not failed:
        steps.append(("reply", "approval", "waiting"))
    for node, kind, state in steps:
        NodeRun.objects.create(
            run=run,
            node=node,
            type=kind,
            status=state,
            started_at=now,
            finished_at=now if state not in ("running", "waiting") else None,
            input={"prompt": "Sort it"},
            output={"text": "billing"} if state == "succeeded" else None,
            error=error if state == "failed" else None,
        )
    return run


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_on_any_page(
    stack: LiveStack, home: Home, browser: Browser, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    said = watch(page)
    found: dict[str, list[str]] = {}
    for path in BEFORE_SIGN_IN:
        page.goto(stack.base_url + path)
        found[path] = faults(page)
    home.visitor.sign_in(page, stack)
    for name, path in home.paths.items():
        page.goto(stack.base_url + path)
        for summary in page.locator("[data-inside] > details[data-values] > summary").all():
            summary.click()
            page.locator("[data-iterations]").first.wait_for()
        found[name] = faults(page)
    page.goto(stack.base_url)
    page.get_by_label("Tick Triage a support ticket").check()
    page.locator("summary", has_text="Move").click()
    found["ticked flows"] = faults(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New flow").click()
    found["dialog"] = faults(page)
    context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert said == []


def test_every_page_of_the_site_is_looked_at_or_listed_with_a_reason(home: Home) -> None:
    seen = {resolve(urlsplit(path).path).url_name for path in looked_at(home)}
    pages = pages_of_the_site()
    assert sorted(pages - seen - NOT_LOOKED_AT.keys()) == []
    assert sorted(NOT_LOOKED_AT.keys() - (pages - seen)) == []


def looked_at(home: Home) -> list[str]:
    """The addresses of all pages that axe reads."""
    paths = [*BEFORE_SIGN_IN, *home.paths.values()]
    return [path for path in paths if path != "/nothing/"]


def test_the_menu_of_a_narrow_screen_opens_and_closes_from_the_keyboard(
    stack: LiveStack, home: Home, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    home.visitor.sign_in(page, stack)
    page.get_by_role("button", name="Open the menu").focus()
    page.keyboard.press("Enter")
    link = page.locator("#drawer").get_by_role("link", name="Runs")
    assert link.is_visible()
    page.keyboard.press("Escape")
    assert link.is_hidden()
    context.close()


def test_the_chosen_theme_is_kept_and_set_before_the_first_paint(
    stack: LiveStack, home: Home, browser: Browser
) -> None:
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    home.visitor.sign_in(page, stack)
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload(wait_until="commit")
    page.wait_for_selector("html.dark", timeout=5_000)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(13, 16, 24)"
    context.close()


def test_pages_work_without_scripts(stack: LiveStack, home: Home, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    home.visitor.sign_in(page, stack)
    page.goto(stack.base_url + home.paths["run under way"])
    assert page.get_by_role("link", name="Refresh to see where the run is now").is_visible()
    assert page.locator(".node-card").first.is_visible()
    page.goto(stack.base_url + home.paths["run that failed"])
    assert page.get_by_text("The provider is busy.").first.is_visible()
    context.close()
