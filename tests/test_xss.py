"""Row S14: hostile texts everywhere that people are shown something, in a real browser."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request
from pytest_django import DjangoDbBlocker

from accounts.models import User, Workspace
from accounts.permissions import Actor
from accounts.services import create_api_key, create_credential, set_variable
from execution.approval_models import Approval
from execution.files.services import store_file
from execution.knowledge.services import add_document, create_collection
from execution.models import NodeRun, Run
from flows.organizing import create_folder, create_tag, move_flows, tag_flows
from flows.services import create_flow, publish_flow
from fluxprompt.testing.live_stack import LiveStack
from tests.support.visitor import Visitor, new_visitor

#: Each runs where it is put into a page as it is: as text, attribute, address, script or Markdown.
CORPUS = [
    "<script>window.__xss=1</script>",
    "<img src=x onerror=window.__xss=1>",
    '"><svg onload=window.__xss=1>',
    "' autofocus onfocus=window.__xss=1 x='",
    "</script><script>window.__xss=1</script>",
    "</textarea><script>window.__xss=1</script>",
    "</style><iframe srcdoc='<script>parent.__xss=1</script>'>",
    "[x](javascript:window.__xss=1)",
    '![x](x" onerror="window.__xss=1)',
    "<a href=javascript:window.__xss=1>x</a>",
    "{{constructor.constructor('window.__xss=1')()}}",
    "<details open ontoggle=window.__xss=1>",
    "<math><mtext><table><mglyph><style><img src onerror=window.__xss=1>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example/><button>x",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
]
ALL = "\n\n".join(CORPUS)
SHORT = "<img src=x onerror=window.__xss=1>"
#: What a page that is well never holds, wherever the texts went.
MARKS = "[onerror],[onload],[onfocus],[ontoggle],[srcdoc],[href^='javascript'],base,iframe,mglyph"


@dataclass(frozen=True)
class Hostile:
    visitor: Visitor
    paths: list[str]


@pytest.fixture
def hostile(stack: LiveStack, django_db_blocker: DjangoDbBlocker) -> Iterator[Hostile]:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        patch.setattr("flows.services.load_examples", lambda actor: [])
        visitor = new_visitor()
        yield Hostile(visitor, _paths(visitor))
        Run.objects.filter(workspace=visitor.workspace).delete()


def _paths(visitor: Visitor) -> list[str]:
    actor, workspace = visitor.actor, visitor.workspace
    User.objects.filter(email=visitor.email).update(name=SHORT)
    Workspace.objects.filter(id=workspace.id).update(name=SHORT)
    create_credential(actor, name=SHORT, type="bearer", values={"token": "x"})
    create_api_key(actor, name=SHORT)
    set_variable(actor, "region", ALL)
    flow = create_flow(actor, document=_document())
    version = publish_flow(actor, flow, note=SHORT)
    flow.refresh_from_db()
    move_flows(actor, [flow], create_folder(actor, name="<svg onload=window.__xss=1>"))
    tag_flows(actor, [flow], add=[create_tag(actor, name="<svg onload=window.__xss=1>")])
    made = create_collection(
        actor, name=SHORT, description=ALL[:500], model="openai_compatible/bag"
    )
    text, _ = add_document(
        actor, made, name=SHORT, text=f"# {ALL}", media_type="text/markdown", source=SHORT
    )
    file = store_file(actor, f"{SHORT}.html", io.BytesIO(ALL.encode()))
    runs = [_run(actor, flow, version, status, str(file.id)) for status in ("succeeded", "failed")]
    asked = Approval.objects.create(
        run=runs[0],
        workspace=workspace,
        node="ask",
        message=ALL,
        fields=[{"name": "a", "type": "text", "description": ALL}],
        assignees=[visitor.email],
        created_at=timezone.now(),
    )
    one, two = (run.id for run in runs)
    return [
        *("/", f"/?q={SHORT}", "/runs/", f"/runs/?search={SHORT}", "/settings/", "/flows/order/"),
        *(f"/flows/{flow.id}/", f"/flows/{flow.id}/edit/", f"/flows/{flow.id}/versions/"),
        *(f"/flows/{flow.id}/versions/1/", f"/flows/{flow.id}/name/"),
        *(f"/runs/{one}/", f"/runs/{two}/", f"/runs/compare/?a={one}&b={two}"),
        *(f"/runs/{one}/nodes/ask/", f"/runs/{two}/nodes/ask/", f"/runs/{one}/again/?from=ask"),
        *("/approvals/?who=all&state=any", f"/approvals/{asked.id}/"),
        *("/knowledge/", f"/knowledge/{made.pk}/", f"/knowledge/{made.pk}/documents/{text.pk}/"),
        f"/templates/?q={SHORT}",
        f"/nothing/{SHORT}",
    ]


def _document() -> dict[str, Any]:
    fields = [{"name": "a", "type": "text", "description": ALL, "default": ALL}]
    return {
        "schema": "fluxprompt.flow/v1",
        "name": SHORT,
        "description": ALL,
        "nodes": [
            {"id": "start", "type": "input", "label": SHORT, "config": {"fields": fields}},
            {"id": "ask", "type": "template", "label": SHORT, "config": {"template": SHORT}},
            {"id": "note", "type": "note", "config": {"text": ALL}},
            {"id": "end", "type": "output", "label": SHORT, "config": {"value": "{{ ask.text }}"}},
        ],
        "edges": [{"from": "start", "to": "ask"}, {"from": "ask", "to": "end"}],
    }


def _run(actor: Actor, flow: Any, version: Any, status: str, file: str) -> Run:
    now = timezone.now()
    error = {"code": "x", "message": ALL, "node": "ask"} if status == "failed" else None
    run = Run.objects.create(
        workspace_id=actor.workspace_id,
        flow=flow,
        version=version,
        status=status,
        session_id=SHORT,
        inputs={"a": ALL, SHORT: ALL},
        outputs=None if error else {"end": ALL, SHORT: {SHORT: [ALL]}, "file": {"file": file}},
        error=error,
        created_at=now,
        started_at=now,
        finished_at=now,
    )
    for node, kind in (("start", "input"), ("ask", "template")):
        NodeRun.objects.create(
            run=run,
            node=node,
            type=kind,
            status="succeeded" if not error or node == "start" else "failed",
            started_at=now,
            finished_at=now,
            input={"a": ALL, SHORT: ALL},
            output={"text": ALL, SHORT: ALL},
            error=error if node == "ask" else None,
        )
    return run


def test_s14_no_text_of_anybody_runs_in_a_page(
    stack: LiveStack, hostile: Hostile, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    said: list[str] = []

    def closed(dialog: Dialog) -> None:
        said.append(f"dialog at {page.url}")
        dialog.dismiss()

    def heard(message: ConsoleMessage) -> None:
        if "Content Security" in message.text:
            said.append(f"{page.url}: {message.text}")

    def asked(request: Request) -> None:
        if "evil" in _host(request.url):
            said.append(request.url)

    page.on("dialog", closed)
    page.on("console", heard)
    page.on("request", asked)
    hostile.visitor.let_in(context, stack)
    shown = 0
    for path in hostile.paths:
        page.goto(stack.base_url + path, wait_until="load")
        _open_all(page)
        for mark in ("window.__xss", f'document.querySelector("{MARKS}")?.outerHTML'):
            if found := page.evaluate(mark):
                said.append(f"{path}: {found}")
        shown += "window.__xss=1" in page.content()
    context.close()
    assert said == []
    # They are there, as words.
    assert shown > len(hostile.paths) / 2


def _host(url: str) -> str:
    return url.split("/")[2] if "//" in url else ""


def _open_all(page: Page) -> None:
    """What is folded away, and what is fetched when it comes into view."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    page.wait_for_load_state("networkidle")
