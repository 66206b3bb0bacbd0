"""Whether this copy lives, and whether it can do its work: database, Temporal, a worker."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from psycopg_pool import PoolTimeout
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from execution.presence import workers_present
from execution.temporal_client import TemporalUnreachable, run_sync

#: Seconds an answer of /readyz holds, so that probes cost nothing.
CACHE_SECONDS = 1.0
#: Seconds Temporal has to answer in.
TEMPORAL_PATIENCE = 2.0
#: A worker polls anew at least once a minute; a poller not seen for longer is gone. (Of one that
#: died Temporal does not know; the database does.)
POLLER_SECONDS = 75
NO_WORKER_FOR = "No worker does work of the kind {}: those steps wait. See runworker --queues."
NO_WORKER = "No worker asks for work. Start one: python manage.py runworker"


@dataclass(frozen=True)
class Check:
    """One thing that is needed. `detail` says what to do where it is missing."""

    ok: bool
    detail: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, "detail": self.detail}


@dataclass
class _Latest:
    """The last answer; one thread at a time makes a new one."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    at: float = -CACHE_SECONDS
    checks: dict[str, Check] = field(default_factory=dict)


_latest = _Latest()


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: the process answers. Asks nobody else, so that a restart is not for others' faults."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Ready: the database, Temporal and a polling worker are there; else 503 and what is not."""
    checks = readiness()
    ready = all(check.ok for check in checks.values())
    response = JsonResponse(
        {
            "status": "ready" if ready else "not ready",
            "checks": {name: check.as_dict() for name, check in checks.items()},
        },
        status=200 if ready else 503,
    )
    # Django would log each 503 as an error; while everything starts, it is the expected answer.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def readiness() -> dict[str, Check]:
    """The checks, at most CACHE_SECONDS old."""
    with _latest.lock:
        if time.monotonic() - _latest.at >= CACHE_SECONDS:
            temporal, polling = check_temporal()
            database, present = check_database()
            worker = polling if not polling.ok else present
            _latest.checks = {"database": database, "temporal": temporal, "worker": worker}
            _latest.at = time.monotonic()
        return _latest.checks


def check_database() -> tuple[Check, Check]:
    """The database, and a worker that lives: both from who is connected to it."""
    try:
        present = workers_present()
    except (DatabaseError, PoolTimeout):
        away = Check(False, "The database does not answer.")
        return away, Check(False, "Unknown while the database does not answer.")
    if not present["io"]:
        return Check(True), Check(False, NO_WORKER)
    missing = [kind for kind, workers in present.items() if not workers]
    # Ready all the same: whatever needs none of these runs.
    return Check(True), Check(True, NO_WORKER_FOR.format(" and ".join(missing)) if missing else "")


def check_temporal() -> tuple[Check, Check]:
    """The server, and a worker on our queue: both from what it knows of the queue's pollers."""
    try:
        seen = run_sync(_last_poll, timeout=TEMPORAL_PATIENCE)
    except (TemporalUnreachable, RPCError):
        missing = Check(False, f"Temporal at {settings.TEMPORAL_ADDRESS} does not answer.")
        return missing, Check(False, "Unknown while Temporal does not answer.")
    if seen is None or (datetime.now(UTC) - seen).total_seconds() > POLLER_SECONDS:
        return Check(True), Check(False, NO_WORKER)
    return Check(True), Check(True)


async def _last_poll(client: Client) -> datetime | None:
    """When a worker last asked for workflow tasks."""
    request = DescribeTaskQueueRequest(
        namespace=settings.TEMPORAL_NAMESPACE,
        task_queue=TaskQueue(name=settings.TEMPORAL_TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request)
    polls = [poller.last_access_time.ToDatetime(tzinfo=UTC) for poller in answer.pollers]
    return max(polls, default=None)
