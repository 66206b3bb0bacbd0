"""The durable driver: carries a run through its walk, inside the workflow.

Nodes that touch the world become activities. What the workflow settles by itself travels as
records with the next activity and is written there, in the transaction that records that node: no
event of its own in Temporal's history, and after a crash nothing is missing. Only `flows.engine`
and Temporal are imported: no Django, no clock.
"""

import json
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from execution.durable import RECORD_RETRY
from execution.parts import Parts
from execution.parts_of_graph import suspends
from execution.reusing import reuse_from
from execution.shapes import DOCUMENT_PIECE, RunEnd
from execution.travel import OUTPUTS
from execution.workflow_errors import timed_out
from flows.engine.commands import Compute, Ended
from flows.engine.document import NodeSpec, parse
from flows.engine.graph import Graph
from flows.engine.migrate import migrated
from flows.engine.node_type import NodeType
from flows.engine.plan import FinishRun
from flows.engine.registry import registry
from flows.engine.scope import Scope
from flows.engine.sizes import wire_size
from flows.engine.walk import Walk

JSON = Any


class Drive(Parts):
    """Carries one run from its start to its end; all state a replay rebuilds."""

    async def to_the_end(self) -> RunEnd:
        """Advance the walk until it says that the run is over."""
        await self._prepare()
        while True:
            if self.paused:
                await self.until_resumed()
            finish = await self.carry_out()
            if finish is not None:
                return self._finished(finish)
            await self.one_more_done()
            if workflow.now() >= self.deadline:
                return self.end("timed_out", error=timed_out(self.start["timeout_seconds"]))

    async def _prepare(self) -> None:
        document = self.start["document"]
        if document is None:
            document = json.loads(await self.document_text())
        reuse = await reuse_from(self.start)
        given = {"run": self.start["run"], "vars": self.start["variables"]}
        # A worker may be newer than the start: what it runs is in the form that it knows.
        graph = Graph(migrated(parse(document), registry()))
        self.walk = Walk(graph, given, reuse=reuse)

    async def document_text(self) -> str:
        """A document that is too large to travel in one piece."""
        text, complete = "", False
        while not complete:
            piece: str = await workflow.execute_activity(
                "load_document",
                args=[self.start["run_id"], len(text)],
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=RECORD_RETRY,
            )
            text += piece
            complete = len(piece) < DOCUMENT_PIECE
        return text

    def outside(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        if node_type.control is not None:
            self.begin_lasting(scope, spec, node_type)
            return
        call = self.call(scope, spec, node_type)
        self.watch(self.in_activity(scope, spec, call, node_type), scope, spec.id)

    def open_container(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        if suspends(self.walk.graph, spec.id):
            self.open_in_workflow(scope, spec, node_type)
            return
        call = self.container_call(scope, spec, node_type)
        self.watch(self.in_activity(scope, spec, call, node_type), scope, spec.id)

    def compute_outside(self, command: Compute) -> None:
        scope = command.scope
        assert scope.container is not None
        self.watch(self.computed_elsewhere(command), scope, scope.container)

    def keep_outside(self, command: Ended) -> None:
        self.watch(self.kept_elsewhere(command), command.scope, command.node)

    async def one_more_done(self) -> None:
        """Wait for news of nodes outside; the run's clock stands while all of them only wait."""
        self.changed = any(task.done() for task in self.tasks)
        self.only_waits = self.waiting.issuperset(self.tasks)
        self.set_clock()
        if self.only_waits and not self.changed:
            await self.say_that_it_waits()
        await workflow.wait_condition(lambda: self.changed)
        self.only_waits = False
        self.set_clock()
        for task in [task for task in self.tasks if task.done()]:
            scope, _ = self.tasks.pop(task)
            self.waiting.discard(task)
            if not (scope.is_over and task.cancelled()):
                task.result()

    async def until_resumed(self) -> None:
        """Start nothing more until somebody resumes the run."""
        if self.settled.size:
            await self.hand_records_over()
        await workflow.wait_condition(lambda: not self.paused)

    async def bring_to(self, end: RunEnd) -> None:
        """Write the end when nothing runs any more, with the records nobody has written yet."""
        if self.tasks:
            await workflow.wait([*self.tasks])
        while self.settled.is_much:
            await self.hand_records_over()
        end["records"] = self.settled.take()
        await self._record(end)

    async def wind_up(self) -> None:
        """Wait for what was stopped, and have all that was settled written."""
        if self.tasks:
            await workflow.wait([*self.tasks])
        while self.settled.size:
            await self.hand_records_over()

    def stop_running_nodes(self) -> None:
        """Cancel what still runs outside; it ends when it has said what it used."""
        for task in (*self.clocks.values(), *self.tasks):
            task.cancel()

    def _finished(self, finish: FinishRun) -> RunEnd:
        error = finish.error
        if error is None and finish.status == "failed":
            error = {"code": "stopped", "message": finish.message or "The flow stopped itself."}
        return self.end(finish.status, outputs=finish.outputs, error=error)

    def end(
        self,
        status: str,
        *,
        outputs: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> RunEnd:
        """How the run ends."""
        if outputs is not None and wire_size(outputs) > OUTPUTS:
            outputs = None
        return RunEnd(
            run_id=self.start["run_id"],
            status=status,
            outputs=outputs,
            error=error,
            started_at=self.started_at,
            records=[],
        )

    async def _record(self, end: RunEnd) -> None:
        """Write the end: at once from the workflow task, or as long as it takes in an activity."""
        try:
            await workflow.execute_local_activity(
                "finish_run",
                end,
                start_to_close_timeout=timedelta(seconds=2),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except FailureError:
            # A local activity's own failure comes as it is, not as an ActivityError.
            await workflow.execute_activity(
                "finish_run",
                end,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=RECORD_RETRY,
            )
