"""What all activities share: a sign of life, and errors in the words that the workflow knows."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from execution.attempt_ends import AttemptFailed
from execution.attempts import AttemptGivenUp, NotRecordedYet, RunOver, RunPaused
from execution.database import DatabaseAway, RecordRefused
from execution.pulse import pulse
from execution.recording import RunMissing
from execution.shapes import NodeCall
from flows.engine.errors import NodeError

logger = logging.getLogger(__name__)
#: Seconds between heartbeats; the timeout is in execution.durable.
HEARTBEAT_EVERY = 0.8


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Say that this worker lives, while the work goes on."""
    task = asyncio.create_task(_heartbeat())
    try:
        with pulse.speaks_for_this_activity():
            yield
    finally:
        task.cancel()


async def _heartbeat() -> None:
    """Not for the first moment, most nodes are over by then."""
    while True:
        await asyncio.sleep(HEARTBEAT_EVERY)
        activity.heartbeat()


@asynccontextmanager
async def named() -> AsyncIterator[None]:
    """Turn what went wrong into failures that Temporal repeats or not, as each should be.

    Without their causes: those are in the record or the log, and a chain of causes would be stored
    with every failure.
    """
    try:
        yield
    except AttemptFailed as failed:
        raise ApplicationError(
            failed.error["message"],
            failed.error,
            type=failed.error["code"],
            non_retryable=failed.retry_in is None,
            next_retry_delay=timedelta(seconds=failed.retry_in or 0),
        ) from None
    except NodeError as error:
        facts = error.as_dict()
        raise ApplicationError(error.message, facts, type=error.code, non_retryable=True) from None
    except AttemptGivenUp as given_up:
        # A worker that was not heard of for a while may still work on what was begun again
        # meanwhile, and close it. Then it is begun once more; of an old one nobody hears this.
        raise ApplicationError(str(given_up), type="later") from None
    except (RunOver, RunMissing):
        message = "The run has ended meanwhile."
        facts = {"code": "run_over", "message": message}
        raise ApplicationError(message, facts, type="run_over", non_retryable=True) from None
    except (NotRecordedYet, RunPaused, DatabaseAway) as later:
        raise ApplicationError(str(later), type="later") from None
    except RecordRefused as refused:
        raise for_good(refused) from refused


def for_good(refused: RecordRefused) -> ApplicationError:
    """Nothing that a repetition would change."""
    logger.error("What the workflow settled cannot be stored: %s", refused)
    message = "Something that the run made cannot be stored; the worker's log says what."
    return ApplicationError(message, type="record_refused", non_retryable=True)


def was_cancelled() -> bool:
    """Whether somebody asked for the end of this activity (and not only of this worker)."""
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested


def is_stopping() -> bool:
    """Whether this worker was asked to stop."""
    details = activity.cancellation_details()
    return details is not None and details.worker_shutdown


def typed(call: dict[str, Any]) -> NodeCall:
    """A call as it came through JSON."""
    call["incoming"] = [(source, output) for source, output in call["incoming"]]
    return call  # type: ignore[return-value]
