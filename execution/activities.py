"""The Temporal activities: thin drivers of the runner and the record."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from temporalio import activity

from execution.activity_ways import beating, for_good, is_stopping, named, typed, was_cancelled
from execution.attempts import RunOver, RunPaused
from execution.container_work import close_container, work_off, work_off_part
from execution.database import RecordRefused, in_database
from execution.ending import (
    finish,
    load_run_document,
    record_settled_nodes,
    without_what_is_refused,
)
from execution.lasting_activities import LASTING_ACTIVITIES
from execution.recording import RunMissing
from execution.runner import run_node
from execution.shapes import DOCUMENT_PIECE, NodeDone, NodeRecord, PartDone, RunEnd

JSON = Any
logger = logging.getLogger(__name__)
#: Seconds before a workflow hears that a step met a pause. The row says so first: the workflow,
#: which may not know yet, would ask again and again.
PAUSED_REST = 0.5


@activity.defn(name="run_node")
async def run_node_activity(call: dict[str, Any]) -> dict[str, Any]:
    """One attempt of a node; Temporal repeats it after the pause the runner asks for."""
    async with beating(), named():
        try:
            done = await run_node(
                typed(call), is_unwanted=was_cancelled, is_stopping=is_stopping, work_off=work_off
            )
        except RunPaused:
            # It has not begun, and is asked for again when the run goes on: meanwhile no clock
            # of Temporal's runs.
            run_id, started_at, records = call["run_id"], call["started_at"], call["records"]
            await in_database(lambda: record_settled_nodes(run_id, started_at, records))
            done = NodeDone(output={}, ports=[], ends_run=None, message="", paused=True)
        if done.get("paused"):
            await asyncio.sleep(PAUSED_REST)
        return dict(done)


@activity.defn(name="run_part")
async def run_part(call: dict[str, Any]) -> dict[str, Any]:
    """One part of a large map, every step of it recorded by itself."""
    async with beating(), named():
        names = call["context"]
        done = await work_off_part(typed(call), names, was_cancelled, is_stopping)
        if done["paused"]:
            await asyncio.sleep(PAUSED_REST)
        return dict(done)


@activity.defn(name="close_container")
async def close_container_activity(call: dict[str, Any], parts: list[Any]) -> dict[str, Any]:
    """The end of a large map, out of those of its parts."""
    done: list[PartDone] = parts
    run_id, started_at, records = call["run_id"], call["started_at"], call["records"]
    async with beating(), named():
        if records:
            await in_database(lambda: record_settled_nodes(run_id, started_at, records))
        return dict(await in_database(lambda: close_container(typed(call), done)))


@activity.defn(name="finish_run")
async def finish_run(end: dict[str, Any]) -> None:
    """Write the end of a run, once."""
    typed_end: RunEnd = end  # type: ignore[assignment]
    patience = 1.5 if activity.info().is_local else 50
    with suppress(RunMissing):
        try:
            await in_database(lambda: finish(typed_end), patience=patience)
        except RecordRefused:
            logger.exception("The end of run %s cannot be stored as it is", end["run_id"])
            await in_database(lambda: finish(without_what_is_refused(typed_end)), patience=patience)


@activity.defn(name="record_nodes")
async def record_nodes(
    run_id: str, started_at: str, records: list[dict[str, Any]], status: str | None = None
) -> None:
    """Write nodes that the workflow settled: too many to travel, or nothing travels for long.

    `status` is what the run's row says from now on (`waiting`), unless it is paused or over.
    """
    nodes: list[NodeRecord] = records  # type: ignore[assignment]
    async with beating():
        await _record(run_id, started_at, nodes, status)


async def _record(
    run_id: str, started_at: str, nodes: list[NodeRecord], status: str | None
) -> None:
    with suppress(RunOver, RunMissing):
        try:
            await in_database(
                lambda: record_settled_nodes(run_id, started_at, nodes, status), patience=25
            )
        except RecordRefused as refused:
            raise for_good(refused) from refused


@activity.defn(name="load_document")
async def load_document(run_id: str, start: int) -> str:
    """A piece of the JSON of a document that is too large to travel with the start."""
    document = await in_database(lambda: load_run_document(run_id), patience=25)
    # ASCII, so that what is measured in characters here is measured in bytes there.
    text = json.dumps({**document, "layout": {}}, sort_keys=True)
    return text[start : start + DOCUMENT_PIECE]


ACTIVITIES: list[Callable[..., Any]] = [
    run_node_activity,
    run_part,
    close_container_activity,
    finish_run,
    record_nodes,
    load_document,
    *LASTING_ACTIVITIES,
]
