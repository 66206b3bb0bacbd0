"""The addresses of all pages a person can open, made with something on each of them."""

import json
from datetime import timedelta
from urllib.parse import urlsplit

from django.utils import timezone

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
from tests.support.settings_pages import settings_pages
from tests.support.visitor import Visitor


def paths_of(visitor: Visitor) -> dict[str, str]:
    """A workspace with the examples and runs in several states: what each page is, and where."""
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
        "you": "/you/",
        "sign-in once more": "/you/again/",
        "end of an account": "/you/delete/",
        "passkeys": "/accounts/2fa/webauthn/",
        "new passkey": "/accounts/2fa/webauthn/add/",
        "failed sign-in elsewhere": "/accounts/3rdparty/login/error/",
        "connected accounts": "/accounts/3rdparty/",
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
        "who sees a flow": f"/flows/{flow.id}/sharing/",
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
