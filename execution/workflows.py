"""The workflow of a run: it asks the plan what to do next and carries out the commands.

Pure nodes are evaluated right here; nodes that touch the world become activities. What the
workflow settles by itself travels as records with the next activity and is written there, in the
transaction that records that node: no event of its own in Temporal's history, and after a crash
nothing is missing. Only `flows.engine` and Temporal are imported: no Django, no clock.
"""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from execution.shapes import NodeCall, NodeDone, NodeRecord, RunEnd, RunInput
    from flows.engine.document import NodeSpec, parse
    from flows.engine.errors import NeedsLoad, NodeError
    from flows.engine.graph import Graph
    from flows.engine.node_call import run_pure
    from flows.engine.node_type import NodeType, PureInputs, Result
    from flows.engine.plan import (
        FinishRun,
        RunState,
        SkipNode,
        StartNode,
        advance,
        context_for,
        fail,
        incoming_for,
        succeed,
    )
    from flows.engine.registry import registry
    from flows.engine.sizes import json_size

#: A node whose worker died is given to another after this silence.
HEARTBEAT_TIMEOUT = timedelta(seconds=2.5)
#: Temporal's own limit is a backstop: the runner ends an attempt at the node's timeout itself.
BACKSTOP = timedelta(seconds=20)
#: Temporal refuses activities without time.
AT_LEAST = timedelta(milliseconds=1)
#: Bytes of JSON a pure node's input or output may have to stay inside the workflow.
INLINE_LIMIT = 32_768
#: Bytes of records that travel with one activity (Temporal refuses payloads over 2 MiB).
RECORDS_LIMIT = 500_000
#: Bytes of context that travel with a call; above, the runner reads it from the record.
CALL_LIMIT = 1_000_000
#: Bytes of outputs that travel with the end of a run; above, they are read from the record.
OUTPUTS_LIMIT = 500_000
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


@workflow.defn(name="flow-run")
class FlowRun:
    """One run of a flow, from its input to its recorded end."""

    @workflow.run
    async def run(self, start: dict[str, Any]) -> str:
        """Returns the run's final status; everything else is in its record."""
        drive = Drive(start)  # type: ignore[arg-type]
        try:
            end = await drive.to_the_end()
        except asyncio.CancelledError:
            end = drive.end("cancelled", error={"code": "cancelled", "message": "Cancelled."})
        except Exception as error:
            # Unguarded, Temporal would retry the workflow task for ever and the run would hang.
            workflow.logger.exception("A run ended on an error of the engine")
            end = drive.end("failed", error=_engine_error(error))
        await drive.stop_running_nodes()
        await drive.record_end(end)
        return end["status"]


class Drive:
    """Carries one run from its start to its end; all state a replay rebuilds."""

    def __init__(self, start: RunInput) -> None:
        self.start = start
        self.started_at = workflow.now().isoformat()
        self.records: list[NodeRecord] = []
        self.records_size = 0
        self.work = 0
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
                return self._timed_out()

    async def _prepare(self) -> None:
        document = self.start["document"]
        if document is None:
            document = await workflow.execute_activity(
                "load_document",
                self.start["run_id"],
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=RECORD_RETRY,
            )
        self.graph = Graph(parse(document))
        self.state = RunState.new(self.graph)

    async def _carry_out(self) -> FinishRun | None:
        """Do what the plan commands until it wants to wait or the run is over."""
        while commands := advance(self.graph, self.state):
            for command in commands:
                match command:
                    case FinishRun():
                        return command
                    case SkipNode(node=node):
                        self._note(self.graph.nodes[node], "skipped")
                    case StartNode(node=node):
                        self._start(self.graph.nodes[node])
            if self.work > WORK_LIMIT:
                self.work = 0
                await asyncio.sleep(0.001)
            if self.records_size > RECORDS_LIMIT:
                await self._hand_records_over()
        return None

    def _start(self, node: NodeSpec) -> None:
        node_type = registry().get(node.type)
        if node_type is None:
            self._failed_here(node, _unknown_type(node))
            return
        context = context_for(
            self.graph, self.state, node.id, self.start["run"], self.start["variables"]
        )
        incoming = incoming_for(self.graph, self.state, node.id)
        if node_type.pure is not None and self._ran_here(node, node_type, context, incoming):
            return
        call = self._call(node, node_type, context, incoming)
        self.tasks[asyncio.create_task(self._in_activity(node, call))] = node.id

    def _ran_here(
        self,
        node: NodeSpec,
        node_type: NodeType,
        context: dict[str, Any],
        incoming: tuple[tuple[str, Any], ...],
    ) -> bool:
        """Evaluate a pure node; False where it touches or makes a value too large for here."""
        try:
            resolved, result = run_pure(
                node_type, node.config, context, PureInputs(incoming, self.start["inputs"])
            )
        except NeedsLoad:
            return False
        except NodeError as error:
            self.work += WORK_PER_NODE + WORK_LIMIT // 4
            self._failed_here(node, error.as_dict())
            return True
        read, written = json_size(resolved), json_size(result.output)
        self.work += WORK_PER_NODE + read + written
        if read > INLINE_LIMIT or written > INLINE_LIMIT:
            return False
        self._note(node, "succeeded", resolved, result, size=read + written)
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
        size: int = 0,
    ) -> None:
        self.records_size += size + 300
        self.records.append(
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

    def _take_records(self) -> list[NodeRecord]:
        records, self.records, self.records_size = self.records, [], 0
        return records

    async def _hand_records_over(self) -> None:
        await workflow.execute_activity(
            "record_nodes",
            args=[self.start["run_id"], self.started_at, self._take_records()],
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RECORD_RETRY,
        )

    def _call(
        self,
        node: NodeSpec,
        node_type: NodeType,
        context: dict[str, Any],
        incoming: tuple[tuple[str, Any], ...],
    ) -> NodeCall:
        retry = node.retry or node_type.retry
        from_record: list[str] = []
        if json_size(context) + json_size(incoming) > CALL_LIMIT:
            from_record = [name for name in context if name in self.graph.nodes]
            context = {name: context[name] for name in context if name not in self.graph.nodes}
            incoming = tuple((source, None) for source, _ in incoming)
        return NodeCall(
            run_id=self.start["run_id"],
            workspace_id=self.start["workspace_id"],
            flow_id=self.start["flow_id"],
            node=node.id,
            type=node.type,
            config=node.config,
            path=[],
            timeout_seconds=node.timeout_seconds or node_type.timeout_seconds,
            retry={
                "max_attempts": retry.max_attempts,
                "initial_seconds": retry.initial_seconds,
                "backoff": retry.backoff,
                "max_seconds": retry.max_seconds,
            },
            context=context,
            incoming=list(incoming) if node_type.pure is not None else [],
            from_record=from_record,
            run_inputs=self.start["inputs"] if node.type == "input" else {},
            session_id=self.start["run"].get("session_id"),
            started_at=self.started_at,
            records=self._take_records(),
        )

    async def _in_activity(self, node: NodeSpec, call: NodeCall) -> None:
        """Run a node outside and settle it; a failure is the plan's business, not an exception."""
        try:
            done: NodeDone = await workflow.execute_activity(
                "run_node",
                call,
                activity_id=node.id,
                start_to_close_timeout=timedelta(seconds=call["timeout_seconds"]) + BACKSTOP,
                # The run's own deadline: Temporal keeps a clock for every activity anyway, so it
                # costs nothing, where a timer of the workflow's would cost a quarter of the run.
                schedule_to_close_timeout=max(self.deadline - workflow.now(), AT_LEAST),
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=NODE_RETRY,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=node.label or node.id,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            fail(self.graph, self.state, node.id, _node_error(error))
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

    async def stop_running_nodes(self) -> None:
        """Cancel what still runs outside and wait until it has said what it used."""
        running = [task for task in self.tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await workflow.wait(running)

    def _finished(self, finish: FinishRun) -> RunEnd:
        error = finish.error
        if error is None and finish.status == "failed":
            error = {"code": "stopped", "message": finish.message or "The flow stopped itself."}
        return self.end(finish.status, outputs=finish.outputs, error=error)

    def _timed_out(self) -> RunEnd:
        seconds = self.start["timeout_seconds"]
        message = (
            f"The run did not end within {seconds:g} seconds. "
            "Raise settings.timeout_seconds of the flow, or make its slow nodes faster."
        )
        return self.end("timed_out", error={"code": "timed_out", "message": message})

    def end(
        self,
        status: str,
        *,
        outputs: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> RunEnd:
        """The end of the run, with the records nobody has written yet."""
        if outputs is not None and json_size(outputs) > OUTPUTS_LIMIT:
            outputs = None
        return RunEnd(
            run_id=self.start["run_id"],
            status=status,
            outputs=outputs,
            error=error,
            started_at=self.started_at,
            records=self._take_records(),
        )

    async def record_end(self, end: RunEnd) -> None:
        """Write the end: at once from the workflow task, or as long as it takes in an activity."""
        try:
            await workflow.execute_local_activity(
                "finish_run",
                end,
                start_to_close_timeout=timedelta(seconds=2),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError:
            await workflow.execute_activity(
                "finish_run",
                end,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=RECORD_RETRY,
            )


def _node_error(error: ActivityError) -> dict[str, Any]:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.details:
        return dict(cause.details[0])
    return {"code": "node_failed", "message": str(cause or error)}


def _unknown_type(node: NodeSpec) -> dict[str, Any]:
    message = (
        f"No node type '{node.type}' is installed on this worker. Install it or edit the flow."
    )
    return {"code": "node_type_unknown", "message": message}


def _engine_error(error: Exception) -> dict[str, Any]:
    message = (
        f"The engine could not go on ({type(error).__name__}). Nothing that was recorded is lost; "
        "run the flow again, and report this if it happens twice."
    )
    return {"code": "engine_error", "message": message}
