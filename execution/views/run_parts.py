"""The parts of a run's page that are fetched one by one: steps, iterations, values, progress."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.web import workspace_page
from execution.agent_steps import is_step, steps_of_node
from execution.approval_models import Approval, ApprovalState
from execution.iterations import iteration
from execution.models import NodeRun, Run
from execution.queries import latest_node_runs, run_document, shown_states
from execution.views.agent_steps import agent_steps
from execution.views.inside import name_of, picked, read_place
from execution.views.run import as_file, visible_run
from execution.views.steps import (
    NOTHING,
    Step,
    answer_text,
    outer_step,
    step_of,
    steps_of,
    streamed_texts,
)
from execution.views.values import shown_json
from flows.engine.document import Document, NodeSpec
from flows.views.page_request import PageRequest

JSON = Any


def _known_node(run: Run, node: str) -> tuple[Document, NodeSpec]:
    document = run_document(run)
    for spec in document.nodes:
        if spec.id == node:
            return document, spec
    raise Http404("The flow of this run has no such node.")


def _attempts(request: PageRequest, run: Run, node: str) -> tuple[list[str | int], list[NodeRun]]:
    """Path and attempts of what `?at=rows.3` names, oldest first; without it outside containers."""
    path = read_place(request.GET.get("at", ""))
    if path is None:
        raise Http404("There is no such iteration.")
    return path, list(iteration(run, node, path))


@require_GET
@workspace_page
def run_step(request: PageRequest, run_id: UUID, node: str) -> HttpResponse:
    """One step as the list shows it, without those in it."""
    run = visible_run(request, run_id)
    document, _ = _known_node(run, node)
    attempts = iteration(run, node, [])
    context = {
        "run": run,
        "step": step_of(run, document, attempts[-1] if attempts else None, node),
        "can_run": request.actor.can("run.start"),
    }
    return render(request, "execution/_step.html", context)


@require_GET
@workspace_page
def run_iterations(request: PageRequest, run_id: UUID, node: str) -> HttpResponse:
    """The newest items or rounds of a step, or those that were picked."""
    run = visible_run(request, run_id)
    document, spec = _known_node(run, node)
    if spec.parent is None:
        raise Http404("This step is in no container.")
    found = picked(run, document, node, request.GET.dict())
    return render(request, "execution/_iterations.html", {"run": run, "found": found})


@require_GET
@workspace_page
def run_progress(request: PageRequest, run_id: UUID) -> JsonResponse:
    """What a page asks that follows the run: state and words of each step inside containers.

    `approvals` are the pages on which people decide what the run waits for, by node.
    """
    run = visible_run(request, run_id)
    steps = steps_of(run, run_document(run), latest_node_runs(run))
    inner = [step for outer in steps for step in outer.all() if step.inside]
    cost = sum((step.cost for step in inner), start=0)
    return JsonResponse(
        {
            "steps": {step.node: {"state": step.state, "summary": step.summary} for step in inner},
            "usage": {
                "input_tokens": sum(step.input_tokens for step in inner),
                "output_tokens": sum(step.output_tokens for step in inner),
                "cost": str(cost),
            },
            "approvals": _open_approvals(run),
        }
    )


def _open_approvals(run: Run) -> dict[str, str]:
    """The oldest open approval of each node; what a step asks, its node does."""
    waiting = Approval.objects.filter(run=run, state=ApprovalState.OPEN).order_by("-created_at")
    return {
        (str(path[-2]) if is_step(node) else node): reverse("approval-detail", args=[approval])
        for node, path, approval in waiting.values_list("node", "path", "id")
    }


@require_GET
@workspace_page
def run_node(request: PageRequest, run_id: UUID, node: str) -> HttpResponse:
    """What went into a node and what came out, in the page's list or as a page of its own.

    `?at=rows.3` names the iteration; the page of a step inside containers without it lists them.
    """
    run = visible_run(request, run_id)
    document, spec = _known_node(run, node)
    path, attempts = _attempts(request, run, node)
    row = attempts[-1] if attempts else None
    step = _one(run, document, spec, attempts) if path else step_of(run, document, row, node)
    context = {
        "run": run,
        "flow": run.flow,
        "row": row,
        "attempts": attempts if len(attempts) > 1 else [],
        "step": step,
        "query": f"?at={request.GET['at']}" if path else "",
        "place": name_of(path, document),
        "live": f"{node}:{request.GET['at']}" if path else "",
        "inner": agent_steps(run, node, path) if step.works else None,
        "found": picked(run, document, node, request.GET.dict()) if step.inside else None,
        "given": shown_json(row.input) if row and row.input else None,
        "output": shown_json(row.output) if row and row.output else None,
        "answer": answer_text(row) if row else "",
    }
    template = "execution/_node_values.html" if request.htmx else "execution/node_page.html"
    return render(request, template, context)


def _one(run: Run, document: Document, spec: NodeSpec, attempts: Sequence[NodeRun]) -> Step:
    """A step in one iteration."""
    if not attempts:
        raise Http404("There is no such iteration.")
    row = attempts[-1]
    streamed = streamed_texts(run, [row], row.path).get(row.node, NOTHING)
    return outer_step(spec, row, shown_states(run, [row])[row.id], streamed)


@require_GET
@workspace_page
def node_value(request: PageRequest, run_id: UUID, node: str, side: str) -> HttpResponse:
    """A node's whole input or output as a JSON file; large parts stay references.

    `?step=helper.3` names a step in which a node works.
    """
    run = visible_run(request, run_id)
    place = request.GET.get("at", "")
    if of_step := read_place(request.GET.get("step", "")):
        rows = steps_of_node(run, str(of_step[-2]), of_step[:-2])
        attempts = [row for row in rows if row.path == of_step]
        place = request.GET["step"]
    else:
        _, attempts = _attempts(request, run, node)
    value: JSON = getattr(attempts[-1], side) if attempts else None
    if value is None:
        raise Http404("There is no such value.")
    text = json.dumps(value, ensure_ascii=False, indent=2)
    name = "-".join(filter(None, (node, place.replace(".", "-"), side)))
    return as_file(text.encode(), "json", name)
