"""Starts again what the machinery lost: a start that never came, a run that failed by no fault of
its own.
"""

from accounts.permissions import Actor
from accounts.services import audit
from execution.dispatch import dispatch
from execution.errors import RunStateConflict
from execution.models import Run, RunStatus
from execution.pinned import pin_again
from execution.services import variables_of
from execution.steering import rerun_run

#: How runs fail that nothing in their flow made fail.
INFRASTRUCTURE = frozenset(
    {
        "interrupted",
        "workflow_lost",
        "terminated",
        "engine_error",
        "end_not_recorded",
        "start_refused",
    }
)


def requeue_run(actor: Actor, run: Run) -> Run:
    """Start a run anew: the same one where only its start was lost, else a rerun of it.

    The rerun goes on where the run was cut off; what has a result keeps it, unpaid. It belongs to
    who made the run, as that did; the trail says who asked. Raises RunStateConflict for a run that
    needs neither or was started again before, TemporalUnreachable, and what `rerun_run` raises.
    """
    actor.require("run.start")
    run = Run.objects.select_related("version", "snapshot", "flow").get(id=run.id)
    if run.status == RunStatus.QUEUED and run.execution == "durable":
        if run.admitted_at is None or run.parent_id is not None:
            raise RunStateConflict("The run waits for room, or for the run above it.")
        pinned = pin_again(run)
        # Starting twice is harmless: the workflow's id is the run's.
        dispatch(run, pinned, variables_of(run, pinned))
        audit(actor, "run.requeue", run)
        return run
    code = (run.error or {}).get("code")
    if not run.ended or code not in INFRASTRUCTURE:
        raise RunStateConflict(
            "Only runs whose start was lost, or that the machinery made fail, are started again."
        )
    if run.parent_id is not None:
        raise RunStateConflict("It is the run of a sub-flow: requeue the run above it.")
    started = rerun_run(actor, run, idempotency_key=f"requeue-{run.id}", for_its_maker=True)
    again = started.run
    if not started.created:
        raise RunStateConflict(f"It was started again before, as the run {again.id}.")
    audit(actor, "run.requeue", run, again=str(again.id), code=code)
    return again
