"""Carries a run through its plan, inside the workflow.

Pure nodes are evaluated right here; nodes that touch the world become activities. What the
workflow settles by itself travels as records with the next activity and is written there, in the
transaction that records that node: no event of its own in Temporal's history, and after a crash
nothing is missing. Only `flows.engine` and Temporal are imported: no Django, no clock.
"""

import asyncio
import json
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    FailureError,
    is_cancelled_exception,
)

from execution.queues import task_queue
from execution.settled import Settled
from execution.shapes import DOCUMENT_PIECE, NodeCall, NodeDone, NodeRecord, RunEnd, RunInput
from execution.travel import LEAVING, OUTPUTS, Seen, call_for, limits_for
from execution.workflow_errors import is_recorded, node_error, timed_out, unknown_type
from flows.engine.document import NodeSpec, parse
from flows.engine.errors import NeedsLoad, NodeError
from flows.engine.graph import Graph
from flows.engine.node_call import run_pure
from flows.engine.node_type import NodeType, PureInputs, Result
from flows.engine.plan import FinishRun, RunState, SkipNode, StartNode, advance, fail, succeed
from flows.engine.registry import registry
from flows.engine.sizes import json_size, wire_size

#: A node whose worker died is given to another after this silence.
HEARTBEAT_TIMEOUT = timedelta(seconds=2.5)
#: Temporal's own limit is a backstop: the runner ends an attempt at the node's timeout itself,
#: and then waits for an absent database (runner.RESULT_PATIENCE) rather than lose the result.
BACKSTOP = timedelta(minutes=12)
#: Temporal refuses activities without time.
AT_LEAST = timedelta(milliseconds=1)
#: Pure work, in bytes read and written plus a constant per node, after which the workflow lets
#: go of its thread: Temporal takes two seconds without a pause for a deadlock.
WORK_LIMIT = 4_000_000
WORK_PER_NODE = 20_000

#: Attempts are counted by the runner, which knows a failed call from a lost worker.
NODE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=10),
)
RECORD_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5)
)


class Drive:
    """Carries one run from its start to its end; all state a replay rebuilds."""

    def __init__(self, start: RunInput) -> None:
        self.start = start
        self.started_at = workflow.now().isoformat()
        self.settled = Settled()
        self.work = 0
        self.leaving = 0
        self.tasks: dict[asyncio.Task[Any], str] = {}
        self.deadline = workflow.now() + timedelta(seconds=start["timeout_seconds"])

    async def to_the_end(self) -> RunEnd:
        """Advance the plan until it says that the run is over."""
        await self._prepare()
        while True:
            finish = await self._carry_out()
            if finish is not None:
                return self._finished(finish)
            await self._one_more_done()
            if workflow.now() >= self.deadline:
                return self.end("timed_out", error=timed_out(self.start["timeout_seconds"]))

    async def _prepare(self) -> None:
        document = self.start["document"]
        if document is None:
            document = json.loads(await self._document_text())
        self.graph = Graph(parse(document))
        self.state = RunState.new(self.graph)

    async def _document_text(self) -> str:
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

    async def _carry_out(self) -> FinishRun | None:
        """Do what the plan commands until it wants to wait or the run is over."""
        while commands := advance(self.graph, self.state):
            for command in commands:
                match command:
                    case FinishRun():
                        return command
                    case SkipNode(node=node):
                        self._note(self.graph.nodes[node], "skipped")
                    case StartNode(node=node) if self.state.ending is None:
                        self._start(self.graph.nodes[node])
                await self._let_go()
        return None

    async def _let_go(self) -> None:
        """Hand over what has gathered, and the thread, before either is too much."""
        if self.settled.is_much:
            await self._hand_records_over()
        elif self.work > WORK_LIMIT or self.leaving > LEAVING:
            await asyncio.sleep(0.001)
        else:
            return
        self.work = self.leaving = 0

    def _start(self, node: NodeSpec) -> None:
        node_type = registry().get(node.type)
        if node_type is None:
            self._failed_here(node, unknown_type(node))
            return
        seen = Seen.by(node.id, self.graph, self.state, self.start)
        limits = limits_for(workflow.info().get_current_history_size())
        if node_type.pure is not None and self._ran_here(node, node_type, seen, limits.value):
            return
        call, size = call_for(
            node,
            node_type,
            seen,
            self.state,
            self.start,
            limits=limits,
            started_at=self.started_at,
            deadline=self.deadline.isoformat(),
        )
        self.leaving += size
        self.tasks[asyncio.create_task(self._in_activity(node, call))] = node.id

    def _ran_here(self, node: NodeSpec, node_type: NodeType, seen: Seen, limit: int) -> bool:
        """Evaluate a pure node; False where it touches or makes a value too large for here."""
        try:
            resolved, result = run_pure(
                node_type,
                node.config,
                seen.context,
                PureInputs(seen.incoming, self.start["inputs"]),
            )
        except NeedsLoad:
            return False
        except NodeError as error:
            self.work += WORK_PER_NODE + WORK_LIMIT // 4
            self._failed_here(node, error.as_dict())
            return True
        read, written = json_size(resolved), json_size(result.output)
        self.work += WORK_PER_NODE + read + written
        if read > limit or written > limit:
            return False
        self._note(node, "succeeded", resolved, result)
        succeed(self.graph, self.state, node.id, result)
        return True

    def _failed_here(self, node: NodeSpec, error: dict[str, Any]) -> None:
        self._note(node, "failed", error=error)
        fail(self.graph, self.state, node.id, error)

    def _note(
        self,
        node: NodeSpec,
        status: str,
        resolved: Any = None,
        result: Result | None = None,
        *,
        error: dict[str, Any] | None = None,
    ) -> None:
        self.settled.add(
            NodeRecord(
                node=node.id,
                type=node.type,
                path=[],
                status=status,
                at=workflow.now().isoformat(),
                input=resolved,
                output=result.output if result else None,
                ports=list(result.ports) if result else [],
                error=error,
            )
        )

    async def _hand_records_over(self) -> None:
        records = self.settled.take()
        try:
            await workflow.execute_activity(
                "record_nodes",
                args=[self.start["run_id"], self.started_at, records],
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=RECORD_RETRY,
            )
        except (ActivityError, asyncio.CancelledError):
            self.settled.give_back(records)
            raise

    async def _in_activity(self, node: NodeSpec, call: NodeCall) -> None:
        """Run a node outside and settle it; a failure is the plan's business, not an exception."""
        call["records"] = self.settled.take()
        node_type = registry().get(node.type)
        kind = node_type.queue if node_type else "io"
        try:
            done: NodeDone = await workflow.execute_activity(
                "run_node",
                call,
                activity_id=node.id,
                task_queue=task_queue(workflow.info().task_queue, kind),
                start_to_close_timeout=timedelta(seconds=call["timeout_seconds"]) + BACKSTOP,
                # The run's own deadline: Temporal keeps a clock for every activity anyway, so
                # the workflow needs no timer and its history one event less.
                schedule_to_close_timeout=max(self.deadline - workflow.now(), AT_LEAST),
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=NODE_RETRY,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=node.label or node.id,
            )
        except (ActivityError, asyncio.CancelledError) as error:
            if not is_recorded(error):
                # Perhaps it never began: what travelled along may not be recorded.
                self.settled.give_back(call["records"])
            if isinstance(error, asyncio.CancelledError) or is_cancelled_exception(error):
                raise
            fail(self.graph, self.state, node.id, node_error(error))
            return
        result = Result(
            output=done["output"],
            ports=tuple(done["ports"]),
            ends_run=done["ends_run"],  # type: ignore[arg-type]
            message=done["message"],
        )
        succeed(self.graph, self.state, node.id, result)

    async def _one_more_done(self) -> None:
        """Wait until a node outside is done."""
        done, _ = await workflow.wait([*self.tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            del self.tasks[task]
            task.result()

    async def bring_to(self, end: RunEnd) -> None:
        """Write the end when nothing runs any more, with the records nobody has written yet."""
        if self.tasks:
            await workflow.wait([*self.tasks])
        while self.settled.is_much:
            await self._hand_records_over()
        end["records"] = self.settled.take()
        await self._record(end)

    def stop_running_nodes(self) -> None:
        """Cancel what still runs outside; it ends when it has said what it used."""
        for task in self.tasks:
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
