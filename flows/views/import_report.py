"""Import of other products' flows on a page: what became of each node, before anything is made."""

import json
from dataclasses import dataclass

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.web import workspace_page
from flows import services
from flows.engine.document import Document, dump
from flows.engine.errors import DocumentInvalid
from flows.importing.reading import read
from flows.importing.result import STATUSES, Imported, ImportRefused, Row
from flows.queries import document_problems
from flows.views.page_request import PageRequest
from flows.views.picture import Picture, picture, problem_nodes

#: Bytes of one document, as the engine's own limit.
MOST_BYTES = 5_000_000
#: Rows of the report that the page shows; the flow of a file may have 2,000 nodes.
MAX_ROWS = 500
#: Nodes up to which the page draws the flow.
MAX_DRAWN = 400
PRODUCTS = {"fluxprompt": "FluxPrompt", "n8n": "n8n", "flowise": "Flowise", "dify": "Dify"}
WORDS = {"mapped": "Taken over", "approximated": "Changed", "unsupported": "To be replaced"}
ICONS = {
    "mapped": "circle-check",
    "approximated": "triangle-alert",
    "unsupported": "circle-x",
}


@dataclass(frozen=True)
class ShownRow:
    """A row of the report with the word and the icon of its status."""

    row: Row
    word: str
    icon: str


@require_POST
@workspace_page
def preview(request: PageRequest) -> HttpResponse:
    """The report of a file or of a pasted text; nothing is kept."""
    request.actor.require("flow.create")
    try:
        imported = read(_given(request))
    except ImportRefused as refused:
        context = {"refused": str(refused)}
        return render(request, "flows/import_report.html", context, status=422)
    return report_page(request, imported)


def report_page(request: PageRequest, imported: Imported) -> HttpResponse:
    """What became of each node, and the way to make a flow of it."""
    problems = document_problems(imported.document, request.actor.workspace_id)
    return render(
        request,
        "flows/import_report.html",
        {
            "imported": imported,
            "product": PRODUCTS[imported.product],
            "counts": [(WORDS[s], ICONS[s], s, imported.counts[s]) for s in STATUSES],
            "rows": [ShownRow(r, WORDS[r.status], ICONS[r.status]) for r in _rows(imported)],
            "rows_left": max(0, len(imported.rows) - MAX_ROWS),
            "problems": problems,
            "picture": _picture(imported.document, problem_nodes(problems)),
            "document": json.dumps(dump(imported.document), ensure_ascii=False),
        },
    )


def _rows(imported: Imported) -> list[Row]:
    """What has to be looked at comes first."""
    order = {status: -at for at, status in enumerate(STATUSES)}
    return sorted(imported.rows, key=lambda row: order[row.status])[:MAX_ROWS]


def _picture(document: Document, broken: frozenset[str]) -> Picture | None:
    return picture(document, broken=broken) if len(document.nodes) <= MAX_DRAWN else None


def _given(request: PageRequest) -> str:
    """The text of the form: the file's where there is one. Raises ImportRefused."""
    upload = request.FILES.get("file")
    if not isinstance(upload, UploadedFile):
        return request.POST.get("text", "")
    if upload.size is None or upload.size > MOST_BYTES:
        raise ImportRefused("The file is larger than 5 MB, the limit for a flow.")
    try:
        return upload.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefused("The file is no UTF-8 text. Export it as JSON or YAML.") from error


@require_POST
@workspace_page
def create_imported(request: PageRequest) -> HttpResponse:
    """A new flow from the document of a report."""
    try:
        flow = services.create_flow(request.actor, document=request.POST.get("document", ""))
    except DocumentInvalid as invalid:
        messages.error(request, f"Not imported: {invalid.problems[0].message}")
        return redirect("flow-list")
    messages.success(request, f"“{flow.name}” was imported.")
    return redirect("flow-detail", flow.id)
