"""Every write of the execution app that people and programs ask for: start and cancel runs."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Variable
from accounts.operators.plans import PlanLimitReached
from accounts.permissions import Actor, system_actor
from accounts.services import audit
from execution.admission import admission_of, tell_held_back
from execution.dispatch import dispatch, request_cancel
from execution.ending import end_from_outside
from execution.errors import (
    IdempotencyConflict,
    InputsInvalid,
    NotPublished,
    OptionsInvalid,
    RunStateConflict,
)
from execution.files.queries import Problem, missing_files
from execution.inline_start import start_inline
from execution.live.waiting import wait_until_ended
from execution.models import Run, RunStatus
from execution.options import asks_for_inputs, check_options
from execution.payloads import Externalizer
from execution.pinned import Pinned, Wanted, pin
from execution.recording import new_run_event
from execution.taking import check_features, check_taken, runs_inline
from execution.temporal_client import TemporalUnreachable
from flows.engine.document import Document, digest
from flows.engine.inputs import validate_inputs
from flows.models import Flow
from flows.services import FlowGone
from flows.sharing import require_on

__all__ = [
    "IdempotencyConflict",
    "InputsInvalid",
    "NotPublished",
    "OptionsInvalid",
    "RunStateConflict",
    "Started",
    "cancel_run",
    "start_run",
    "wait_until_ended",
]

JSON = Any
DEFAULT_PRIORITY = 3
CANCELLED_EARLY = {"code": "cancelled", "message": "Cancelled before it started."}
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Started:
    """A run, and whether this call made it (or an earlier one with the same key)."""

    run: Run
    created: bool


def start_run(
    actor: Actor,
    flow: Flow,
    inputs: dict[str, JSON],
    *,
    version: Wanted = "published",
    session_id: str | None = None,
    idempotency_key: str | None = None,
    trigger: str = "api",
    options: dict[str, JSON] | None = None,
    priority: int | None = None,
) -> Started:
    """Record a run and have it started; once this returns, the run happens.

    A document given as `version` is run as it is, under the flow and whatever its draft is now.
    `options` are those of `execution.options`: what of the flow is run, and what is given for it.
    `priority`: 1 (first) to 5 (last); None: 3. What the limits hold back starts when there is room.
    The row is the promise: if Temporal cannot be reached now, the sweeper of a worker starts the
    run later. An inline run may be over when this returns. Raises InputsInvalid, NotPublished,
    IdempotencyConflict, DocumentInvalid, FlowGone, OptionsInvalid, PermissionRefused, and those of
    `execution.taking.NOT_TAKEN`.
    """
    require_on(actor, "run.start", flow)
    asked = ""
    if idempotency_key:
        asked = _request_digest(flow, inputs, version, session_id, options, priority)
        if earlier := earlier_run(actor, idempotency_key, asked):
            return Started(earlier, created=False)
    pinned = pin(actor, flow, version, options)
    run = Run(
        workspace_id=actor.workspace_id,
        flow=flow,
        trigger=trigger,
        session_id=session_id,
        created_by_id=actor.user_id,
        api_key_id=actor.api_key_id,
        idempotency_key=idempotency_key,
        request_digest=asked,
        options=options or {},
        priority=priority or DEFAULT_PRIORITY,
    )
    try:
        begin_run(run, pinned, inputs, actor)
    except (IntegrityError, PlanLimitReached):
        if idempotency_key and (earlier := earlier_run(actor, idempotency_key, asked)):
            return Started(earlier, created=False)
        if not Flow.objects.filter(id=flow.id).exists():
            raise FlowGone from None
        raise
    return Started(run, created=True)


def begin_run(
    run: Run,
    pinned: Pinned,
    inputs: dict[str, JSON],
    actor: Actor,
    *,
    before: Mapping[str, JSON] | None = None,
) -> None:
    """Write a run that is filled in but for its document and inputs, and have it started.

    `before`: the inputs of the run that it repeats, which may not need any more what is gone.
    Raises InputsInvalid, OptionsInvalid and those of `execution.taking.NOT_TAKEN`; IntegrityError
    where its idempotency key is taken. PlanLimitReached may be because of the run with that key.
    """
    check_taken(actor)
    run.version_id, run.snapshot_id = pinned.version_id, pinned.snapshot_id
    run.budget, run.flow_limit = pinned.budget, pinned.concurrency
    check_options(run.options, pinned)
    check_features(run.workspace_id, pinned, run.options)
    fields = list(pinned.fields)
    if not asks_for_inputs(run.options, pinned):
        fields = [{**field, "required": False} for field in fields]
    values, errors = validate_inputs(fields, inputs)
    if errors := errors or _missing_files(actor, fields, values, before or {}):
        raise InputsInvalid(errors)
    run.created_at = timezone.now()
    run.last_seq = 1
    out = Externalizer()
    run.inputs = out.shrink_object(values, whole=False)
    inline = runs_inline(run.workspace_id, pinned)
    if inline:
        run.execution = "inline"
    run.admitted_at = admission_of(run)
    if inline:
        start_inline(run, pinned, out.blobs, variables_of(run, pinned))
        return
    with transaction.atomic():
        new_run_event(run, out.blobs)
        if run.admitted_at is None:
            tell_held_back(run.workspace_id)
    if run.admitted_at is None:
        return
    try:
        dispatch(run, pinned, variables_of(run, pinned))
    except TemporalUnreachable as error:
        logger.warning("Run %s stays queued: %s", run.id, error)


def _missing_files(
    actor: Actor,
    fields: list[Mapping[str, JSON]],
    values: dict[str, JSON],
    before: Mapping[str, JSON],
) -> list[Problem]:
    """What is wrong with the files that a run is newly given.

    None that the actor does not see: the run would show what is in it. A default is named by the
    flow, by whose rights a step reads it; it only has to be there.
    """
    files = [field for field in fields if field.get("type") == "file"]
    defaults, _ = validate_inputs(files, {})
    names = {str(field["name"]) for field in files}
    new = {name for name in names if values[name] != before.get(name)}
    own = {name for name in new if values[name] != defaults.get(name)}
    system = system_actor(actor.workspace_id, "run.start")
    return [
        *missing_files(actor, [field for field in files if field["name"] in own], values),
        *missing_files(system, [field for field in files if field["name"] in new - own], values),
    ]


def variables_of(run: Run, pinned: Pinned) -> dict[str, JSON]:
    if not pinned.reads_variables:
        return {}
    variables = Variable.objects.filter(workspace_id=run.workspace_id)
    return dict(variables.values_list("name", "value"))


def earlier_run(actor: Actor, key: str, asked: str) -> Run | None:
    """The run that was started with this key; `asked` is the digest of the request.

    Raises IdempotencyConflict where it was another request.
    """
    run = Run.objects.filter(workspace_id=actor.workspace_id, idempotency_key=key).first()
    if run is not None and run.request_digest != asked:
        raise IdempotencyConflict(
            "This Idempotency-Key was used for another request. Use a new key for a new run."
        )
    return run


def _request_digest(
    flow: Flow,
    inputs: dict[str, JSON],
    version: Wanted,
    session_id: str | None,
    options: dict[str, JSON] | None,
    priority: int | None,
) -> str:
    wanted = digest(version) if isinstance(version, Document) else version
    request = [str(flow.id), inputs, wanted, session_id, *([options] if options else [])]
    if priority is not None:
        request.append(priority)
    return request_digest(request)


def request_digest(request: list[JSON]) -> str:
    """What tells two requests with the same idempotency key apart; plain JSON."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def cancel_run(actor: Actor, run: Run) -> Run:
    """Ask a run to stop; its calls in flight are aborted. Twice is the same as once.

    Raises RunStateConflict for a run that has ended otherwise.
    """
    require_on(actor, "run.cancel", run.flow)
    run.refresh_from_db()
    if run.status == RunStatus.CANCELLED:
        return run
    if run.ended:
        raise RunStateConflict(
            f"The run has ended already ({run.status}); nothing is left to stop."
        )
    with transaction.atomic():
        first = Run.objects.filter(id=run.id, cancel_requested_at__isnull=True).update(
            cancel_requested_at=timezone.now()
        )
        if first:
            audit(actor, "run.cancel", run)
    if run.execution == "inline":
        return run  # the process that carries it out looks for this
    try:
        reached = request_cancel(run)
    except TemporalUnreachable as error:
        logger.warning("The cancel of run %s is delivered later: %s", run.id, error)
    else:
        if not reached:
            end_from_outside(str(run.id), RunStatus.CANCELLED, CANCELLED_EARLY)
    run.refresh_from_db()
    return run
