"""The page of a flow: its picture, the form that runs it, its runs and versions."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.web import workspace_page
from execution.models import Run
from execution.options import asked_options
from execution.queries import with_queue
from execution.services import InputsInvalid, start_run
from execution.taking import REFUSED
from execution.views.models_notice import has_model_provider
from execution.views.run_form import RunForm, empty_form, raw_fields, read_form, sample_inputs
from execution.views.uploads import with_uploads
from execution.views.values import resolved_within
from flows.engine.document import Document, digest
from flows.engine.errors import Problem
from flows.engine.graph import Graph
from flows.models import Flow
from flows.queries import draft_document, flow_problems, version_document
from flows.services import FlowGone
from flows.views.actions import visible_flow
from flows.views.page_request import PageRequest
from flows.views.picture import picture, problem_nodes

SHOWN_RUNS = 8
SHOWN_VERSIONS = 6
#: Bytes of one input that is put back into the form when a run is repeated.
REFILL_LIMIT = 200_000


@dataclass(frozen=True)
class Shown:
    """Which of a flow's documents a page shows, and what is wrong with it."""

    version: str
    document: Document
    problems: list[Problem]
    changed: bool

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]

    @property
    def ends(self) -> list[tuple[str, str]]:
        """Nodes that a run may go up to: id and title, in the flow's order."""
        graph = Graph(self.document)
        named = ((node, graph.nodes[node]) for node in graph.order)
        return [
            (node, spec.label or node)
            for node, spec in named
            if graph.outgoing[node] and spec.type != "input" and graph.holder[node] is None
        ]


def _shown(flow: Flow, wanted: str) -> Shown:
    """The published version unless the draft is asked for or is all there is."""
    draft = draft_document(flow)
    published = version_document(flow.published) if flow.published else None
    changed = published is None or not _same_meaning(draft, published)
    if published is not None and (wanted != "draft" or not changed):
        problems = flow_problems(flow) if changed else []
        return Shown("published", published, problems, changed)
    return Shown("draft", draft, flow_problems(flow), changed)


def _same_meaning(draft: Document, published: Document) -> bool:
    return digest(draft) == digest(published)


@require_GET
@workspace_page
def flow_page(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """The page; `?version=draft` shows the draft, `?again=<run>` fills the form with its inputs."""
    flow = visible_flow(request, flow_id)
    shown = _shown(flow, request.GET.get("version", ""))
    form = empty_form(shown.document, _inputs_again(request, flow))
    return render(request, "execution/flow_page.html", _context(request, flow, shown, form))


def _inputs_again(request: PageRequest, flow: Flow) -> dict[str, Any] | None:
    try:
        run_id = UUID(request.GET.get("again", ""))
    except ValueError:
        return None
    run = get_object_or_404(Run.objects.visible_to(request.actor), pk=run_id, flow=flow)
    return {
        name: resolved_within(run.workspace_id, value, REFILL_LIMIT)
        for name, value in run.inputs.items()
    }


def _context(request: PageRequest, flow: Flow, shown: Shown, form: RunForm) -> dict[str, Any]:
    problems = shown.problems
    broken = problem_nodes(problems) if shown.version == "draft" else frozenset()
    drawn = picture(shown.document, broken=broken)
    actor = request.actor
    return {
        "flow": flow,
        "shown": shown,
        "form": form,
        "ends": shown.ends,
        "until": request.POST.get("until", ""),
        "picture": drawn,
        "problems": problems,
        "can_run": actor.can("run.start"),
        "can_publish": actor.can("flow.publish") and shown.changed and not _has_errors(problems),
        "can_edit": actor.can("flow.edit"),
        "can_delete": actor.can("flow.delete"),
        "needs_model": drawn.has_models and not has_model_provider(request.workspace),
        "runs": with_queue(
            Run.objects.visible_to(actor).filter(flow=flow).select_related("version")
            .order_by("-created_at")[:SHOWN_RUNS]
        ),
        "versions": flow.versions.select_related("created_by")[:SHOWN_VERSIONS],
        "api_call": _api_call(request, flow, shown),
    }  # fmt: skip


def _has_errors(problems: list[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _api_call(request: PageRequest, flow: Flow, shown: Shown) -> str:
    """The same run as a curl command that can be pasted into a shell."""
    body: dict[str, Any] = {"inputs": sample_inputs(shown.document)}
    if shown.version == "draft":
        body["version"] = "draft"
    data = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    address = request.build_absolute_uri(f"/api/v1/flows/{flow.slug}/runs")
    return (
        f"curl -X POST {address} \\\n"
        '  -H "Authorization: Bearer $FLUX_API_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        '  -H "Prefer: wait=60" \\\n'
        f"  -d '{data}'"
    )


@require_POST
@workspace_page
def run_flow(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """Start a run with what the form says; errors come back in the form, as 422."""
    flow = visible_flow(request, flow_id)
    wanted = "draft" if request.POST.get("version") == "draft" else "published"
    shown = _shown(flow, wanted)
    sent = with_uploads(request.actor, raw_fields(shown.document), request)
    submitted = read_form(shown.document, sent.data)
    form = submitted.form.with_errors(sent.errors)
    if not form.has_errors:
        try:
            started = start_run(
                request.actor,
                flow,
                submitted.inputs,
                version=shown.version,
                trigger="page",
                session_id=form.session_id,
                options=asked_options(request.POST.get("until") or None, None, None),
            )
        except InputsInvalid as invalid:
            form = form.with_errors(invalid.errors)
        except FlowGone as gone:
            raise Http404(str(gone)) from gone
        except REFUSED as refused:
            form = form.with_errors([{"path": "", "message": str(refused)}])
        else:
            address = reverse("run-detail", args=[started.run.id])
            return HttpResponseClientRedirect(address) if request.htmx else redirect(address)
    if request.htmx:
        context = {
            "flow": flow,
            "shown": shown,
            "form": form,
            "can_run": True,
            "ends": shown.ends,
            "until": request.POST.get("until", ""),
        }
        return render(request, "execution/_run_form.html", context, status=422)
    messages.error(request, "The run was not started: look at the fields marked below.")
    context = _context(request, flow, shown, form)
    return render(request, "execution/flow_page.html", context, status=422)
