"""Runs of one step alone, with what a run before recorded for it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.web import workspace_page
from execution.models import NodeRun, NodeStatus, Run
from execution.options import asked_options
from execution.payloads import resolve_references
from execution.queries import latest_node_runs, run_document
from execution.services import InputsInvalid, NotPublished, OptionsInvalid, start_run
from execution.views.run import visible_run
from flows.engine.attempts import evaluated_of
from flows.engine.document import Document
from flows.engine.errors import DocumentInvalid, NodeError
from flows.engine.expressions import roots_in
from flows.engine.graph import Graph
from flows.engine.references import is_reference
from flows.engine.registry import registry
from flows.views.page_request import PageRequest

JSON = Any


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
    except (OptionsInvalid, InputsInvalid, NotPublished, DocumentInvalid, NodeError) as refused:
        messages.error(request, f"The step was not run: {refused}")
        return redirect("run-detail", run.id)
    return redirect("run-detail", made.id)


def _run_alone(request: PageRequest, run: Run, document: Document, graph: Graph, node: str) -> Run:
    rows = latest_node_runs(run)
    given = {
        name: _small_output(graph, row)
        for name in _read_by(graph, node)
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


def _read_by(graph: Graph, node: str) -> list[str]:
    """The steps before `node` whose outputs it may read, or what is inside it may."""
    before = graph.ancestors(node)
    read: set[str] = set()
    for name in (node, *graph.inside(node)):
        read.update(roots_in(evaluated_of(graph.nodes[name])))
    node_type = registry().get(graph.nodes[node].type)
    if node_type is not None and node_type.pure is not None:
        # Such a node is handed what comes in by its edges, as a merge is.
        read.update(edge.source for edge in graph.incoming[node])
    return [name for name in before if name in read]


def _small_output(graph: Graph, row: NodeRun) -> dict[str, JSON]:
    """What a step gave. Raises OptionsInvalid where a part of it is stored by reference."""
    output: dict[str, JSON] = row.output or {}
    if any(_references(output)):
        title = graph.nodes[row.node].label or row.node
        message = (
            f"the output of “{title}”, which it reads, is too large: at most 32 KB of a value can "
            "be given to one step. Use “Run again from here”, which takes large values over."
        )
        raise OptionsInvalid(f"given.{row.node}", message)
    return output


def _references(value: JSON) -> Iterator[bool]:
    """True for each large value in an output, as its row holds it; nothing is loaded."""
    if is_reference(value):
        yield True
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _references(item)
