"""Recorded histories of runs of many shapes replay, and the workflow passes Temporal's sandbox."""

import asyncio
import uuid
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from execution.models import Run
from execution.queues import task_queue
from execution.services import cancel_run, start_run
from execution.temporal_client import connect
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
    statuses,
    until,
)
from execution.workflows import FlowRun

JSON = Any
RUNNERS = [UnsandboxedWorkflowRunner(), SandboxedWorkflowRunner()]


def small() -> dict[str, JSON]:
    """Pure nodes, a branch that is skipped, and calls side by side."""
    nodes = [
        start_node("text"),
        {"id": "long", "type": "if", "config": {"condition": "{{ start.text | length > 3 }}"}},
        llm("a", "{{ start.text }}", "echo+slow-100ms"),
        llm("b", "{{ start.text }}"),
        {"id": "all", "type": "merge", "config": {"mode": "collect"}},
        output("{{ all.items | map('text') | join(' ') }}"),
        output("short", "short"),
    ]
    edges = ["start>long", "long.true>a", "long.true>b", "a>all", "b>all", "all>end"]
    return document(nodes, [*edges, "long.false>short"])


def wide(text: str) -> dict[str, JSON]:
    """More than fits into one task: pauses, handed-over records, outputs by way of the record."""
    names = [f"n{number}" for number in range(150)]
    nodes = [
        start_node("text"),
        *(
            {"id": name, "type": "transform", "config": {"fields": {"x": text}}}
            for name in names[:100]
        ),
        *(llm(name, text) for name in names[100:]),
        *(output(f"{{{{ {name}.x }}}}", f"o{name}") for name in names[:100]),
    ]
    edges = [f"start>{name}" for name in names] + [f"{name}>o{name}" for name in names[:100]]
    return document(nodes, edges)


def failing(**more: JSON) -> dict[str, JSON]:
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "error-500", retry={"max_attempts": 2}, **more),
        llm("slow", "{{ start.text }}", "echo+slow-3000ms"),
        output("{{ ask.text }}"),
    ]
    return document(nodes, ["start>ask", "start>slow", "ask>end"])


def endless(**more: JSON) -> dict[str, JSON]:
    nodes = [start_node("text"), llm("ask", "{{ start.text }}", "hang"), output("{{ ask.text }}")]
    return document(nodes, ["start>ask", "ask>end"], **more)


def runs_of_many_shapes() -> list[Run]:
    actor = new_actor()
    text = {"text": "hello"}
    runs = [
        run_to_end(actor, published(actor, small()), text),
        run_to_end(actor, published(actor, wide("{{ start.text }}")), {"text": "x" * 20_000}, 60),
        run_to_end(actor, published(actor, wide("\u4e2d" * 9_000)), text, 60),
        run_to_end(actor, published(actor, failing()), text),
        run_to_end(actor, published(actor, failing(on_error="continue")), text),
        run_to_end(actor, published(actor, endless(settings={"timeout_seconds": 1})), text),
    ]
    cancelled = start_run(actor, published(actor, endless()), text).run
    until(lambda: statuses(cancelled).get("ask") == "running")
    cancel_run(actor, cancelled)
    return [*runs, ended(cancelled)]


async def histories(runs: list[Run]) -> tuple[Client, list[WorkflowHistory]]:
    client = await connect()
    return client, [
        await client.get_workflow_handle(run.workflow_id).fetch_history() for run in runs
    ]


@pytest.mark.usefixtures("stack")
def test_histories_of_runs_of_many_shapes_replay() -> None:
    runs = runs_of_many_shapes()
    ends = ["succeeded"] * 3 + ["failed", "succeeded", "timed_out", "cancelled"]
    assert [run.status for run in runs] == ends

    async def replay() -> None:
        client, recorded = await histories(runs)
        for runner in RUNNERS:
            replayer = Replayer(
                workflows=[FlowRun],
                workflow_runner=runner,
                data_converter=client.data_converter,
            )
            for history in recorded:
                # Raises what differs, with the place.
                await replayer.replay_workflow(history)

    asyncio.run(replay())


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("runner", RUNNERS, ids=["plain", "sandboxed"])
def test_the_workflow_runs_in_temporals_sandbox(runner: WorkflowRunner) -> None:
    ends: list[dict[str, JSON]] = []

    @activity.defn(name="finish_run")
    async def finish_run(end: dict[str, JSON]) -> None:
        ends.append(end)

    @activity.defn(name="run_node")
    async def run_node(call: dict[str, JSON]) -> dict[str, JSON]:
        output = {"text": call["node"]}
        return {"output": output, "ports": ["out"], "ends_run": None, "message": ""}

    async def run() -> str:
        client = await connect()
        queue = uuid.uuid4().hex
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[FlowRun],
            activities=[finish_run, run_node],
            workflow_runner=runner,
        )
        start = {
            "run_id": uuid.uuid4().hex,
            "workspace_id": "w",
            "flow_id": "f",
            "engine_version": 1,
            "document": small(),
            "inputs": {"text": "hello"},
            "run": {"id": "r", "session_id": None},
            "variables": {},
            "timeout_seconds": 60,
        }
        models = Worker(client, task_queue=task_queue(queue, "model"), activities=[run_node])
        async with worker, models:
            return await client.execute_workflow("flow-run", start, id=queue, task_queue=queue)

    assert asyncio.run(run()) == "succeeded"
    assert ends[0]["outputs"] == {"end": "a b"}
