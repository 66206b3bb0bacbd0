"""What steps of a node wait for: people and other flows, waited for in the workflow.

The node's activity ends meanwhile; it is called again when all of it is over, and finds in the
record what came of it. Only `flows.engine` and Temporal are imported.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from execution.lasting import Lasting
from execution.shapes import Ask, NodeCall, call_of_ask
from execution.workflow_errors import node_error

JSON = Any


class Asking(Lasting):
    """The part of the durable driver that knows nodes whose steps wait."""

    async def answered(self, call: NodeCall, asks: Sequence[Ask]) -> dict[str, dict[str, JSON]]:
        """Return when all of it is over: the errors, by number, of what left no record.

        Cancelled, it leaves nothing open: neither the node nor what it waited for.
        """
        task = asyncio.current_task()
        errors = dict(call.get("unanswered", {}))
        unopened = {_number(ask) for ask in asks}
        flows = {_number(ask) for ask in asks if ask["type"] != "approval"}

        def look() -> None:
            if unopened:
                return
            # From now on it only waits; before, nobody could have answered.
            self.waiting.add(task)
            if not flows:
                self.asking.add(task)
            self.note_change()

        def opened(ask: Ask) -> None:
            unopened.discard(_number(ask))
            look()

        async def answer(ask: Ask) -> None:
            if error := await self._answer(call, ask, opened):
                errors[_number(ask)] = error
            unopened.discard(_number(ask))
            flows.discard(_number(ask))
            look()

        waiting = [asyncio.create_task(answer(ask)) for ask in asks]
        try:
            for one in waiting:
                await one
        except asyncio.CancelledError:
            await stopped(waiting)
            await self.activity("cut_off", call)
            raise
        finally:
            await stopped(waiting)
            self.asking.discard(task)
            self.waiting.discard(task)
            self.note_change()
        return errors

    async def _answer(
        self, call: NodeCall, ask: Ask, tell: Callable[[Ask], None]
    ) -> dict[str, JSON] | None:
        """One of them, to its recorded end; how it failed, where that may not be in the record."""
        asked = call_of_ask(call, ask)
        try:
            if ask["type"] == "approval":
                opened = await self.activity("open_approval", asked)
                tell(ask)
                await self.decided(asked, opened["deadline"])
            else:
                opened = await self.activity("open_subflow", asked)
                tell(ask)
                in_time = await self.child_ended(opened, ask["timeout_seconds"])
                await self.activity("settle_subflow", asked, opened["start"]["run_id"], in_time)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            return node_error(error)
        return None


def _number(ask: Ask) -> str:
    return str(ask["path"][-1])


async def stopped(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel what still runs, and wait until it has ended and said what it used."""
    for task in tasks:
        task.cancel()
    if left := [task for task in tasks if not task.done()]:
        await workflow.wait(left)
