"""The pages of a flow's versions: the list, one of them, and two compared."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.web import workspace_page
from flows.differences import VersionDiff, documents_diff, structure_diff
from flows.engine.document import Document, dump, dump_yaml
from flows.engine.errors import DocumentInvalid
from flows.history import SHOWN_ROWS, changed_values, said, side_by_side, what_versions_changed
from flows.models import Flow, FlowVersion
from flows.queries import named_document, version_of
from flows.services import VersionMissing
from flows.views.actions import visible_flow
from flows.views.diff_picture import diff_picture
from flows.views.page_request import PageRequest
from flows.views.picture import picture

PER_PAGE = 20
#: Versions that the selects of a comparison offer, the newest ones.
OFFERED = 200
#: Nodes and characters of a version that its page shows; the file has all of it.
DRAWN_NODES = 1_000
SHOWN_TEXT = 200_000


@dataclass(frozen=True)
class ChangedNodeView:
    """A node of a comparison with what became of it and the values that differ."""

    id: str
    label: str
    mark: str
    values: list[Any]


@require_GET
@workspace_page
def version_list(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """The draft and every version, newest first, with what each changed."""
    flow = visible_flow(request, flow_id)
    versions = flow.versions.select_related("created_by").defer("document")
    page = Paginator(versions, PER_PAGE).get_page(request.GET.get("page"))
    rows: list[FlowVersion] = list(page.object_list)
    told = what_versions_changed(flow, rows)
    context = {
        **_frame(request, flow),
        "page": page,
        "rows": [(version, told.get(version.number, "")) for version in rows],
        "draft_line": _draft_line(flow) if page.number == 1 else None,
    }
    return render(request, "flows/versions.html", context)


def _frame(request: PageRequest, flow: Flow) -> dict[str, Any]:
    return {
        "flow": flow,
        "numbers": list(flow.versions.values_list("number", flat=True)[:OFFERED]),
        "can_edit": request.actor.can("flow.edit"),
    }


def _draft_line(flow: Flow) -> str:
    """What publishing would change; empty where it would change nothing."""
    if flow.published is None:
        return "Never published"
    if flow.published_revision == flow.revision:
        return ""
    try:
        before, after = named_document(flow, "published"), named_document(flow, "draft")
    except DocumentInvalid as invalid:
        return invalid.problems[0].message
    line = said(structure_diff(dump(before), dump(after)))
    return "" if line == said(VersionDiff()) else line


@require_GET
@workspace_page
def one_version(request: PageRequest, flow_id: UUID, number: int) -> HttpResponse:
    """A version as it was published, to be read only, with the way to restore it."""
    flow = visible_flow(request, flow_id)
    try:
        version = version_of(flow, number)
        document = named_document(flow, number)
    except VersionMissing as missing:
        raise Http404(str(missing)) from missing
    text = dump_yaml(document)
    context = {
        **_frame(request, flow),
        "version": version,
        "document": document,
        "picture": picture(document) if len(document.nodes) <= DRAWN_NODES else None,
        "text": text[:SHOWN_TEXT],
        "cut": len(text) > SHOWN_TEXT,
        "changed": what_versions_changed(flow, [version]).get(number, ""),
    }
    return render(request, "flows/version.html", context)


@require_GET
@workspace_page
def compare(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """What it takes to get from `?from=` to `?to=`: a picture, the values, and the text."""
    flow = visible_flow(request, flow_id)
    before_name = request.GET.get("from", "") or ("published" if flow.published else "draft")
    after_name = request.GET.get("to", "") or "draft"
    try:
        before, after = _document(flow, before_name), _document(flow, after_name)
    except (VersionMissing, ValueError) as missing:
        raise Http404("This flow has no such version.") from missing
    except DocumentInvalid:
        return redirect("flow-versions", flow.pk)
    diff = documents_diff(before, after, _word(before_name), _word(after_name))
    rows = side_by_side(diff.text)
    context = {
        **_frame(request, flow),
        "before": _number(flow, before_name),
        "after": _number(flow, after_name),
        "before_word": _word(_number(flow, before_name)),
        "after_word": _word(_number(flow, after_name)),
        "line": said(diff),
        "same": not diff.text,
        "diff": diff,
        "picture": diff_picture(before, after, diff),
        "nodes": _nodes(before, after, diff),
        "flow_values": changed_values(before, after).get("", []),
        "rows": rows,
        "long_text": diff.text if diff.text and not rows else "",
        "cut": len(rows) >= SHOWN_ROWS,
    }
    return render(request, "flows/compare.html", context)


def _document(flow: Flow, name: str) -> Document:
    if name in ("draft", "published"):
        return named_document(flow, name)
    if not (name.isascii() and name.isdigit() and len(name) < 10):
        raise ValueError(name)
    return named_document(flow, int(name))


def _number(flow: Flow, name: str) -> str:
    return str(flow.published.number) if name == "published" and flow.published else name


def _word(name: str) -> str:
    return f"v{name}" if name.isdigit() else name


def _nodes(before: Document, after: Document, diff: VersionDiff) -> list[ChangedNodeView]:
    labels = {node.id: node.label for node in [*before.nodes, *after.nodes]}
    values = changed_values(before, after)
    marked = [(name, "added") for name in diff.added]
    marked += [(name, "removed") for name in diff.removed]
    marked += [(node.id, "changed") for node in diff.changed]
    return [
        ChangedNodeView(name, labels.get(name, ""), mark, values.get(name, []))
        for name, mark in marked
    ]
