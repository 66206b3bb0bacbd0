"""Runs a flow for the command line: from a file or from the workspace, until it has ended."""

import time
from collections.abc import Callable
from typing import Any

from accounts.permissions import Actor
from execution.models import Run, RunStatus
from execution.queries import run_payload
from execution.services import InputsInvalid, NotPublished, start_run, wait_until_ended
from flows.engine.document import Document
from flows.models import Flow
from flows.services import keep_for_file
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
    session: str | None = None,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """The outputs of a run that succeeded. Raises NotReady and Failed.

    A file runs exactly as it is, under a flow that is kept for it; a flow runs as it is published
    unless `version` says otherwise. `timeout` is in seconds; `session` is the run's session id.
    """
    _check_ready()
    flow, wanted = _wanted(actor, source, version)
    try:
        started = start_run(
            actor, flow, inputs, version=wanted, trigger="command", session_id=session
        )
    except InputsInvalid as error:
        raise Failed("\n".join(entry["message"] for entry in error.errors)) from None
    except NotPublished as error:
        raise Failed(str(error)) from None
    run = started.run
    report(f"run {run.id} of {flow.slug}")
    return _outputs(_ended(run, timeout, report))


def _check_ready() -> None:
    for check in check_temporal():
        if not check.ok:
            raise NotReady(f"{check.detail} `python3 manage.py up` starts everything.")


def _wanted(
    actor: Actor, source: Flow | Document, version: str | None
) -> tuple[Flow, str | int | Document]:
    if isinstance(source, Document):
        if version is not None:
            raise Failed("--version is for flows of the workspace; a file runs as it is.")
        return keep_for_file(actor, source), source
    if version is not None and version.isdecimal():
        return source, int(version)
    if version not in (None, "published", "draft"):
        raise Failed("--version has to be published, draft or a number.")
    return source, version or "published"


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
    message = error.get("message", "no reason is recorded")
    raise Failed(f"The run {run.status}{failed_at(error)}: {message}")


def failed_at(error: dict[str, Any]) -> str:
    """Where a run failed: ` at 'ask' (Ask it) in rows.3, attempt 3 of 4`."""
    if not error.get("node"):
        return ""
    place = f" at '{error['node']}'"
    if error.get("label"):
        place += f" ({error['label']})"
    if error.get("path"):
        place += f" in {'.'.join(map(str, error['path']))}"
    if error.get("max_attempts", 1) > 1:
        place += f", attempt {error['attempt']} of {error['max_attempts']}"
    return place
