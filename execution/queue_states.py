"""What Temporal says of our task queues: what waits in them, who asks for it, what fails there."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkflowExecutionRequest,
    GetSystemInfoRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from execution.models import NodeRun, NodeStatus, Run, RunStatus
from execution.queues import ALL_QUEUES, task_queue
from execution.temporal_client import TemporalUnreachable, run_sync

#: Seconds that Temporal has for all of a page.
PATIENCE = 4.0
#: Open runs whose workflows are asked for steps that fail, the longest under way first, and how
#: many are asked at once.
MOST_ASKED, AT_ONCE = 200, 20
#: Steps that are listed.
MOST_LISTED = 100
#: Pollers that are listed of one queue.
MOST_POLLERS = 50
TYPES = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}
WORK = {"io": "workflows, I/O", "model": "models", "code": "code"}


@dataclass(frozen=True)
class Poller:
    """A worker that asks a queue for work."""

    identity: str
    last_poll: datetime
    build: str


@dataclass(frozen=True)
class QueueState:
    """A task queue. `backlog` tasks wait, the oldest for `age` seconds; rates are tasks a second
    of the last half minute.
    """

    name: str
    kind: str
    work: str
    backlog: int
    age: float
    added: float
    dispatched: float
    pollers: tuple[Poller, ...]

    @property
    def is_stuck(self) -> bool:
        """Whether something waits that nobody asks for."""
        return bool(self.backlog) and not self.pollers


@dataclass(frozen=True)
class FailingStep:
    """A step that failed and is tried again; `error` is as recorded, without secrets."""

    run: Run
    step: str
    type: str
    attempt: int
    error: dict[str, Any]
    next_try: datetime | None
    worker: str


def queue_states() -> list[QueueState]:
    """Every queue of ours, workflows first. Raises TemporalUnreachable."""
    return _asked(_described)


def server_version() -> str:
    """The version of the Temporal server. Raises TemporalUnreachable."""

    async def asked(client: Client) -> str:
        answer = await client.workflow_service.get_system_info(GetSystemInfoRequest())
        return str(answer.server_version)

    return _asked(asked)


def _asked(call: Any) -> Any:
    try:
        return run_sync(call, timeout=PATIENCE)
    except RPCError as error:
        raise TemporalUnreachable(f"Temporal refused: {error.message}") from error


async def _described(client: Client) -> list[QueueState]:
    queues = [("io", "workflow"), *((queue, "activity") for queue in ALL_QUEUES)]
    return list(await asyncio.gather(*(_state(client, queue, kind) for queue, kind in queues)))


async def _state(client: Client, queue: Any, kind: str) -> QueueState:
    name = task_queue(settings.TEMPORAL_TASK_QUEUE, queue)
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=settings.TEMPORAL_NAMESPACE,
            task_queue=TaskQueue(name=name),
            task_queue_type=TYPES[kind],
            report_stats=True,
        )
    )
    stats = answer.stats
    pollers = [
        Poller(
            poller.identity,
            poller.last_access_time.ToDatetime(tzinfo=UTC),
            poller.deployment_options.build_id or poller.worker_version_capabilities.build_id,
        )
        for poller in answer.pollers
    ]
    pollers.sort(key=lambda poller: poller.last_poll, reverse=True)
    return QueueState(
        name,
        kind,
        "workflows" if kind == "workflow" else WORK[queue],
        stats.approximate_backlog_count,
        stats.approximate_backlog_age.ToTimedelta().total_seconds(),
        stats.tasks_add_rate,
        stats.tasks_dispatch_rate,
        tuple(pollers[:MOST_POLLERS]),
    )


def failing_steps() -> tuple[list[FailingStep], int]:
    """Steps that are being tried again, and how many open runs were asked for them.

    Raises TemporalUnreachable.
    """
    open_runs = Run.objects.filter(status__in=[RunStatus.RUNNING], execution="durable")
    rows = open_runs.select_related("flow", "workspace").defer("inputs", "outputs", "error")
    runs = list(rows.order_by("created_at")[:MOST_ASKED])
    if not runs:
        return [], 0
    pending = _asked(lambda client: _pending(client, [run.workflow_id for run in runs]))
    found = [
        (run, activity)
        for run in runs
        for activity in pending.get(run.workflow_id, [])
        if activity.attempt > 1 or activity.HasField("last_failure")
    ][:MOST_LISTED]
    errors = _last_errors({run.id for run, _ in found})
    return [_failing(run, activity, errors) for run, activity in found], len(runs)


async def _pending(client: Client, workflows: Sequence[str]) -> dict[str, list[Any]]:
    places = asyncio.Semaphore(AT_ONCE)

    async def asked(workflow: str) -> list[Any]:
        async with places:
            try:
                answer = await client.workflow_service.describe_workflow_execution(
                    DescribeWorkflowExecutionRequest(
                        namespace=settings.TEMPORAL_NAMESPACE,
                        execution=WorkflowExecution(workflow_id=workflow),
                    )
                )
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise
                return []  # it ended meanwhile, or never began
            return list(answer.pending_activities)

    lists = await asyncio.gather(*(asked(workflow) for workflow in workflows))
    return dict(zip(workflows, lists, strict=True))


def _last_errors(runs: Iterable[UUID]) -> dict[tuple[UUID, str], NodeRun]:
    """The last failed attempt of each node of these runs; what is recorded names no secrets."""
    rows = NodeRun.objects.filter(run_id__in=list(runs), status=NodeStatus.FAILED)
    found: dict[tuple[UUID, str], NodeRun] = {}
    few = rows.only("run_id", "node", "type", "attempt", "error").order_by("id")
    for row in few[: 10 * MOST_LISTED]:
        found[row.run_id, row.node] = row
    return found


def _failing(run: Run, activity: Any, errors: dict[tuple[UUID, str], NodeRun]) -> FailingStep:
    step = activity.activity_id
    # The step's id begins with its node's; the iteration and the part follow.
    recorded = errors.get((run.id, re.split("[@#]", step)[0]))
    at = activity.next_attempt_schedule_time
    return FailingStep(
        run,
        step,
        recorded.type if recorded else activity.activity_type.name,
        recorded.attempt if recorded else activity.attempt,
        (recorded.error if recorded else None) or {},
        at.ToDatetime(tzinfo=UTC) if at.seconds else None,
        activity.last_worker_identity,
    )
