"""Runs of one step alone, with what a run before recorded for it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.web import workspace_page
from execution.models import NodeStatus, Run
from execution.options import asked_options
from execution.payloads import resolve_references
from execution.queries import latest_node_runs, run_document
from execution.services import InputsInvalid, NotPublished, OptionsInvalid, start_run
from execution.views.run import visible_run
from flows.engine.document import Document
from flows.engine.errors import DocumentInvalid, NodeError
from flows.engine.graph import Graph
from flows.views.page_request import PageRequest


@require_POST
@workspace_page
def run_only(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Run `node` alone; the outputs of the steps before it are those that this run recorded."""
    run = visible_run(request, run_id)
    document = run_document(run)
    graph = Graph(document)
    node = request.POST.get("node", "")
    if graph.holder.get(node, "") is not None:
        raise Http404("The flow of this run has no such step outside of containers.")
    try:
        made = _run_alone(request, run, document, graph, node)
    except (OptionsInvalid, InputsInvalid, NotPublished, DocumentInvalid, NodeError) as refused:
        messages.error(request, f"The step was not run: {refused}")
        return redirect("run-detail", run.id)
    return redirect("run-detail", made.id)


def _run_alone(request: PageRequest, run: Run, document: Document, graph: Graph, node: str) -> Run:
    rows = latest_node_runs(run)
    given = {
        name: resolve_references(run.workspace_id, row.output or {})
        for name in graph.ancestors(node)
        if (row := rows.get(name)) is not None and row.status == NodeStatus.SUCCEEDED
    }
    started = start_run(
        request.actor,
        run.flow,
        resolve_references(run.workspace_id, run.inputs),
        version=run.version.number if run.version else document,
        session_id=run.session_id,
        trigger="page",
        options=asked_options(None, node, given),
    )
    return started.run
