"""A worker process: polls Temporal, runs workflows and activities, keeps rows and workflows agreed.

The settings are those measured for a server on the same machine; tests/test_engine_settings.py
keeps them in force.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from execution.activities import ACTIVITIES, run_node_activity, run_part
from execution.admitter import Admitter
from execution.build import build_id
from execution.dispatch import FLOW_ATTRIBUTE, WORKSPACE_ATTRIBUTE
from execution.knowledge.activities import KNOWLEDGE_ACTIVITIES
from execution.knowledge.workflows import KnowledgeIndexing
from execution.presence import be_present
from execution.providers.access import operators_logins
from execution.providers.registry import load_provider
from execution.queues import ALL_QUEUES, task_queue
from execution.reconciler import Reconciler
from execution.sandbox.pool import close_sandbox
from execution.temporal_client import connect
from execution.workflows import FlowPart, FlowRun
from flows.engine.node_type import Queue
from flows.engine.registry import registry

logger = logging.getLogger(__name__)
#: Seconds that calls in flight have to end by themselves when the worker is asked to stop.
GRACE = timedelta(seconds=float(os.environ.get("FLUX_DRAIN_SECONDS") or 20))
#: Made once this worker asks for work, for whoever started it.
READY_FILE = os.environ.get("FLUX_READY_FILE")
#: A workflow whose worker died is given to another after this silence.
STICKY = timedelta(seconds=1)
#: Seconds between two tries to reach a server that is not there yet.
CONNECT_EVERY = 0.5


def make_worker(client: Client, queue: Queue = "io") -> Worker:
    """The worker of one task queue, with every setting in one place.

    The main queue (`io`) has the workflows too: what follows at once stays in this process.
    """
    slots = {
        "io": settings.FLUX_SLOTS_IO,
        "model": settings.FLUX_SLOTS_MODEL,
        "code": settings.FLUX_SLOTS_CODE,
    }
    return Worker(
        client,
        build_id=build_id(),
        task_queue=task_queue(settings.TEMPORAL_TASK_QUEUE, queue),
        workflows=[FlowRun, FlowPart, KnowledgeIndexing] if queue == "io" else [],
        activities=_activities(queue),
        # Workflow code imports only the pure engine (held by a test); the sandbox doubles its CPU.
        workflow_runner=UnsandboxedWorkflowRunner(),
        workflow_task_executor=ThreadPoolExecutor(4, thread_name_prefix="workflow"),
        max_cached_workflows=1000,
        max_concurrent_workflow_tasks=50,
        max_concurrent_activities=slots[queue],
        max_concurrent_local_activities=100,
        max_eager_activity_reservations_per_workflow_task=10,
        sticky_queue_schedule_to_start_timeout=STICKY,
        default_heartbeat_throttle_interval=timedelta(seconds=1),
        max_heartbeat_throttle_interval=timedelta(seconds=1),
        graceful_shutdown_timeout=GRACE,
    )


def _activities(queue: Queue) -> Sequence[Callable[..., Any]]:
    if queue == "io":
        return ACTIVITIES
    asking = KNOWLEDGE_ACTIVITIES if queue == "model" else []
    return [run_node_activity, run_part, *asking]


async def run_worker(queues: Collection[Queue] = ALL_QUEUES) -> None:
    """Work until SIGTERM or SIGINT; then take nothing new, let what runs end, and return.

    Only who polls the main queue keeps rows and workflows agreed and admits runs.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    registry()
    client = await _connected(stop)
    if client is None:
        return
    await _ensure_search_attributes(client)
    beside = [_warm_up()]
    if "io" in queues:
        reconciler = Reconciler(client)
        beside += [reconciler.run(), Admitter(reconciler.start).run()]
    tasks = [asyncio.create_task(work) for work in beside]
    try:
        async with AsyncExitStack() as polling:
            for queue in queues:
                await polling.enter_async_context(make_worker(client, queue))
            present = [asyncio.create_task(be_present(queue)) for queue in queues]
            if READY_FILE:
                Path(READY_FILE).touch()
            logger.warning(
                "Worker %s polls %s for %s",
                identity(),
                settings.TEMPORAL_ADDRESS,
                ", ".join(sorted(queues)),
            )
            await stop.wait()
            for task in present:
                task.cancel()
            logger.warning("Worker %s drains", identity())
    finally:
        for task in tasks:
            task.cancel()
        close_sandbox()


async def _connected(stop: asyncio.Event) -> Client | None:
    """The client, as soon as the server answers; None when asked to stop before."""
    told = False
    while not stop.is_set():
        try:
            return await connect(identity=identity())
        except RuntimeError as error:
            if not told:
                logger.warning("Temporal at %s: %s; trying on", settings.TEMPORAL_ADDRESS, error)
                told = True
            await asyncio.sleep(CONNECT_EVERY)
    return None


async def _warm_up() -> None:
    """Import the SDKs of the models this installation has keys for, before the first call."""
    for name in operators_logins():
        await load_provider(name)


async def _ensure_search_attributes(client: Client) -> None:
    """Make the attributes runs are started with known; some clusters let only their owner do it."""
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    request = AddSearchAttributesRequest(
        namespace=client.namespace,
        search_attributes={FLOW_ATTRIBUTE.name: keyword, WORKSPACE_ATTRIBUTE.name: keyword},
    )
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status != RPCStatusCode.ALREADY_EXISTS:
            logger.warning("Search attributes were not added: %s", error.message)


def identity() -> str:
    """How this worker is called in the Temporal UI."""
    return f"{os.getpid()}@{socket.gethostname()}"
