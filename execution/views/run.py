"""The page of a run, which follows it live, and the parts of it that are fetched one by one."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.web import workspace_page
from execution.models import NodeRun, Run
from execution.queries import latest_node_runs, run_document, value_of
from execution.queue_reasons import queued_of
from execution.services import RunStateConflict, cancel_run
from execution.views.steps import answer_text, run_view, step_of, steps_of
from execution.views.values import ShownValue, shown_json, shown_value
from flows.engine.document import Document, dump_yaml
from flows.engine.errors import NodeError
from flows.views.page_request import PageRequest
from flows.views.picture import picture


def visible_run(request: PageRequest, run_id: UUID) -> Run:
    """The run where the signed-in person may see it; 404 otherwise."""
    runs = Run.objects.visible_to(request.actor).select_related("flow", "version", "snapshot")
    return get_object_or_404(runs, pk=run_id)


@require_GET
@workspace_page
def run_page(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Where the run is now; the script goes on from there."""
    run = visible_run(request, run_id)
    document = run_document(run)
    rows = latest_node_runs(run)
    steps = steps_of(run, document, rows)
    context = {
        "run": run,
        "flow": run.flow,
        "steps": steps,
        "picture": picture(document, run=run_view(steps, rows)),
        "inputs": shown_value(run.inputs),
        "queued": queued_of([run]).get(run.id),
        "can_cancel": request.actor.can("run.cancel"),
        "can_run": request.actor.can("run.start"),
        "now": timezone.now(),
        **_result(run, document),
    }
    return render(request, "execution/run_page.html", context)


@require_GET
@workspace_page
def run_queue(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Why the run still waits; nothing once it has started."""
    run = visible_run(request, run_id)
    context = {"run": run, "queued": queued_of([run]).get(run.id)}
    return render(request, "execution/_queue.html", context)


@require_GET
@workspace_page
def run_result(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The outputs or the error of a run that ended, and what became of each wire."""
    run = visible_run(request, run_id)
    document = run_document(run)
    rows = latest_node_runs(run)
    drawn = picture(document, run=run_view(steps_of(run, document, rows), rows))
    context = {
        "run": run,
        "flow": run.flow,
        "wires": {wire.id: wire.flow for wire in drawn.wires},
        "can_run": request.actor.can("run.start"),
        **_result(run, document),
    }
    return render(request, "execution/_result.html", context)


def _result(run: Run, document: Document) -> dict[str, Any]:
    labels = {node.id: node.label or node.id for node in document.nodes}
    outputs: list[tuple[str, ShownValue]] = []
    if isinstance(run.outputs, dict):
        outputs = [
            (labels.get(str(name), str(name)), shown_value(value))
            for name, value in run.outputs.items()
        ]
    error = run.error or {}
    node = error.get("node", "")
    return {"outputs": outputs, "error": error, "error_title": labels.get(node, node)}


@require_POST
@workspace_page
def run_cancel(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Ask the run to stop."""
    run = visible_run(request, run_id)
    try:
        cancel_run(request.actor, run)
    except RunStateConflict as conflict:
        messages.error(request, str(conflict))
    return redirect("run-detail", run.id)


def _latest(run: Run, node: str) -> NodeRun | None:
    return NodeRun.objects.filter(run=run, node=node).order_by("-attempt").first()


def _known_node(run: Run, node: str) -> Document:
    document = run_document(run)
    if all(spec.id != node for spec in document.nodes):
        raise Http404("The flow of this run has no such node.")
    return document


@require_GET
@workspace_page
def run_step(request: PageRequest, run_id: UUID, node: str) -> HttpResponse:
    """One step as the list shows it."""
    run = visible_run(request, run_id)
    document = _known_node(run, node)
    step = step_of(run, document, _latest(run, node), node)
    return render(request, "execution/_step.html", {"run": run, "step": step})


@require_GET
@workspace_page
def run_node(request: PageRequest, run_id: UUID, node: str) -> HttpResponse:
    """What went into a node and what came out, in the page's list or as a page of its own."""
    run = visible_run(request, run_id)
    document = _known_node(run, node)
    attempts = list(NodeRun.objects.filter(run=run, node=node).order_by("attempt", "started_at"))
    row = attempts[-1] if attempts else None
    context = {
        "run": run,
        "flow": run.flow,
        "row": row,
        "attempts": attempts if len(attempts) > 1 else [],
        "step": step_of(run, document, row, node),
        "given": shown_json(row.input) if row and row.input else None,
        "output": shown_json(row.output) if row and row.output else None,
        "answer": answer_text(row) if row else "",
    }
    template = "execution/_node_values.html" if request.htmx else "execution/node_page.html"
    return render(request, template, context)


@require_GET
@workspace_page
def node_value(request: PageRequest, run_id: UUID, node: str, side: str) -> HttpResponse:
    """A node's whole input or output as a JSON file; large parts stay references."""
    run = visible_run(request, run_id)
    row = _latest(run, node)
    value = getattr(row, side, None)
    if value is None:
        raise Http404("There is no such value.")
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return _file(text.encode(), "json", f"{node}-{side}")


@require_GET
@workspace_page
def run_value(request: PageRequest, run_id: UUID, digest: str) -> HttpResponse:
    """A large value as a file."""
    run = visible_run(request, run_id)
    try:
        kind, data = value_of(run, digest)
    except NodeError as missing:
        raise Http404(missing.message) from missing
    return _file(data, kind, digest[:12])


@require_GET
@workspace_page
def run_flow_file(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The flow as it ran, as a YAML file."""
    run = visible_run(request, run_id)
    return _file(dump_yaml(run_document(run)).encode(), "yaml", run.flow.slug)


_KINDS = {"json": ("application/json", "json"), "yaml": ("application/yaml", "yaml")}


def _file(data: bytes, kind: str, name: str) -> HttpResponse:
    """Never shown in place: what a run holds came from outside."""
    content_type, ending = _KINDS.get(kind, ("text/plain", "txt"))
    return HttpResponse(
        data,
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.{ending}"'},
    )
