"""Steering a run from its page: cancel, pause, resume, run again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import Actor
from accounts.web import workspace_page
from execution.models import Run
from execution.pinned import Wanted
from execution.queries import run_document
from execution.services import (
    InputsInvalid,
    RunStateConflict,
    cancel_run,
)
from execution.steering import inputs_of, pause_run, rerun_run, resume_run
from execution.taking import REFUSED
from execution.views.run import visible_run
from execution.views.run_form import RunForm, Submitted, empty_form, raw_fields, read_form
from execution.views.uploads import with_uploads
from execution.views.values import resolved_within
from flows.engine.document import Document
from flows.engine.graph import Graph
from flows.views.page_request import PageRequest

JSON = Any
#: Bytes of one input that is shown in the form; larger ones stay as they are.
SHOWN_INPUT = 200_000


def _steered(
    request: PageRequest, run_id: UUID, steer: Callable[[Actor, Run], Run]
) -> HttpResponse:
    run = visible_run(request, run_id)
    try:
        steer(request.actor, run)
    except RunStateConflict as conflict:
        messages.error(request, str(conflict))
    return redirect("run-detail", run.id)


@require_POST
@workspace_page
def run_cancel(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Ask the run to stop."""
    return _steered(request, run_id, cancel_run)


@require_POST
@workspace_page
def run_pause(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Have the run start nothing more."""
    return _steered(request, run_id, pause_run)


@require_POST
@workspace_page
def run_resume(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Go on with the run."""
    return _steered(request, run_id, resume_run)


@require_http_methods(["GET", "POST"])
@workspace_page
def run_again(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Run again from `?from=<node>`: a form that may change inputs and version; POST does it.

    A POST without the form (`form` is not set) repeats the run as it was.
    """
    run = visible_run(request, run_id)
    asked = request.POST if request.method == "POST" else request.GET
    document = run_document(run)
    start = asked.get("from") or None
    if start is not None and start not in Graph(document).nodes:
        raise Http404("The flow of this run has no such node.")
    form = _shown_form(run, document)
    if request.method == "POST":
        sent = with_uploads(request.actor, raw_fields(document), request)
        try:
            submitted = _changed(run, document, form, sent.data)
        except RunStateConflict as conflict:
            return _not_repeated(request, run, conflict)
        form = (submitted.form if submitted else form).with_errors(sent.errors)
        if not form.has_errors:
            answer = _repeated(request, run, start, submitted)
            if isinstance(answer, HttpResponse):
                return answer
            form = form.with_errors(answer)
    return _again_page(request, run, document, start, form)


def _again_page(
    request: PageRequest, run: Run, document: Document, start: str | None, form: RunForm
) -> HttpResponse:
    if not run.ended:
        messages.error(request, "The run has not ended yet. Cancel it, or wait for its end.")
        return redirect("run-detail", run.id)
    request.actor.require("run.start")
    spec = next((spec for spec in document.nodes if spec.id == start), None)
    context = {
        "run": run,
        "flow": run.flow,
        "form": form,
        "start": start or "",
        "title": (spec.label or spec.id) if spec else "",
        "only_failed": _given(request).get("only_failed", ""),
        "version": _given(request).get("version", ""),
    }
    status = 422 if form.has_errors else 200
    return render(request, "execution/run_again.html", context, status=status)


def _given(request: HttpRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


def _repeated(
    request: PageRequest, run: Run, start: str | None, submitted: Submitted | None
) -> HttpResponse | list[dict[str, str]]:
    """The page of the new run, or what is wrong with what was asked for."""
    version: Wanted | None = None
    if request.POST.get("version") in ("published", "draft"):
        version = request.POST["version"]
    try:
        started = rerun_run(
            request.actor,
            run,
            start=start,
            inputs=submitted.inputs if submitted else None,
            version=version,
            only_failed=bool(request.POST.get("only_failed")),
        )
    except RunStateConflict as conflict:
        return _not_repeated(request, run, conflict)
    except InputsInvalid as invalid:
        return invalid.errors
    except REFUSED as refused:
        return [{"path": "", "message": str(refused)}]
    return redirect("run-detail", started.run.id)


def _not_repeated(request: PageRequest, run: Run, conflict: RunStateConflict) -> HttpResponse:
    messages.error(request, str(conflict))
    return redirect("run-detail", run.id)


def _shown_form(run: Run, document: Document) -> RunForm:
    given = {
        name: resolved_within(run.workspace_id, value, SHOWN_INPUT)
        for name, value in run.inputs.items()
    }
    return empty_form(document, given)


def _changed(run: Run, document: Document, shown: RunForm, data: QueryDict) -> Submitted | None:
    """The inputs with what was changed in the form; None where nothing was.

    What was left as it was shown keeps the run's own value: it may be too large to be shown.
    """
    if not data.get("form"):
        return None
    submitted = read_form(document, data)
    pairs = list(zip(shown.fields, submitted.form.fields, strict=True))
    changed = {then.name for then, now in pairs if _plain(then.value) != _plain(now.value)}
    if not changed:
        return None
    inputs = inputs_of(run)
    for name in changed:
        inputs.pop(name, None)
        if name in submitted.inputs:
            inputs[name] = submitted.inputs[name]
    fields = [now if now.name in changed else replace(now, errors=()) for _, now in pairs]
    return Submitted(RunForm(fields), inputs)


def _plain(value: JSON) -> JSON:
    """A control's text as browsers send it back."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value
