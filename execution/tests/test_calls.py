"""What the workflow asks of a worker for each node: limits and retries as the document says."""

import asyncio
import uuid
from typing import Any

import pytest
from temporalio import activity
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from execution.temporal_client import connect
from execution.tests.flows_for_tests import document, output, start_node
from execution.workflows import FlowRun

JSON = Any


def calls_of(*nodes: dict[str, JSON]) -> dict[str, dict[str, JSON]]:
    """The call of each node that is run outside, by its id."""
    calls: dict[str, dict[str, JSON]] = {}

    @activity.defn(name="run_node")
    async def run_node(call: dict[str, JSON]) -> dict[str, JSON]:
        calls[call["node"]] = call
        return {"output": {}, "ports": ["out"], "ends_run": None, "message": ""}

    @activity.defn(name="finish_run")
    async def finish_run(end: dict[str, JSON]) -> None:
        """The end of the run; nobody reads it here."""

    async def run() -> None:
        client = await connect()
        queue = uuid.uuid4().hex
        every = [start_node("text"), *nodes, output("done")]
        edges = [f"start>{node['id']}" for node in [*nodes, {"id": "end"}]]
        start = {
            "run_id": uuid.uuid4().hex,
            "workspace_id": "w",
            "flow_id": "f",
            "engine_version": 1,
            "document": document(every, edges),
            "inputs": {"text": "hello"},
            "run": {"id": "r", "session_id": None},
            "variables": {},
            "timeout_seconds": 60,
        }
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[FlowRun],
            activities=[run_node, finish_run],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            await client.execute_workflow("flow-run", start, id=queue, task_queue=queue)

    asyncio.run(run())
    return calls


def http(name: str, config: dict[str, JSON] | None = None, **more: JSON) -> dict[str, JSON]:
    settings = {"url": "https://example.com", **(config or {})}
    return {"id": name, "type": "http", "config": settings, **more}


@pytest.mark.usefixtures("stack")
def test_an_attempt_may_last_as_long_as_its_config_asks() -> None:
    calls = calls_of(
        http("usual"),
        http("slow", {"timeout_seconds": 300}),
        http("short", {"timeout_seconds": 300}, timeout_seconds=5),
    )
    seconds = {name: call["timeout_seconds"] for name, call in calls.items()}
    assert seconds == {"usual": 60, "slow": 310, "short": 5}


@pytest.mark.usefixtures("stack")
def test_what_a_retry_leaves_out_is_as_the_node_type_has_it() -> None:
    calls = calls_of(http("usual"), http("patient", retry={"initial_seconds": 5, "if": "{{ 1 }}"}))
    usual = {
        "max_attempts": 3,
        "initial_seconds": 1,
        "backoff": 2,
        "max_seconds": 30,
        "condition": None,
    }
    assert calls["usual"]["retry"] == usual
    assert calls["patient"]["retry"] == {**usual, "initial_seconds": 5, "condition": "{{ 1 }}"}
