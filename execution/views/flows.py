"""The list of flows, each with its picture and its last run."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from accounts.permissions import Actor
from accounts.web import workspace_page
from execution.models import Run
from flows.engine.errors import DocumentInvalid
from flows.models import Flow
from flows.queries import draft_document
from flows.views.examples import examples
from flows.views.page_request import PageRequest
from flows.views.picture import Picture, picture

PER_PAGE = 24
#: Nodes up to which a flow is drawn on the list; more would be dust at that size.
DRAWN_NODES = 80


@dataclass(frozen=True)
class FlowEntry:
    """A flow on the list."""

    flow: Flow
    picture: Picture | None


@require_GET
@workspace_page
def flow_list(request: PageRequest) -> HttpResponse:
    """The flows of the workspace, last changed first; `?q=` searches."""
    search = request.GET.get("q", "").strip()
    page = Paginator(_flows(request.actor, search), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "entries": _entries(page),
        "page": page,
        "search": search,
        "examples": examples(),
        "can_create": request.actor.can("flow.create"),
    }
    partial = request.htmx and not request.htmx.history_restore_request
    response = render(
        request, "execution/flow_list.html" + ("#results" if partial else ""), context
    )
    patch_vary_headers(response, ["HX-Request"])
    return response


def _flows(actor: Actor, search: str) -> QuerySet[Flow]:
    last = Run.objects.filter(flow=OuterRef("pk")).order_by("-created_at")
    flows = (
        Flow.objects.visible_to(actor)
        .select_related("published")
        .annotate(
            node_count=Count("nodes"),
            last_run_id=Subquery(last.values("pk")[:1]),
            last_run_status=Subquery(last.values("status")[:1]),
            last_run_at=Subquery(last.values("created_at")[:1]),
        )
        .order_by("-updated_at", "-pk")
    )
    if search:
        flows = flows.filter(Q(name__icontains=search) | Q(description__icontains=search))
    return flows


def _entries(page: Page) -> Sequence[FlowEntry]:
    flows = list(page.object_list)
    drawn = [flow for flow in flows if 0 < flow.node_count <= DRAWN_NODES]
    prefetch_related_objects(drawn, "nodes", "edges")
    pictures = {flow.pk: _picture(flow) for flow in drawn}
    return [FlowEntry(flow, pictures.get(flow.pk)) for flow in flows]


def _picture(flow: Flow) -> Picture | None:
    try:
        return picture(draft_document(flow))
    except DocumentInvalid:
        return None  # an operator's edit of the rows; the flow's own page names the problems
