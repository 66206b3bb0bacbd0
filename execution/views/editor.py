"""The editor of a flow: the canvas with its cards, and the draft as its script takes it."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.web import workspace_page
from flows.engine.document import dump
from flows.models import Flow
from flows.queries import document_problems, draft_document
from flows.views.actions import visible_flow
from flows.views.editor_cards import editor_cards
from flows.views.page_request import PageRequest
from flows.views.picture import problem_nodes


@require_GET
@workspace_page
def flow_editor(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """The page; without the right to edit it shows the draft, and nothing can be changed."""
    flow = visible_flow(request, flow_id)
    return render(request, "flows/editor/page.html", _context(request, flow))


def _context(request: PageRequest, flow: Flow) -> dict[str, Any]:
    document = draft_document(flow)
    problems = document_problems(document, flow.workspace_id)
    return {
        "flow": flow,
        "can_edit": request.actor.can("flow.edit"),
        "can_run": request.actor.can("run.start"),
        "cards": editor_cards(document, broken=problem_nodes(problems)),
        "problems": problems,
        "state": {"revision": flow.revision, "document": dump(document)},
    }


@require_GET
@workspace_page
def flow_cards(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """The cards of the nodes named by `?node=`, of all where none is named."""
    flow = visible_flow(request, flow_id)
    document = draft_document(flow)
    problems = document_problems(document, flow.workspace_id)
    wanted = request.GET.getlist("node") or None
    cards = editor_cards(document, broken=problem_nodes(problems), only=wanted)
    return render(request, "flows/editor/_cards.html", {"cards": cards})
