"""Hands runs to Temporal. Starting one twice is harmless: its id is the workflow's id."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from functools import partial
from itertools import batched
from typing import Any
from uuid import UUID

from django.conf import settings
from temporalio.client import Client
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from execution.models import Run
from execution.parts_of_flows import carried_out
from execution.pinned import Pinned
from execution.rerun import reuse_call
from execution.shapes import RunInput
from execution.temporal_client import TemporalUnreachable, run_sync
from flows.engine.document import dump, parse

JSON = Any
ENGINE_VERSION = 1
FLOW_ATTRIBUTE = SearchAttributeKey.for_keyword("FluxFlowId")
WORKSPACE_ATTRIBUTE = SearchAttributeKey.for_keyword("FluxWorkspaceId")
#: The workflow ends itself at its timeout; this is for one that cannot. So long, because waits and
#: pauses do not count towards that, and an end that is decided waits for the database.
BACKSTOP = timedelta(days=800)
#: Seconds a start may take before the run is left to the sweeper.
START_PATIENCE = 5.0
#: Workflows that are ended together.
FEW = 50


def dispatch(run: Run, pinned: Pinned, variables: dict[str, JSON]) -> None:
    """Start the workflow of a recorded run. Raises TemporalUnreachable."""
    start = run_input(run, pinned, variables)
    try:
        run_sync(lambda client: start_workflow(client, run, start), timeout=START_PATIENCE)
    except RPCError as error:
        raise TemporalUnreachable(f"Temporal refused the start: {error.message}") from error


def run_input(run: Run, pinned: Pinned, variables: dict[str, JSON]) -> RunInput:
    """What a run's driver is started with."""
    start = RunInput(
        run_id=str(run.id),
        workspace_id=str(run.workspace_id),
        flow_id=str(run.flow_id),
        engine_version=ENGINE_VERSION,
        document=_document(run, pinned),
        inputs=run.inputs,
        run={
            "id": str(run.id),
            "started_at": run.created_at.isoformat(),
            "session_id": run.session_id,
            "trigger": run.trigger,
            "flow": str(run.flow_id),
        },
        variables=variables,
        timeout_seconds=pinned.timeout_seconds,
    )
    if run.lineage:
        start["lineage"] = list(run.lineage)
    if reuse := reuse_call(run, pinned):
        start["reuse"] = reuse
    return start


def _document(run: Run, pinned: Pinned) -> dict[str, JSON] | None:
    """The document where it can travel: what of it is carried out."""
    if pinned.document is None:
        return None
    if not run.options:
        return dict(pinned.document)
    return dump(carried_out(parse(dict(pinned.document)), run.options))


async def start_workflow(client: Client, run: Run, start: RunInput) -> None:
    """Start it unless it was started before. Raises RPCError."""
    try:
        await client.start_workflow(
            "flow-run",
            start,
            id=run.workflow_id,
            task_queue=settings.TEMPORAL_TASK_QUEUE,
            task_timeout=timedelta(seconds=5),
            execution_timeout=timedelta(seconds=start["timeout_seconds"]) + BACKSTOP,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            priority=Priority(priority_key=run.priority, fairness_key=str(run.workspace_id)),
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(FLOW_ATTRIBUTE, str(run.flow_id)),
                    SearchAttributePair(WORKSPACE_ATTRIBUTE, str(run.workspace_id)),
                ]
            ),
        )
    except WorkflowAlreadyStartedError:
        return


def request_cancel(run: Run) -> bool:
    """Ask the workflow to stop; False where there is none. Raises TemporalUnreachable."""
    try:
        run_sync(lambda client: client.get_workflow_handle(run.workflow_id).cancel())
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise TemporalUnreachable(f"Temporal did not take the cancel: {error.message}") from error
    return True


def signal_run(run_id: UUID, signal: str) -> bool:
    """Signal a run's workflow; False where there is none. Raises TemporalUnreachable."""
    workflow_id = f"run-{run_id}"
    try:
        run_sync(lambda client: client.get_workflow_handle(workflow_id).signal(signal))
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise TemporalUnreachable(f"Temporal did not take it: {error.message}") from error
    return True


def terminate(workflow_ids: Collection[str], reason: str) -> None:
    """End these workflows at once, a few at a time; those that are over already count as ended.

    Raises TemporalUnreachable.
    """
    for few in batched(workflow_ids, FEW):
        run_sync(partial(_terminate, few, reason), timeout=START_PATIENCE)


async def _terminate(workflow_ids: tuple[str, ...], reason: str, client: Client) -> None:
    calls = [client.get_workflow_handle(id).terminate(reason) for id in workflow_ids]
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(answer, RPCError) and answer.status == RPCStatusCode.NOT_FOUND:
            continue
        if isinstance(answer, BaseException):
            raise answer
