"""Pages on which a flow is drafted from words: the wish, the wait, the review, the decision."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import PermissionRefused
from accounts.web import workspace_page
from execution.describing import TRIGGER, NoDraft, describe, described
from execution.models import Run
from execution.payloads import resolve_references
from execution.views.models_notice import has_model_provider
from flows.describing import MOST_WISHED, Drafted
from flows.differences import documents_diff
from flows.engine.document import Document, dump_yaml
from flows.history import changed_values, said
from flows.models import Flow
from flows.queries import draft_document
from flows.services import StaleRevision, replace_draft
from flows.views.actions import visible_flow
from flows.views.diff_picture import diff_picture
from flows.views.page_request import PageRequest

#: Characters of the wish that a page shows again.
SHOWN_WISH = MOST_WISHED


@require_http_methods(["GET", "POST"])
@workspace_page
def describe_flow(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """Ask what is wanted; the answer comes on the page of the question's run."""
    flow = visible_flow(request, flow_id)
    if not request.actor.can("flow.edit") or not request.actor.can("run.start"):
        raise PermissionRefused("flow.edit", "Your role does not allow to change this flow.")
    if not has_model_provider(request.workspace):
        messages.error(request, "No language model is connected. Add a provider under Settings.")
        return redirect("flow-detail", flow.id)
    wish, error = request.POST.get("wish", request.GET.get("wish", "")), ""
    if request.method == "POST":
        try:
            run = describe(request.actor, flow, wish)
        except NoDraft as refused:
            error = str(refused)
        else:
            return redirect("flow-described", flow.id, run.id)
    context = {"flow": flow, "wish": wish[: 2 * SHOWN_WISH], "error": error, "most": MOST_WISHED}
    return render(request, "execution/describe.html", context, status=422 if error else 200)


@require_GET
@workspace_page
def describe_review(request: PageRequest, flow_id: UUID, run_id: UUID) -> HttpResponse:
    """Where the question is, then what its answer would change in the draft.

    A part of the page, with htmx, while the run goes on.
    """
    flow, run = _question(request, flow_id, run_id)
    if not run.ended:
        name = "_describe_wait" if request.htmx else "describe_wait"
        return render(request, f"execution/{name}.html", _waiting(flow, run))
    if request.htmx:
        return HttpResponse(headers={"HX-Refresh": "true"})
    try:
        found = described(request.actor, flow, run)
    except NoDraft as none:
        context = {**_waiting(flow, run), "error": str(none)}
        return render(request, "execution/describe_none.html", context)
    if found.again is not None:
        return redirect("flow-described", flow.id, found.again.id)
    assert found.drafted is not None
    return render(request, "execution/describe_review.html", _review(flow, run, found.drafted))


@require_POST
@workspace_page
def describe_use(request: PageRequest, flow_id: UUID, run_id: UUID) -> HttpResponse:
    """Make the draft what the answer says, unless it was changed since the review."""
    flow, run = _question(request, flow_id, run_id)
    revision = request.POST.get("revision", "")
    if not (revision.isascii() and revision.isdigit()) or len(revision) > 9:
        raise Http404("There is no such revision.")
    try:
        drafted = described(request.actor, flow, run).drafted
        if drafted is None:
            raise NoDraft("This answer had errors and was sent back.")
        document = _placed(draft_document(flow), drafted.document)
        replace_draft(request.actor, flow, document, expected_revision=int(revision))
    except NoDraft as none:
        messages.error(request, str(none))
    except StaleRevision:
        messages.error(request, "The draft was changed meanwhile. Look at the differences again.")
        return redirect("flow-described", flow.id, run.id)
    else:
        messages.success(request, "The draft is as described.")
    return redirect("flow-editor", flow.id)


def _placed(before: Document, after: Document) -> Document:
    """What stays keeps its place; without any place all of it is laid out anew."""
    kept = {node.id for node in after.nodes} & before.layout.keys()
    if len(kept) < len(after.nodes):
        return after
    return after.model_copy(update={"layout": {name: before.layout[name] for name in kept}})


def _question(request: PageRequest, flow_id: UUID, run_id: UUID) -> tuple[Flow, Run]:
    flow = visible_flow(request, flow_id)
    if not request.actor.can("flow.edit"):
        raise PermissionRefused("flow.edit", "Your role does not allow to change this flow.")
    runs = Run.objects.visible_to(request.actor).filter(flow=flow, trigger=TRIGGER)
    run = runs.filter(id=run_id).first()
    if run is None:
        raise Http404("There is no such draft.")
    return flow, run


def _waiting(flow: Flow, run: Run) -> dict[str, Any]:
    inputs = resolve_references(run.workspace_id, run.inputs)
    return {
        "flow": flow,
        "run": run,
        "wish": str(inputs.get("wish", "")),
        "again": inputs["round"] > 1,
    }


def _review(flow: Flow, run: Run, drafted: Drafted) -> dict[str, Any]:
    before, after = draft_document(flow), drafted.document
    diff = documents_diff(before, after, "draft", "described")
    values = changed_values(before, after)
    labels = {node.id: node.label for node in [*before.nodes, *after.nodes]}
    marked = [(name, "added") for name in diff.added]
    marked += [(name, "removed") for name in diff.removed]
    marked += [(node.id, "changed") for node in diff.changed]
    return {
        **_waiting(flow, run),
        "line": said(diff),
        "same": not diff.text,
        "diff": diff,
        "picture": diff_picture(before, after, diff),
        "nodes": [(name, labels[name], mark, values.get(name, [])) for name, mark in marked],
        "flow_values": values.get("", []),
        "problems": drafted.problems,
        "errors": len(drafted.errors),
        "text": dump_yaml(after),
    }
