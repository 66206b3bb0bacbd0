"""The workflow of a run: it drives the plan to its end and sees that the end is recorded.

Only `flows.engine` and Temporal are imported: no Django, no clock.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from execution.drive import Drive
    from execution.lasting import place_of
    from execution.workflow_errors import engine_error


@workflow.defn(name="flow-run")
class FlowRun:
    """One run of a flow, from its input to its recorded end."""

    @workflow.init
    def __init__(self, start: dict[str, Any]) -> None:
        # Here, because signals may come with the start.
        self.drive = Drive(start)  # type: ignore[arg-type]

    @workflow.run
    async def run(self, start: dict[str, Any]) -> str:
        """Returns the run's final status; everything else is in its record."""
        drive = self.drive
        try:
            end = await drive.to_the_end()
        except (asyncio.CancelledError, Exception) as error:
            # Unguarded, Temporal would retry the workflow task for ever and the run would hang.
            if is_cancelled_exception(error):
                end = drive.end("cancelled", error={"code": "cancelled", "message": "Cancelled."})
            else:
                workflow.logger.exception("A run ended on an error of the engine")
                end = drive.end("failed", error=engine_error(error))
        drive.stop_running_nodes()
        await _in_spite_of_cancels(drive.bring_to(end))
        return end["status"]

    @workflow.signal
    def wake(self, facts: dict[str, Any]) -> None:
        """There is news of a node that waits: `node`, `path`. What it is stands in the record."""
        self.drive.woken.add(place_of(facts["node"], facts["path"]))

    @workflow.signal
    def pause(self) -> None:
        """Start nothing more; what runs goes on to its end."""
        self.drive.paused = True

    @workflow.signal
    def resume(self) -> None:
        """Go on after a pause."""
        self.drive.paused = False


async def _in_spite_of_cancels(work: Coroutine[Any, Any, None]) -> None:
    """A cancel that comes when the end is decided comes too late: the end is still recorded."""
    task = asyncio.create_task(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()
