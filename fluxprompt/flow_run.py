"""Runs a flow for the command line: from a file or from the workspace, until it has ended."""

import time
from collections.abc import Callable
from typing import Any

from django.utils.text import slugify

from accounts.permissions import Actor
from execution.models import Run, RunStatus
from execution.queries import run_payload
from execution.services import InputsInvalid, NotPublished, start_run, wait_until_ended
from flows.engine.document import Document
from flows.models import Flow
from flows.queries import find_flow
from flows.services import create_flow, replace_draft
from fluxprompt.health import check_temporal

#: Seconds between two lines on what the run does.
_REPORT_EVERY = 10.0


class NotReady(Exception):
    """Nothing can run now; the message says what to start."""


class Failed(Exception):
    """The run did not start or did not succeed."""


def run_flow(
    actor: Actor,
    source: Flow | Document,
    inputs: dict[str, Any],
    *,
    version: str | None = None,
    timeout: float | None = None,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """The outputs of a run that succeeded. Raises NotReady and Failed.

    A file runs as the draft of a flow that is kept for it, named after the document; a flow
    runs as it is published unless `version` says otherwise. `timeout` is in seconds.
    """
    _check_ready()
    flow = source if isinstance(source, Flow) else _kept_for(actor, source)
    wanted = version or ("published" if isinstance(source, Flow) else "draft")
    try:
        run = start_run(actor, flow, inputs, version=_number(wanted), trigger="command").run
    except InputsInvalid as error:
        raise Failed("\n".join(entry["message"] for entry in error.errors)) from None
    except NotPublished as error:
        raise Failed(str(error)) from None
    report(f"run {run.id} of {flow.slug}")
    return _outputs(_ended(run, timeout, report))


def _check_ready() -> None:
    for check in check_temporal():
        if not check.ok:
            raise NotReady(f"{check.detail} `python3 manage.py up` starts everything.")


def _number(version: str) -> str | int:
    if version.isdecimal():
        return int(version)
    if version not in ("published", "draft"):
        raise Failed("--version has to be published, draft or a number.")
    return version


def _kept_for(actor: Actor, document: Document) -> Flow:
    """The flow that stands for a file; never one that somebody builds in the browser."""
    slug = f"file-{slugify(document.name)[:60] or 'flow'}"
    flow = find_flow(actor, slug)
    if flow is None:
        return create_flow(actor, document=document, slug=slug)
    return replace_draft(actor, flow, document)


def _ended(run: Run, timeout: float | None, report: Callable[[str], None]) -> Run:
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        left = _REPORT_EVERY if deadline is None else deadline - time.monotonic()
        if wait_until_ended(run.id, max(0.0, min(left, _REPORT_EVERY))):
            return Run.objects.select_related("version").get(pk=run.pk)
        run.refresh_from_db()
        if deadline is not None and time.monotonic() >= deadline:
            raise Failed(f"The run {run.id} is {run.status} after {timeout:g} s; it goes on.")
        report(f"run {run.id} is {run.status}")


def _outputs(run: Run) -> dict[str, Any]:
    if run.status == RunStatus.SUCCEEDED:
        outputs: dict[str, Any] = run_payload(run)["outputs"]
        return outputs
    error = run.error or {}
    node = f" at '{error['node']}'" if error.get("node") else ""
    raise Failed(f"The run {run.status}{node}: {error.get('message', 'no reason is recorded')}")
