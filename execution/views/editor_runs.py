"""Runs that are started in the editor: of all of the draft, a part, or from a node of a run on."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.web import workspace_page
from execution.models import OPEN, Run
from execution.payloads import resolve_references
from execution.services import InputsInvalid, OptionsInvalid, RunStateConflict
from execution.steering import rerun_run
from execution.taking import REFUSED
from execution.trying import run_to, try_node
from execution.views.run_form import RunForm, Submitted, empty_form, raw_fields, read_form
from execution.views.uploads import with_uploads
from flows.engine.document import Document
from flows.engine.errors import NodeError
from flows.models import Flow
from flows.queries import draft_document
from flows.services import FlowGone
from flows.templatetags.pages import ago, state_word
from flows.views.actions import visible_flow
from flows.views.page_request import PageRequest

JSON = Any
#: Runs that the editor's list offers, the newest ones.
RECENT = 12
#: What people start from pages; a reload shows such a run again while it is open.
_FROM_PAGES = ("page", "rerun")


@require_POST
@workspace_page
def run_draft(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """Start a run of the draft, pinned outputs in their places; where the run is, as a redirect.

    `until` or `only` name a node: then the inputs, and the outputs that are read, are those of
    `run` or of the flow's latest one; with `asked` the inputs are those of the form. `from` runs
    `run` again from that node on, as the draft is now, or with `as_it_ran` as it was then. 422 with
    the form where something has to be mended, or where there are no inputs yet.
    """
    flow = visible_flow(request, flow_id)
    document = draft_document(flow)
    form: RunForm = empty_form(document)
    try:
        run = _started(request, flow, document)
    except InputsInvalid as invalid:
        form = form.with_errors(invalid.errors)
    except (*REFUSED, RunStateConflict, NodeError) as refused:
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
    if start := request.POST.get("from", ""):
        return _again(request, flow, document, start)
    pins: dict[str, Any] = dict(
        flow.nodes.filter(pinned__isnull=False).values_list("key", "pinned")
    )
    only, until = request.POST.get("only", ""), request.POST.get("until", "")
    if only:
        return try_node(request.actor, flow, only, _run_before(request, flow), pins).run
    if until and "asked" not in request.POST:
        inputs, session = _inputs_before(request, flow, document)
    else:
        filled = _filled_in(request, document)
        inputs, session = filled.inputs, filled.form.session_id
    return run_to(request.actor, flow, until or None, inputs, pins, session_id=session).run


def _filled_in(request: PageRequest, document: Document) -> Submitted:
    sent = with_uploads(request.actor, raw_fields(document), request)
    submitted = read_form(document, sent.data)
    form = submitted.form.with_errors(sent.errors)
    if form.has_errors:
        raise _FormInvalid(form)
    return replace(submitted, form=form)


def _again(request: PageRequest, flow: Flow, document: Document, start: str) -> Run:
    before = _run_before(request, flow)
    if before is None:
        raise OptionsInvalid("from", "The flow has not run yet. Run it once, then from a node on.")
    if request.POST.get("as_it_ran"):
        return rerun_run(request.actor, before, start=start).run
    # The draft may ask for more than the run was given.
    inputs = _filled_in(request, document).inputs if "asked" in request.POST else None
    return rerun_run(request.actor, before, start=start, inputs=inputs, version=document).run


def _run_before(request: PageRequest, flow: Flow) -> Run | None:
    """The run that is shown, else the latest; what it recorded is taken over."""
    runs = Run.objects.visible_to(request.actor).filter(flow=flow)
    try:
        wanted = UUID(request.POST.get("run", ""))
    except ValueError:
        return runs.exclude(trigger="describe").order_by("-created_at").first()
    return runs.filter(id=wanted).first()


def _inputs_before(
    request: PageRequest, flow: Flow, document: Document
) -> tuple[dict[str, JSON], str | None]:
    """Inputs and session of the run before."""
    run = _run_before(request, flow)
    if run is None:
        form = empty_form(document)
        if form.count:
            raise _FormInvalid(form)
        return {}, None
    inputs: dict[str, JSON] = resolve_references(run.workspace_id, run.inputs)
    return inputs, run.session_id


def open_run_of(request: PageRequest, flow: Flow) -> str:
    """The newest run that this person started from a page and that still goes on; else empty."""
    runs = Run.objects.visible_to(request.actor).filter(
        flow=flow, created_by_id=request.actor.user_id, trigger__in=_FROM_PAGES, status__in=OPEN
    )
    found = runs.order_by("-created_at").values_list("id", flat=True).first()
    return str(found) if found else ""


@require_GET
@workspace_page
def recent_runs(request: PageRequest, flow_id: UUID) -> JsonResponse:
    """The flow's newest runs: `{"runs": [{id, state, word, when, what, url}]}`."""
    request.actor.require("run.read")
    flow = visible_flow(request, flow_id)
    runs = Run.objects.visible_to(request.actor).filter(flow=flow).exclude(trigger="describe")
    found = runs.select_related("version").defer("inputs", "outputs").order_by("-created_at")
    entries = [
        {
            "id": str(run.id),
            "state": run.status,
            "word": state_word(run.status),
            "when": ago(run.created_at),
            "what": f"v{run.version.number}" if run.version else "draft",
            "url": f"{reverse('flow-editor', args=[flow.id])}?run={run.id}",
        }
        for run in found[:RECENT]
    ]
    return JsonResponse({"runs": entries, "all": f"{reverse('run-list')}?flow={flow.id}"})
