"""The list of runs, with filters."""

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from accounts.web import workspace_page
from execution.models import Run, RunStatus
from execution.queries import with_queue
from execution.search import mentioning
from flows.models import Flow
from flows.storable import bad_text
from flows.views.page_request import PageRequest

PER_PAGE = 50


@require_GET
@workspace_page
def run_list(request: PageRequest) -> HttpResponse:
    """The runs of the workspace, newest first; `?status=`, `?flow=` and `?search=` filter."""
    runs: QuerySet[Run] = Run.objects.visible_to(request.actor).select_related("flow", "version")
    status, flow_id = request.GET.get("status", ""), _id(request.GET.get("flow", ""))
    if status in RunStatus.values:
        runs = runs.filter(status=status)
    if flow_id:
        runs = runs.filter(flow_id=flow_id)
    search = "" if bad_text(given := request.GET.get("search", "")) else given.strip()[:200]
    if search:
        runs = mentioning(runs, request.actor.workspace_id, search)
    runs = runs.defer("inputs", "outputs").order_by("-created_at")
    page = Paginator(runs, PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = with_queue(page.object_list)
    context: dict[str, Any] = {
        "page": page,
        "statuses": RunStatus.choices,
        "flows": Flow.objects.visible_to(request.actor).order_by("name").only("id", "name"),
        "status": status,
        "flow_id": flow_id,
        "search": search,
    }
    partial = request.htmx and not request.htmx.history_restore_request
    template = "execution/run_list.html" + ("#results" if partial else "")
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
