"""The list of flows with its folders, tags, filters and orders; each flow with its last run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from accounts.web import workspace_page
from execution.flow_listing import SORTS, STATES, Wanted, listed_flows
from flows.engine.errors import DocumentInvalid
from flows.models import Flow
from flows.organizing_queries import FolderRow, folder_tree, tags_of, with_folders_below
from flows.queries import draft_document
from flows.storable import bad_text
from flows.views.examples import examples
from flows.views.page_request import PageRequest
from flows.views.picture import Picture, picture

PER_PAGE = 24
#: Nodes up to which a flow is drawn on the list; more would be dust at that size.
DRAWN_NODES = 80
#: Templates offered right beside an empty list or a new flow; the gallery has the others.
OFFERED = ("write_and_improve", "summarise_page", "triage_ticket", "clean_list")
#: In `?folder=`: the flows that are in none.
OUTSIDE = "none"


@dataclass(frozen=True)
class FlowEntry:
    """A flow on the list; `place` is the path of its folder where that is worth saying."""

    flow: Flow
    picture: Picture | None
    place: str = ""


@require_GET
@workspace_page
def flow_list(request: PageRequest) -> HttpResponse:
    """The flows of the workspace; `?q=`, `?folder=`, `?tag=`, `?state=`, `?sort=` narrow it."""
    tree = folder_tree(request.actor)
    folder = _folder(request.GET.get("folder", ""), tree)
    wanted = _wanted(request.GET, tree, folder)
    page = Paginator(listed_flows(request.actor, wanted), PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "entries": _entries(page, tree, folder),
        "page": page,
        "wanted": wanted,
        "folder": folder,
        "folder_value": request.GET.get("folder", ""),
        "tree": tree,
        "tags": tags_of(request.actor),
        "states": STATES.items(),
        "sorts": SORTS.items(),
        "examples": [entry for entry in examples() if entry.key in OFFERED],
        "can_create": request.actor.can("flow.create"),
        "can_edit": request.actor.can("flow.edit"),
        "can_delete": request.actor.can("flow.delete"),
        "can_publish": request.actor.can("flow.publish"),
    }
    partial = request.htmx and not request.htmx.history_restore_request
    response = render(
        request, "execution/flow_list.html" + ("#results" if partial else ""), context
    )
    patch_vary_headers(response, ["HX-Request"])
    return response


def _folder(given: str, tree: Sequence[FolderRow]) -> FolderRow | None:
    """The folder that is asked for. 404 where the workspace has no such folder."""
    if given in ("", OUTSIDE):
        return None
    found = next((row for row in tree if str(row.id) == given), None)
    if found is None:
        raise Http404("There is no such folder in this workspace.")
    return found


def _wanted(query: QueryDict, tree: Sequence[FolderRow], folder: FolderRow | None) -> Wanted:
    search = query.get("q", "").strip()[:200]
    state, sort = query.get("state", ""), query.get("sort", "")
    return Wanted(
        search="" if bad_text(search) else search,
        folders=tuple(with_folders_below(tree, folder.id)) if folder else None,
        outside=query.get("folder") == OUTSIDE,
        tags=tuple(_ids(query.getlist("tag"))),
        state=state if state in STATES else "",
        sort=sort if sort in SORTS else "changed",
    )


def _ids(given: Sequence[str]) -> list[UUID]:
    found = []
    for value in given[:20]:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found


def _entries(
    page: Page[Any], tree: Sequence[FolderRow], folder: FolderRow | None
) -> Sequence[FlowEntry]:
    flows: list[Flow] = list(page.object_list)
    prefetch_related_objects(flows, "tags")
    drawn = [flow for flow in flows if 0 < vars(flow)["node_count"] <= DRAWN_NODES]
    prefetch_related_objects(drawn, "nodes", "edges")
    pictures = {flow.pk: _picture(flow) for flow in drawn}
    paths = {row.id: row.path for row in tree if folder is None or row.id != folder.id}
    return [
        FlowEntry(flow, pictures.get(flow.pk), paths.get(flow.folder_id, ""))  # type: ignore[arg-type]
        for flow in flows
    ]


def _picture(flow: Flow) -> Picture | None:
    try:
        return picture(draft_document(flow))
    except DocumentInvalid:
        return None  # an operator's edit of the rows; the flow's own page names the problems
