"""Steering runs that exist: pause, resume, and repeat one from any of its nodes."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.operators.plans import PlanLimitReached
from accounts.permissions import Actor
from accounts.services import audit
from execution.admission import tell_held_back
from execution.errors import OptionsInvalid, RunStateConflict
from execution.models import OPEN, NodeRun, NodeStatus, Run, RunStatus
from execution.options import check_options
from execution.parts_of_flows import carried_out
from execution.payloads import resolve_references
from execution.pinned import Wanted, pin, pin_again
from execution.recording import Event, HeldRun, hold_run, write_events
from execution.services import Started, begin_run, earlier_run, request_digest
from execution.telling import tell_all
from flows.engine.document import Document, digest, parse
from flows.engine.errors import NodeError
from flows.engine.graph import Graph
from flows.sharing import require_on

JSON = Any


def pause_run(actor: Actor, run: Run) -> Run:
    """Have a run start nothing more; what runs goes on to its end. Twice is the same as once.

    Reaches into its sub-flows. While Temporal cannot be reached the pause is kept, and told later.
    Raises RunStateConflict for a run that has ended or is inline.
    """
    return _steer(actor, run, paused=True)


def resume_run(actor: Actor, run: Run) -> Run:
    """Go on with a paused run. Twice is the same as once. Raises as `pause_run`."""
    return _steer(actor, run, paused=False)


def _steer(actor: Actor, run: Run, *, paused: bool) -> Run:
    require_on(actor, "run.cancel", run.flow)
    name = "pause" if paused else "resume"
    if run.execution == "inline":
        raise RunStateConflict(f"An inline run cannot be {name}d; it is over in a moment.")
    with transaction.atomic():
        marked = _mark_family(run, paused=paused)
        run.refresh_from_db()
        if run.ended:
            raise RunStateConflict(f"The run has ended already ({run.status}).")
        audit(actor, f"run.{name}", run)
    # A sub-flow may have begun meanwhile, written as the run above it was before.
    while late := _mark_family(run, paused=paused):
        marked += late
    # The oldest first: it is the one that begins others.
    tell_all(sorted(marked))
    run.refresh_from_db()
    return run


@transaction.atomic
def _mark_family(run: Run, *, paused: bool) -> list[UUID]:
    """Mark a run and the runs of its sub-flows, at any depth; which of them were not so before.

    The youngest first: runs that end lock themselves, and then the run above.
    """
    family = Q(id=run.id) | Q(lineage__contains=[str(run.id)])
    before = [status for status in OPEN if (status == RunStatus.PAUSED) != paused]
    found = Run.objects.filter(family, status__in=before).order_by("-id")
    return [id for id in found.values_list("id", flat=True) if _mark(id, paused=paused)]


def _mark(run_id: UUID, *, paused: bool) -> bool:
    held = hold_run(str(run_id), events=1)
    if held.ended or held.paused == paused:
        return False
    status = RunStatus.PAUSED if paused else _status_without_pause(run_id, held)
    Run.objects.filter(id=run_id).update(status=status, signal_due_at=timezone.now())
    if status == RunStatus.QUEUED:
        tell_held_back(UUID(held.workspace_id))
    kind = "run.paused" if paused else "run.resumed"
    write_events(held, [Event(kind, f"{kind}:{held.base}", data={"status": str(status)})])
    return True


def _status_without_pause(run_id: UUID, held: HeldRun) -> RunStatus:
    if held.started_at is None:
        return RunStatus.QUEUED
    steps = set(NodeRun.objects.filter(run_id=run_id).values_list("status", "type").distinct())
    kinds = {type for status, type in steps if status == NodeStatus.RUNNING}
    waits = any(status == NodeStatus.WAITING for status, _ in steps)
    return RunStatus.WAITING if waits and kinds <= {"map", "loop"} else RunStatus.RUNNING


def rerun_run(
    actor: Actor,
    run: Run,
    *,
    start: str | None = None,
    inputs: dict[str, JSON] | None = None,
    version: Wanted | None = None,
    only_failed: bool = False,
    idempotency_key: str | None = None,
    for_its_maker: bool = False,
) -> Started:
    """Repeat a run from node `start` on; every output before it is taken over, unpaid.

    Without `start` it goes on where it failed or was cut off: what has a result keeps it. With
    `only_failed` what succeeded inside the container `start` is kept as well. `inputs` and
    `version` replace those of the run. With `for_its_maker` the rerun belongs to who made the run,
    with the key and its budget, and not to the actor: it calls what the run could call. Raises
    RunStateConflict for a run that has not ended or whose inputs are gone, OptionsInvalid,
    InputsInvalid, NotPublished, IdempotencyConflict, PermissionRefused, and those of
    `execution.taking.NOT_TAKEN`.
    """
    require_on(actor, "run.start", run.flow)
    asked = ""
    if idempotency_key:
        wanted = digest(version) if isinstance(version, Document) else version
        asked = request_digest(["rerun", str(run.id), start, inputs, wanted, only_failed])
        if earlier := earlier_run(actor, idempotency_key, asked):
            return Started(earlier, created=False)
    run = Run.objects.select_related("version", "snapshot", "flow").get(id=run.id)
    if not run.ended:
        raise RunStateConflict("The run has not ended yet. Cancel it, or wait for its end.")
    maker = _maker_of(run, actor) if for_its_maker else actor
    pinned = pin_again(run) if version is None else pin(actor, run.flow, version, run.options)
    check_options(run.options, pinned)
    document = carried_out(parse(dict(pinned.whole_document())), run.options)
    _check_start(Graph(document), start, only_failed=only_failed)
    again = Run(
        workspace_id=run.workspace_id,
        flow=run.flow,
        trigger="rerun",
        session_id=run.session_id,
        created_by_id=maker.user_id,
        api_key_id=maker.api_key_id,
        idempotency_key=idempotency_key,
        request_digest=asked,
        rerun_of=run,
        priority=run.priority,
        options={
            **run.options,
            "rerun": {
                "run": str(run.id),
                "start": start,
                "only_failed": only_failed,
                "edited": inputs is not None or version is not None,
            },
        },
    )
    given = inputs_of(run) if inputs is None else inputs
    try:
        begin_run(again, pinned, given, maker, before=run.inputs)
    except (IntegrityError, PlanLimitReached):
        if idempotency_key and (earlier := earlier_run(actor, idempotency_key, asked)):
            return Started(earlier, created=False)
        raise
    return Started(again, created=True)


def inputs_of(run: Run) -> dict[str, JSON]:
    """What a run was given, whole. Raises RunStateConflict where a part of it is gone."""
    try:
        inputs: dict[str, JSON] = resolve_references(run.workspace_id, run.inputs)
    except NodeError as gone:
        message = "A large value that the run was given is no longer stored. Start the flow anew."
        raise RunStateConflict(message) from gone
    return inputs


def _maker_of(run: Run, actor: Actor) -> Actor:
    """Who made the run, by the key it was made with: for limits and for whose the rerun is."""
    return replace(actor, user_id=run.created_by_id, api_key_id=run.api_key_id, has_budget=True)


def _check_start(graph: Graph, start: str | None, *, only_failed: bool) -> None:
    if start is not None and start not in graph.nodes:
        message = f"The flow has no node '{start}', or the run to repeat was one without it."
        raise OptionsInvalid("from", message)
    if only_failed and (start is None or not graph.children.get(start)):
        message = "says what is kept inside a map or loop; name one in 'from'."
        raise OptionsInvalid("only_failed", message)
