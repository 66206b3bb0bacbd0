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
    from execution.part_drive import PartDrive
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
    async def wake(self, facts: dict[str, Any]) -> None:
        """There is news of a node that waits: `node`, `path`. What it is stands in the record."""
        await _woken(self.drive, facts)

    @workflow.signal
    async def pause(self) -> None:
        """Start nothing more; what runs goes on to its end."""
        await _paused(self.drive, "pause")

    @workflow.signal
    async def resume(self) -> None:
        """Go on after a pause."""
        await _paused(self.drive, "resume")


@workflow.defn(name="flow-part")
class FlowPart:
    """Some items of a map, or rounds of a loop, in which something waits."""

    @workflow.init
    def __init__(self, start: dict[str, Any], call: dict[str, Any]) -> None:
        self.drive = PartDrive(start, call)  # type: ignore[arg-type]

    @workflow.run
    async def run(self, start: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
        """Returns a PartDone; a cancel is passed on when everything in it has ended."""
        try:
            return dict(await self.drive.to_the_end_of_it())
        except (asyncio.CancelledError, Exception) as error:
            self.drive.stop_running_nodes()
            await _in_spite_of_cancels(self.drive.wind_up())
            if is_cancelled_exception(error):
                raise
            workflow.logger.exception("A part of a run ended on an error of the engine")
            done: dict[str, Any] = {"items": [], "errors": [], "ends": None, "paused": False}
            return {**done, "failed": engine_error(error)}

    @workflow.signal
    async def wake(self, facts: dict[str, Any]) -> None:
        """As that of a run."""
        await _woken(self.drive, facts)

    @workflow.signal
    async def pause(self) -> None:
        """As that of a run."""
        await _paused(self.drive, "pause")

    @workflow.signal
    async def resume(self) -> None:
        """As that of a run."""
        await _paused(self.drive, "resume")


async def _woken(drive: Drive, facts: dict[str, Any]) -> None:
    drive.woken.add(place_of(facts["node"], facts["path"]))
    await drive.pass_on("wake", facts)


async def _paused(drive: Drive, signal: str) -> None:
    drive.set_paused(signal == "pause")
    await drive.pass_on(signal)


async def _in_spite_of_cancels(work: Coroutine[Any, Any, None]) -> None:
    """A cancel that comes when the end is decided comes too late: the end is still recorded."""
    task = asyncio.create_task(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()
