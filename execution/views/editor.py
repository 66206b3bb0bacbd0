"""The editor of a flow: the canvas with its cards, and the draft as its script takes it."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.operators.features import is_on
from accounts.web import workspace_page
from execution.models import Run
from execution.queries import run_document
from execution.views.editor_runs import open_run_of
from execution.views.models_notice import has_model_provider
from execution.views.node_data import asked_run
from execution.views.run_form import empty_form
from flows.changes import draft_state
from flows.engine.document import Document, dump, parse
from flows.models import Flow
from flows.queries import document_problems, draft_document
from flows.storable import bad_text
from flows.views.actions import visible_flow
from flows.views.editor_cards import editor_cards
from flows.views.examples import examples
from flows.views.page_request import PageRequest
from flows.views.palette import node_type_facts, palette
from flows.views.picture import problem_nodes

#: Flows that a search from the editor finds at most.
FOUND_FLOWS = 8


@require_GET
@workspace_page
def flow_editor(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """The page; without the right to edit it shows the draft, and nothing can be changed.

    With `?run=` the flow as that run of it had it, to be read only, with the run laid over it.
    """
    flow = visible_flow(request, flow_id)
    run = asked_run(request, flow) if request.GET.get("run") else None
    context = _context(request, flow) if run is None else _past_context(request, flow, run)
    return render(request, "flows/editor/page.html", context)


def _context(request: PageRequest, flow: Flow) -> dict[str, Any]:
    state = draft_state(request.actor, flow)
    document = parse(state["document"])
    problems = document_problems(document, flow.workspace_id)
    return {
        "flow": flow,
        "can_edit": request.actor.can("flow.edit"),
        "can_run": request.actor.can("run.start"),
        "can_publish": request.actor.can("flow.publish"),
        "cards": editor_cards(document, broken=problem_nodes(problems)),
        "problems": problems,
        "state": {
            **state,
            "person": str(request.user.pk),
            "open_run": open_run_of(request, flow),
        },
        "palette": palette(),
        "node_types": node_type_facts(),
        "has_model": has_model_provider(request.workspace),
        "can_describe": is_on("describe", request.workspace.id),
        **_beginning(document, request.actor.can("flow.edit")),
    }


def _past_context(request: PageRequest, flow: Flow, run: Run) -> dict[str, Any]:
    """The page of a run that was: nothing of it can be changed, only run again."""
    document = run_document(run)
    state = {
        "revision": flow.revision,
        "document": dump(document),
        "person": str(request.user.pk),
        "past": str(run.id),
        "can_run": request.actor.can("run.start"),
    }
    return {
        "flow": flow,
        "past": run,
        "can_edit": False,
        "can_run": False,
        "can_publish": False,
        "cards": editor_cards(document),
        "problems": [],
        "state": state,
        "palette": palette(),
        "node_types": node_type_facts(),
        "has_model": True,
        "can_describe": True,
        **_beginning(document, False),
    }


def _beginning(document: Document, can_edit: bool) -> dict[str, Any]:
    """What a flow without a step of its own offers to start from."""
    is_new = can_edit and all(node.type in ("input", "output") for node in document.nodes)
    offered = examples() if is_new else ()
    return {
        "is_new": is_new,
        "examples": offered,
        "example_documents": {example.key: dump(example.document) for example in offered},
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


@require_GET
@workspace_page
def flow_inputs(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """The fields that a run of the draft asks for; `data-fields` counts them."""
    flow = visible_flow(request, flow_id)
    form = empty_form(draft_document(flow))
    return render(request, "flows/editor/_run_fields.html", {"flow": flow, "form": form})


@require_GET
@workspace_page
def flow_find(request: PageRequest) -> JsonResponse:
    """Flows whose name holds `?q=`, last changed first: `{"flows": [{id, name, url}]}`."""
    search = "" if bad_text(given := request.GET.get("q", "")) else given.strip()
    flows = Flow.objects.visible_to(request.actor).filter(name__icontains=search)
    found = flows.order_by("-updated_at").values_list("id", "name")[:FOUND_FLOWS]
    entries = [
        {"id": str(id), "name": name, "url": reverse("flow-editor", args=[id])}
        for id, name in found
    ]
    return JsonResponse({"flows": entries})
