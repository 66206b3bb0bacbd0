"""Sub-flows: a run of another flow that is a step of this one. Database code, each once."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Variable
from accounts.permissions import system_actor
from execution.attempts import Attempt, RunOver, begin_attempt, open_or_done, recorded
from execution.dispatch import run_input
from execution.ending import end_from_outside
from execution.errors import NotPublished
from execution.models import Run, RunStatus
from execution.payloads import Externalizer, resolve_references
from execution.pinned import Pinned, pin
from execution.recording import new_run_event
from execution.results import Outcome, fail_attempt, succeed_attempt
from execution.rights import rights_of
from execution.shapes import NodeCall, NodeDone, RunInput
from flows.engine.driving_errors import too_slow
from flows.engine.errors import DocumentInvalid, NodeError
from flows.engine.inputs import validate_inputs
from flows.models import Flow, Visibility
from flows.sharing import actions_on

JSON = Any
#: Runs above a run; one that calls itself has to end somewhere.
MAX_DEPTH = 10


def open_subflow(
    call: NodeCall, resolve: Callable[[], tuple[Any, dict[str, JSON]]]
) -> tuple[Run, RunInput]:
    """Begin the step and write the run of the sub-flow; both once, however often it is asked for.

    `resolve` gives the step's checked settings and their values. Raises NodeError, recorded as the
    end of the step, and RunOver.
    """
    attempt = begin_attempt({**call, "inside": {}}, "")  # type: ignore[typeddict-item]
    values: dict[str, JSON] | None = None
    try:
        config, values = resolve()
        run, pinned = _child(call, config)
    except NodeError as error:
        fail_attempt(call, attempt, error.as_dict(), Outcome(values, (), ()), retry_in=None)
        raise
    variables = Variable.objects.filter(workspace_id=run.workspace_id)
    start = run_input(run, pinned, dict(variables.values_list("name", "value")))
    return run, start


def _child(call: NodeCall, config: Any) -> tuple[Run, Pinned]:
    lineage = [*call.get("lineage", []), call["run_id"]]
    if len(lineage) >= MAX_DEPTH:
        message = (
            f"Flows call one another {MAX_DEPTH} levels deep here, which is the limit. Look for a "
            "flow that calls itself without an end."
        )
        raise NodeError("subflow_too_deep", message)
    workspace_id = UUID(call["workspace_id"])
    run_id = UUID(call["run_id"])
    flow, pinned = published_flow(workspace_id, run_id, config.flow, config.version)
    inputs = resolve_references(workspace_id, dict(config.inputs))
    values, errors = validate_inputs(list(pinned.fields), inputs)
    if errors:
        said = " ".join(str(error["message"]) for error in errors[:3])
        raise NodeError("subflow_inputs_invalid", f"The sub-flow's inputs: {said}", field="inputs")
    return _written(call, flow, pinned, values, lineage), pinned


def published_flow(
    workspace_id: UUID, caller_id: UUID, reference: str, version: int | None
) -> tuple[Flow, Pinned]:
    """The flow of that id or slug, and its version, for the run that calls it. Raises NodeError."""
    flow = _flow(workspace_id, reference)
    if flow.visibility == Visibility.PRIVATE:
        _check_private(flow, caller_id, reference)
    actor = system_actor(workspace_id, "subflow")
    try:
        return flow, pin(actor, flow, version or "published")
    except (NotPublished, DocumentInvalid) as error:
        raise NodeError("subflow_not_published", str(error), field="flow") from error


def _check_private(flow: Flow, caller_id: UUID, reference: str) -> None:
    """A private flow is called by the rights that its caller has."""
    person = rights_of(Run.objects.select_related("version", "api_key").get(id=caller_id))
    if person is None or "run.start" not in actions_on(person, flow):
        raise _missing(reference)


def _missing(reference: str) -> NodeError:
    message = (
        f"There is no flow '{reference}' in this workspace, or it is a private one that whoever "
        "published this flow may not run. Name it by its id or slug, or have it shared with them."
    )
    return NodeError("subflow_missing", message, field="flow")


def _flow(workspace_id: UUID, reference: str) -> Flow:
    named = Q(slug=reference)
    with suppress(ValueError):
        named |= Q(id=UUID(reference))
    flow = Flow.objects.filter(named, workspace_id=workspace_id).first()
    if flow is None:
        raise _missing(reference)
    return flow


def _written(
    call: NodeCall, flow: Flow, pinned: Pinned, values: dict[str, JSON], lineage: list[str]
) -> Run:
    """The sub-flow's run; the one that was written before, where the answer was lost."""
    out = Externalizer()
    inputs = out.shrink_object(values, whole=False)
    with transaction.atomic():
        parent = Run.objects.select_for_update().get(id=call["run_id"])
        if parent.ended:
            raise RunOver(parent.status)
        earlier = Run.objects.filter(
            parent=parent, parent_node=call["node"], parent_path=call["path"]
        ).order_by("-created_at")
        if (found := earlier.first()) is not None and not found.ended:
            return found
        run = _new_child(call, parent, flow, pinned, lineage)
        run.inputs = inputs
        new_run_event(run, out.blobs)
    return run


def _new_child(call: NodeCall, parent: Run, flow: Flow, pinned: Pinned, lineage: list[str]) -> Run:
    now = timezone.now()
    # Begun while somebody pauses the run above, it is part of that pause.
    paused = parent.status == RunStatus.PAUSED
    return Run(
        workspace_id=parent.workspace_id,
        flow=flow,
        version_id=pinned.version_id,
        snapshot_id=pinned.snapshot_id,
        budget=pinned.budget,
        trigger="subflow",
        status=RunStatus.PAUSED if paused else RunStatus.QUEUED,
        signal_due_at=now if paused else None,
        session_id=parent.session_id,
        created_by_id=parent.created_by_id,
        api_key_id=parent.api_key_id,
        parent=parent,
        parent_node=call["node"],
        parent_path=call["path"],
        lineage=lineage,
        priority=parent.priority,
        execution=parent.execution,
        held_by=parent.held_by,
        created_at=now,
        admitted_at=now,
        last_seq=1,
    )


def settle_subflow(call: NodeCall, child_id: str, in_time: bool = True) -> NodeDone:
    """Write the end of the step out of that of the sub-flow's run. Raises NodeError, RunOver."""
    row = open_or_done(call)
    if row.has_result:
        return recorded(row)
    child = Run.objects.select_related("flow").get(id=child_id)
    if not child.ended:
        lost = {"code": "workflow_lost", "message": "The sub-flow's run was lost on its way."}
        end_from_outside(child_id, RunStatus.FAILED, lost)
        child.refresh_from_db()
    attempt = Attempt(row.attempt, row.attempt)
    outcome = Outcome({"flow": str(child.flow_id), "run": child_id, "inputs": child.inputs}, (), ())
    if child.status != RunStatus.SUCCEEDED:
        error = _failure(child) if in_time else too_slow(call["timeout_seconds"])
        fail_attempt(call, attempt, error.as_dict(), outcome, retry_in=None)
        raise error
    done = NodeDone(output=child.outputs or {}, ports=["out"], ends_run=None, message="")
    return succeed_attempt(call, attempt, done, outcome)


def _failure(child: Run) -> NodeError:
    error = child.error or {}
    where = f" at '{error['node']}'" if error.get("node") else ""
    said = error.get("message") or "It gave no reason."
    message = f"The sub-flow '{child.flow.name}' ended as {child.status}{where}: {said}"
    details = {"run": str(child.id), "status": child.status, "code": str(error.get("code", ""))}
    return NodeError("subflow_failed", message, details=details)


def deadline_of(start: RunInput, now: datetime) -> float:
    """Seconds after which Temporal itself ends a sub-flow's workflow that cannot."""
    return float(start["timeout_seconds"]) + 400 * 24 * 3600
