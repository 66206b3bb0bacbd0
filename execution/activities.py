"""The Temporal activities: thin drivers of the runner and the record."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from execution.attempts import NotRecordedYet, RunOver
from execution.database import DatabaseAway, RecordRefused, in_database
from execution.ending import (
    finish,
    load_run_document,
    record_settled_nodes,
    without_what_is_refused,
)
from execution.pulse import pulse
from execution.recording import RunMissing
from execution.runner import AttemptFailed, run_node
from execution.shapes import DOCUMENT_PIECE, NodeCall, NodeRecord, RunEnd

logger = logging.getLogger(__name__)
#: Seconds between heartbeats; the timeout is in execution.workflows.
HEARTBEAT_EVERY = 0.8


@activity.defn(name="run_node")
async def run_node_activity(call: dict[str, Any]) -> dict[str, Any]:
    """One attempt of a node; Temporal repeats it after the pause the runner asks for."""
    beating = asyncio.create_task(_heartbeat())
    try:
        with pulse.speaks_for_this_activity():
            done = await run_node(
                _typed(call), is_unwanted=_was_cancelled, is_stopping=_is_stopping
            )
        return dict(done)
    except AttemptFailed as failed:
        raise ApplicationError(
            failed.error["message"],
            failed.error,
            type=failed.error["code"],
            non_retryable=failed.retry_in is None,
            next_retry_delay=timedelta(seconds=failed.retry_in or 0),
        ) from failed
    except (RunOver, RunMissing) as over:
        message = "The run has ended meanwhile."
        facts = {"code": "run_over", "message": message}
        raise ApplicationError(message, facts, type="run_over", non_retryable=True) from over
    except (NotRecordedYet, DatabaseAway) as later:
        raise ApplicationError(str(later), type="later") from later
    except RecordRefused as refused:
        raise _for_good(refused) from refused
    finally:
        beating.cancel()


async def _heartbeat() -> None:
    """Say that this worker lives; not for the first moment, most nodes are over by then."""
    while True:
        await asyncio.sleep(HEARTBEAT_EVERY)
        activity.heartbeat()


def _was_cancelled() -> bool:
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested


def _is_stopping() -> bool:
    details = activity.cancellation_details()
    return details is not None and details.worker_shutdown


def _typed(call: dict[str, Any]) -> NodeCall:
    call["incoming"] = [(source, output) for source, output in call["incoming"]]
    return call  # type: ignore[return-value]


@activity.defn(name="finish_run")
async def finish_run(end: dict[str, Any]) -> None:
    """Write the end of a run, once."""
    typed: RunEnd = end  # type: ignore[assignment]
    patience = 1.5 if activity.info().is_local else 50
    with suppress(RunMissing):
        try:
            await in_database(lambda: finish(typed), patience=patience)
        except RecordRefused:
            logger.exception("The end of run %s cannot be stored as it is", typed["run_id"])
            await in_database(lambda: finish(without_what_is_refused(typed)), patience=patience)


@activity.defn(name="record_nodes")
async def record_nodes(run_id: str, started_at: str, records: list[dict[str, Any]]) -> None:
    """Write nodes that the workflow settled, where too many came together to travel."""
    typed: list[NodeRecord] = records  # type: ignore[assignment]
    with suppress(RunOver, RunMissing):
        try:
            await in_database(lambda: record_settled_nodes(run_id, started_at, typed), patience=25)
        except RecordRefused as refused:
            raise _for_good(refused) from refused


def _for_good(refused: RecordRefused) -> ApplicationError:
    """Nothing that a repetition would change."""
    logger.error("What the workflow settled cannot be stored: %s", refused)
    message = "Something that the run made cannot be stored; the worker's log says what."
    return ApplicationError(message, type="record_refused", non_retryable=True)


@activity.defn(name="load_document")
async def load_document(run_id: str, start: int) -> str:
    """A piece of the JSON of a document that is too large to travel with the start."""
    document = await in_database(lambda: load_run_document(run_id), patience=25)
    # ASCII, so that what is measured in characters here is measured in bytes there.
    text = json.dumps({**document, "layout": {}}, sort_keys=True)
    return text[start : start + DOCUMENT_PIECE]


ACTIVITIES: list[Callable[..., Any]] = [run_node_activity, finish_run, record_nodes, load_document]
