"""The page of a run, which follows it live, its result, and what it holds as files."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.web import actor_for, workspace_page
from execution.agent_steps import is_step
from execution.models import NodeRun, Run
from execution.queries import latest_node_runs, run_document, value_of
from execution.queue_reasons import Reason, queued_of
from execution.stalled import why_stalled
from execution.views.inside import name_of
from execution.views.steps import run_view, steps_of
from execution.views.values import ShownValue, shown_value
from flows.engine.document import Document, dump_yaml
from flows.engine.errors import NodeError
from flows.sharing import on
from flows.views.page_request import PageRequest
from flows.views.picture import picture


def visible_run(request: PageRequest, run_id: UUID) -> Run:
    """The run where the signed-in person may see it; 404 otherwise.

    From here on `request.actor` may what they may do with its flow.
    """
    runs = Run.objects.visible_to(request.actor).select_related("flow", "version", "snapshot")
    run = get_object_or_404(runs, pk=run_id)
    request.actor = on(request.actor, run.flow)
    return run


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
        "picture": picture(document, run=run_view(steps)),
        "inputs": shown_value(run.inputs),
        "queued": queued_of([run]).get(run.id),
        "first_look": True,
        "can_cancel": request.actor.can("run.cancel"),
        "above": _above(request, run),
        "repeats": _repeats(run, document),
        "can_run": request.actor.can("run.start"),
        "now": timezone.now(),
        **_result(run, document, rows),
    }
    return render(request, "execution/run_page.html", context)


def _above(request: PageRequest, run: Run) -> dict[str, Any] | None:
    """The run and the step that this one is the sub-flow of, where that may be seen."""
    if run.parent_id is None:
        return None
    rows = Run.objects.visible_to(actor_for(request))
    parent = rows.select_related("flow", "version", "snapshot").filter(pk=run.parent_id).first()
    if parent is None:
        return None
    document = run_document(parent)
    node, step = run.parent_node, ""
    if is_step(node):
        node, step = str(run.parent_path[-2]), node.removeprefix(".")
    title = next((n.label or n.id for n in document.nodes if n.id == run.parent_node), step)
    place = name_of(run.parent_path, document)
    return {"run": parent, "node": node, "title": title, "place": place}


@require_GET
@workspace_page
def run_queue(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Why the run waits or stands still; nothing once it has ended."""
    run = visible_run(request, run_id)
    queued = queued_of([run]).get(run.id)
    held_back = queued is not None and queued.reason != Reason.ENGINE_UNREACHABLE
    context = {
        "run": run,
        "queued": queued,
        "stalled": "" if held_back else why_stalled(run),
        "can_cancel": request.actor.can("run.cancel"),
    }
    return render(request, "execution/_queue.html", context)


@require_GET
@workspace_page
def run_result(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The outputs or the error of a run that ended, and what became of each wire."""
    run = visible_run(request, run_id)
    document = run_document(run)
    rows = latest_node_runs(run)
    drawn = picture(document, run=run_view(steps_of(run, document, rows)))
    context = {
        "run": run,
        "flow": run.flow,
        "wires": {wire.id: wire.flow for wire in drawn.wires},
        "can_run": request.actor.can("run.start"),
        **_result(run, document, rows),
    }
    return render(request, "execution/_result.html", context)


def _repeats(run: Run, document: Document) -> dict[str, Any] | None:
    """Which run this one repeats, and from which step on."""
    if run.rerun_of_id is None:
        return None
    rerun = run.options.get("rerun") or {}
    start = next((n.label or n.id for n in document.nodes if n.id == rerun.get("start")), "")
    return {"run": run.rerun_of_id, "from": start, "only_failed": bool(rerun.get("only_failed"))}


def _result(run: Run, document: Document, rows: Mapping[str, NodeRun]) -> dict[str, Any]:
    """The outputs; of a run of a part of the flow, what came out of the node it was run for."""
    labels = {node.id: node.label or node.id for node in document.nodes}
    part = run.options.get("until") or run.options.get("only") or ""
    outputs: list[tuple[str, ShownValue]] = []
    if isinstance(run.outputs, dict):
        outputs = [
            (labels.get(str(name), str(name)), shown_value(value))
            for name, value in run.outputs.items()
        ]
    row = rows.get(part)
    if not outputs and row is not None and row.output:
        outputs = [("", shown_value(row.output))]
    error = run.error or {}
    node = error.get("node", "")
    return {
        "outputs": outputs,
        "error": error,
        "error_title": labels.get(node, node),
        "part": labels.get(part, part),
    }


@require_GET
@workspace_page
def run_value(request: PageRequest, run_id: UUID, digest: str) -> HttpResponse:
    """A large value as a file."""
    run = visible_run(request, run_id)
    try:
        kind, data = value_of(run, digest)
    except NodeError as missing:
        raise Http404(missing.message) from missing
    return as_file(data, kind, digest[:12])


@require_GET
@workspace_page
def run_flow_file(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The flow as it ran, as a YAML file."""
    run = visible_run(request, run_id)
    return as_file(dump_yaml(run_document(run)).encode(), "yaml", run.flow.slug)


_KINDS = {"json": ("application/json", "json"), "yaml": ("application/yaml", "yaml")}


def as_file(data: bytes, kind: str, name: str) -> HttpResponse:
    """Never shown in place: what a run holds came from outside."""
    content_type, ending = _KINDS.get(kind, ("text/plain", "txt"))
    return HttpResponse(
        data,
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.{ending}"'},
    )
