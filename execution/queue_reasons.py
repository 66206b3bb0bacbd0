"""Why a queued run waits, in a sentence; read when somebody looks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import Workspace
from accounts.operators.system_settings import max_running
from execution.models import Run, RunStatus

#: A run that was admitted starts within this time, or the engine is not there.
STARTS_WITHIN = timedelta(seconds=5)
#: Runs of a queue that are counted.
COUNTED = 1_000


class Reason(StrEnum):
    """What a queued run waits for."""

    WORKSPACE_LIMIT = "workspace_limit"
    FLOW_LIMIT = "flow_limit"
    PAUSED = "paused"
    STARTING = "starting"
    ENGINE_UNREACHABLE = "engine_unreachable"


@dataclass(frozen=True)
class Queued:
    """Why a run waits. `limit` and `running` count runs at work; `ahead` those that start first."""

    reason: Reason
    message: str
    limit: int | None = None
    running: int | None = None
    ahead: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def queued_of(runs: Sequence[Run]) -> dict[UUID, Queued]:
    """For those runs of one workspace that are queued, by id. Most often it asks nothing."""
    found = {run.id: _started_soon(run) for run in runs if run.status == RunStatus.QUEUED}
    held = [run for run in runs if run.id in found and found[run.id] is None]
    if held:
        busy = _Busy(held[0].workspace_id)
        found.update({run.id: busy.why(run) for run in held})
    return {run_id: queued for run_id, queued in found.items() if queued is not None}


def _started_soon(run: Run) -> Queued | None:
    """What is to be said of a run that no limit holds back; None for the others."""
    if run.pause_requested_at is not None:
        return Queued(Reason.PAUSED, "It is paused. Resume it, and it starts.")
    if run.admitted_at is None:
        return None
    if run.admitted_at > timezone.now() - STARTS_WITHIN:
        return Queued(Reason.STARTING, "It starts now.")
    return Queued(
        Reason.ENGINE_UNREACHABLE,
        "The engine or its workers do not answer. The run starts by itself when they do; whoever "
        "operates this installation sees at /readyz what is missing.",
    )


class _Busy:
    """What holds places in a workspace, and what is held back, each read once."""

    def __init__(self, workspace_id: UUID) -> None:
        limits = Workspace.objects.values_list("max_running", "plan__max_running")
        given = [limit for limit in limits.get(id=workspace_id) if limit is not None]
        self.limit: int = given[0] if given else max_running()
        here = Run.objects.filter(workspace_id=workspace_id, parent=None)
        holding = here.filter(
            Q(status=RunStatus.QUEUED) | Q(status=RunStatus.RUNNING), admitted_at__isnull=False
        )
        rows = holding.order_by().values_list("flow_id").annotate(Count("id"))
        self.of_flow: dict[UUID, int] = dict(rows)
        self.running = sum(self.of_flow.values())
        held = here.filter(status=RunStatus.QUEUED, admitted_at=None)
        held = held.order_by("priority", "created_at")
        self.held = list(held.values_list("id", "flow_id")[:COUNTED])

    def why(self, run: Run) -> Queued:
        """Why this run is held back."""
        of_flow = self.of_flow.get(run.flow_id, 0)
        if run.flow_limit is not None and of_flow >= run.flow_limit:
            message = (
                f"The flow is limited to {_count(run.flow_limit)} at once, and {of_flow:,} "
                f"{'is' if of_flow == 1 else 'are'} at work."
            )
            ahead = self._ahead(run, same_flow=True)
            said = message + _behind(ahead)
            return Queued(Reason.FLOW_LIMIT, said, run.flow_limit, of_flow, ahead)
        ahead = self._ahead(run, same_flow=False)
        if self.running >= self.limit:
            message = (
                f"The workspace is limited to {_count(self.limit)} at once, and {self.running:,} "
                f"{'is' if self.running == 1 else 'are'} at work."
            )
            said = message + _behind(ahead)
            return Queued(Reason.WORKSPACE_LIMIT, said, self.limit, self.running, ahead)
        message = "The engine is shared with other workspaces, so runs start one after the other."
        said = (message if ahead else "It starts now.") + _behind(ahead)
        return Queued(Reason.STARTING, said, self.limit, self.running, ahead)

    def _ahead(self, run: Run, *, same_flow: bool) -> int:
        ahead = 0
        for other, flow in self.held:
            if other == run.id:
                break
            ahead += flow == run.flow_id or not same_flow
        return ahead


def _count(limit: int) -> str:
    return "1 run" if limit == 1 else f"{limit:,} runs"


def _behind(ahead: int) -> str:
    if not ahead:
        return ""
    more = " or more" if ahead >= COUNTED else ""
    return f" {ahead:,}{more} {'starts' if ahead == 1 else 'start'} before it."
