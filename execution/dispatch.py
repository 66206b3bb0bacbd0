"""Hands runs to Temporal. Starting one twice is harmless: its id is the workflow's id."""

from datetime import timedelta
from typing import Any

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
from execution.pinned import Pinned
from execution.shapes import RunInput
from execution.temporal_client import TemporalUnreachable, run_sync

JSON = Any
ENGINE_VERSION = 1
FLOW_ATTRIBUTE = SearchAttributeKey.for_keyword("FluxFlowId")
WORKSPACE_ATTRIBUTE = SearchAttributeKey.for_keyword("FluxWorkspaceId")
#: The workflow ends itself at its timeout; this is for one that cannot. So long, because an end
#: that is decided waits for the database, however long that is away.
BACKSTOP = timedelta(days=7)
#: Seconds a start may take before the run is left to the sweeper.
START_PATIENCE = 5.0


def dispatch(run: Run, pinned: Pinned, variables: dict[str, JSON]) -> None:
    """Start the workflow of a recorded run. Raises TemporalUnreachable."""
    start = run_input(run, pinned, variables)
    try:
        run_sync(lambda client: start_workflow(client, run, start), timeout=START_PATIENCE)
    except RPCError as error:
        raise TemporalUnreachable(f"Temporal refused the start: {error.message}") from error


def run_input(run: Run, pinned: Pinned, variables: dict[str, JSON]) -> RunInput:
    """What the workflow is started with."""
    return RunInput(
        run_id=str(run.id),
        workspace_id=str(run.workspace_id),
        flow_id=str(run.flow_id),
        engine_version=ENGINE_VERSION,
        document=dict(pinned.document) if pinned.document is not None else None,
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
