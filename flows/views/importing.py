"""The page that makes flows of files and pasted text."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.web import workspace_page
from flows import services
from flows.engine.document import Document, admit
from flows.engine.errors import DocumentInvalid, Problem
from flows.importing.reading import read
from flows.importing.result import Imported, ImportRefused
from flows.models import Flow
from flows.queries import flow_problems
from flows.views.import_report import MOST_BYTES, report_page
from flows.views.page_request import PageRequest

#: Files of one call, and their bytes together.
MOST_FILES = 50
MOST_BYTES_TOGETHER = 25_000_000
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Outcome:
    """What became of one file or text: a flow, or the sentences that say why none."""

    name: str
    flow: Flow | None = None
    refusals: list[str] = field(default_factory=list)
    #: Errors that the new draft has: it is kept, but cannot be published yet.
    problems: int = 0


@require_http_methods(["GET", "POST"])
@workspace_page
def import_page(request: PageRequest) -> HttpResponse:
    """The form; a single flow that was imported is opened, several are listed."""
    request.actor.require("flow.create")
    if request.method == "GET":
        return render(request, "flows/import_page.html", _limits())
    if (translated := _only_translated(request)) is not None:
        return report_page(request, translated)
    outcomes = _imported(request)
    made = [outcome.flow for outcome in outcomes if outcome.flow is not None]
    if len(outcomes) == len(made) == 1:
        messages.success(request, f"“{made[0].name}” was imported.")
        return redirect("flow-detail", made[0].id)
    context = {
        **_limits(),
        "outcomes": outcomes,
        "made": len(made),
        "pasted": "" if made else request.POST.get("text", ""),
        "nothing": not outcomes,
    }
    return render(request, "flows/import_page.html", context, status=200 if made else 422)


def _only_translated(request: PageRequest) -> Imported | None:
    """What is looked at before it is imported: one flow of another product."""
    files: list[UploadedFile] = request.FILES.getlist("file")
    if len(files) + bool(request.POST.get("text", "").strip()) != 1:
        return None
    for _, source in _sources(request, files):
        return of_another_product(source) if source is not None else None
    return None


def _limits() -> dict[str, int]:
    return {"most_files": MOST_FILES}


def _imported(request: PageRequest) -> list[Outcome]:
    files: list[UploadedFile] = request.FILES.getlist("file")
    if len(files) > MOST_FILES:
        told = f"These are {len(files)} files. Import {MOST_FILES} at a time."
        return [Outcome("All files", refusals=[told])]
    if sum(file.size or 0 for file in files) > MOST_BYTES_TOGETHER:
        told = "The files have more than 25 MB together. Import fewer at a time."
        return [Outcome("All files", refusals=[told])]
    return [_outcome(request, name, text) for name, text in _sources(request, files)]


def _sources(request: PageRequest, files: list[UploadedFile]) -> Iterator[tuple[str, bytes | None]]:
    """Name and bytes of everything given; None for what is too large to be read."""
    for file in files:
        too_large = file.size is None or file.size > MOST_BYTES
        # It may have been looked at already.
        file.seek(0)
        yield file.name or "A file", None if too_large else file.read()
    pasted = request.POST.get("text", "").strip().encode()
    if pasted:
        yield "The pasted text", pasted if len(pasted) <= MOST_BYTES else None


def _outcome(request: PageRequest, name: str, source: bytes | None) -> Outcome:
    if source is None:
        return Outcome(name, refusals=["This is larger than 5 MB, the limit for a flow."])
    try:
        flow = services.create_flow(request.actor, document=read_source(source))
    except DocumentInvalid as invalid:
        return Outcome(name, refusals=[_sentence(p) for p in invalid.problems[:_SHOWN_PROBLEMS]])
    errors = sum(1 for problem in flow_problems(flow) if problem.severity == "error")
    return Outcome(name, flow, problems=errors)


def read_source(source: bytes) -> Document:
    """The flow that a file or a text stands for: every import comes by here.

    Flows of other products are translated. Raises DocumentInvalid.
    """
    translated = of_another_product(source)
    return admit(source) if translated is None else translated.document


def of_another_product(source: bytes) -> Imported | None:
    """The flow of another product as a document of ours, with its report; None for all else."""
    try:
        imported = read(source.decode("utf-8-sig"))
    except (ImportRefused, UnicodeDecodeError):
        return None
    return None if imported.product == "fluxprompt" else imported


def _sentence(problem: Problem) -> str:
    where = f"{problem.node}{'.' + problem.path if problem.path else ''}" if problem.node else ""
    return f"{problem.message} ({where})" if where else problem.message
