"""Tells the workflow of a run that something it waits for has happened."""

from collections.abc import Mapping
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from execution.temporal_client import TemporalUnreachable, run_sync

JSON = Any


def wake(run_id: str, news: Mapping[str, JSON]) -> bool:
    """Send a run's workflow the signal `wake` with `news`, as in `approval_news`.

    False where there is no such workflow, or it has ended. Raises TemporalUnreachable.
    """
    try:
        return run_sync(lambda client: wake_workflow(client, run_id, news))
    except RPCError as error:
        raise TemporalUnreachable(f"Temporal did not take the signal: {error.message}") from error


async def wake_workflow(client: Client, run_id: str, news: Mapping[str, JSON]) -> bool:
    """As `wake`, on a client's own loop. Raises RPCError."""
    try:
        await client.get_workflow_handle(f"run-{run_id}").signal("wake", dict(news))
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


def approval_news(node: str, path: list[str | int]) -> dict[str, JSON]:
    """What a workflow is told of a decision: `{"kind": "approval", "node", "path"}`."""
    return {"kind": "approval", "node": node, "path": path}
