"""What steps of a node wait for: people and other flows, waited for in the workflow.

The node's activity ends meanwhile; it is called again when all of it is over, and finds in the
record what came of it. Only `flows.engine` and Temporal are imported.
"""

import asyncio
from collections.abc import Callable, Sequence

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from execution.lasting import Lasting
from execution.shapes import Ask, NodeCall, call_of_ask
from execution.workflow_errors import node_error


class Asking(Lasting):
    """The part of the durable driver that knows nodes whose steps wait."""

    async def answered(self, call: NodeCall, asks: Sequence[Ask]) -> None:
        """Return when all of it is over; `call` then says what left no record."""
        task = asyncio.current_task()
        people = all(ask["type"] == "approval" for ask in asks)
        unopened = {ask["path"][-1] for ask in asks}

        def opened(ask: Ask) -> None:
            unopened.discard(ask["path"][-1])
            if not unopened:
                # From now on it only waits; before, nobody could have answered.
                self.waiting.add(task)
                if people:
                    self.asking.add(task)
                self.note_change()

        waiting = [asyncio.create_task(self._answer(call, ask, opened)) for ask in asks]
        try:
            for one in waiting:
                await one
        finally:
            for one in waiting:
                one.cancel()
            if left := [one for one in waiting if not one.done()]:
                await workflow.wait(left)
            self.asking.discard(task)
            self.waiting.discard(task)
            self.note_change()

    async def _answer(self, call: NodeCall, ask: Ask, tell: Callable[[Ask], None]) -> None:
        """One of them, to its recorded end; how it failed is in the record as well."""
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
            call.setdefault("unanswered", {})[str(ask["path"][-1])] = node_error(error)
            tell(ask)
