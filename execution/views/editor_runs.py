"""Runs of the draft that are started in the editor: all of it, up to a node, or one node alone."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.web import workspace_page
from execution.models import Run
from execution.payloads import resolve_references
from execution.services import InputsInvalid, NotPublished, OptionsInvalid
from execution.trying import run_to, try_node
from execution.views.run_form import RunForm, empty_form, read_form
from flows.engine.document import Document
from flows.engine.errors import DocumentInvalid
from flows.models import Flow
from flows.queries import draft_document
from flows.services import FlowGone
from flows.views.actions import visible_flow
from flows.views.page_request import PageRequest

JSON = Any


@require_POST
@workspace_page
def run_draft(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """Start a run of the draft, pinned outputs in their places; where the run is, as a redirect.

    `until` or `only` name a node: then the inputs, and the outputs that are read, are those of
    `run` or of the flow's latest one. 422 with the form where something has to be mended.
    """
    flow = visible_flow(request, flow_id)
    document = draft_document(flow)
    form: RunForm = empty_form(document)
    try:
        run = _started(request, flow, document)
    except InputsInvalid as invalid:
        form = form.with_errors(invalid.errors)
    except (NotPublished, DocumentInvalid, OptionsInvalid) as refused:
        form = form.with_errors([{"path": "", "message": str(refused)}])
    except _FormInvalid as invalid:
        form = invalid.form
    except FlowGone as gone:
        raise Http404(str(gone)) from gone
    else:
        return HttpResponseClientRedirect(reverse("run-detail", args=[run.id]))
    context = {"flow": flow, "form": form}
    return render(request, "flows/editor/_run_fields.html", context, status=422)


class _FormInvalid(Exception):
    def __init__(self, form: RunForm) -> None:
        super().__init__()
        self.form = form


def _started(request: PageRequest, flow: Flow, document: Document) -> Run:
    pins: dict[str, Any] = dict(
        flow.nodes.filter(pinned__isnull=False).values_list("key", "pinned")
    )
    only, until = request.POST.get("only", ""), request.POST.get("until", "")
    if only:
        return try_node(request.actor, flow, only, _run_before(request, flow), pins).run
    if until:
        return run_to(request.actor, flow, until, _inputs_before(request, flow), pins).run
    submitted = read_form(document, request.POST)
    if submitted.form.has_errors:
        raise _FormInvalid(submitted.form)
    return run_to(request.actor, flow, None, submitted.inputs, pins).run


def _run_before(request: PageRequest, flow: Flow) -> Run | None:
    """The run that is shown, else the latest; what it recorded is taken over."""
    runs = Run.objects.visible_to(request.actor).filter(flow=flow)
    try:
        wanted = UUID(request.POST.get("run", ""))
    except ValueError:
        return runs.exclude(trigger="describe").order_by("-created_at").first()
    return runs.filter(id=wanted).first()


def _inputs_before(request: PageRequest, flow: Flow) -> dict[str, JSON]:
    run = _run_before(request, flow)
    if run is None:
        return {}
    inputs: dict[str, JSON] = resolve_references(run.workspace_id, run.inputs)
    return inputs
