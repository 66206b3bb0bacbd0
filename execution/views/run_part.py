"""Runs of one step alone, with what a run before recorded for it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.web import workspace_page
from execution.models import Run
from execution.payloads import resolve_references
from execution.queries import run_document
from execution.services import InputsInvalid, start_run
from execution.taking import REFUSED
from execution.trying import Needed, stored
from execution.views.run import visible_run
from flows.engine.document import Document
from flows.engine.errors import NodeError
from flows.engine.graph import Graph
from flows.views.page_request import PageRequest


@require_POST
@workspace_page
def run_only(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Run `node` alone; the outputs of the steps it reads are those that this run recorded."""
    run = visible_run(request, run_id)
    document = run_document(run)
    graph = Graph(document)
    node = request.POST.get("node", "")
    if graph.holder.get(node, "") is not None:
        raise Http404("The flow of this run has no such step outside of containers.")
    try:
        made = _run_alone(request, run, document, graph, node)
    except (*REFUSED, InputsInvalid, NodeError) as refused:
        messages.error(request, f"The step was not run: {refused}")
        return redirect("run-detail", run.id)
    return redirect("run-detail", made.id)


def _run_alone(request: PageRequest, run: Run, document: Document, graph: Graph, node: str) -> Run:
    given = stored(run.workspace_id, {}, Needed(graph, node, run, {}).recorded)
    started = start_run(
        request.actor,
        run.flow,
        resolve_references(run.workspace_id, run.inputs),
        version=run.version.number if run.version else document,
        session_id=run.session_id,
        trigger="page",
        options={"only": node, **({"given": given} if given else {})},
    )
    return started.run
