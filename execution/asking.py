"""What steps of a node wait for: people and other flows, waited for in the workflow.

The node's activity ends meanwhile; it is called again when all of it is over, and finds in the
record what came of it. Only `flows.engine` and Temporal are imported.
"""

import asyncio
from collections.abc import Sequence

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
        if all(ask["type"] == "approval" for ask in asks):
            self.asking.add(task)
        self.lasts()
        waiting = [asyncio.create_task(self._answer(call, ask)) for ask in asks]
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

    async def _answer(self, call: NodeCall, ask: Ask) -> None:
        """One of them, to its recorded end; how it failed is in the record as well."""
        asked = call_of_ask(call, ask)
        try:
            if ask["type"] == "approval":
                opened = await self.activity("open_approval", asked)
                await self.decided(asked, opened["deadline"])
            else:
                opened = await self.activity("open_subflow", asked)
                in_time = await self.child_ended(opened, ask["timeout_seconds"])
                await self.activity("settle_subflow", asked, opened["start"]["run_id"], in_time)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            call.setdefault("unanswered", {})[str(ask["path"][-1])] = node_error(error)
