"""Nodes of a durable run that last: waits, approvals and sub-flows.

They are no activities but timers, signals and child workflows, so that they cost nothing meanwhile
and survive restarts for months. Only `flows.engine` and Temporal are imported.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError, is_cancelled_exception

from execution.durable import Durable, result_of
from execution.shapes import NodeCall, NodeDone
from execution.workflow_errors import node_error
from flows.engine.document import NodeSpec
from flows.engine.errors import NeedsLoad, NodeError
from flows.engine.node_call import resolve_config
from flows.engine.node_type import NodeType, Result
from flows.engine.scope import Scope
from flows.engine.sight import context_of
from flows.nodes.wait.node import seconds_to_wait

JSON = Any


class Lasting(Durable):
    """The part of the durable driver that knows nodes which only wait."""

    def begin_lasting(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        """Begin a wait, an approval or a sub-flow."""
        work = {"wait": self._wait, "approval": self._approval, "subflow": self._subflow}
        assert node_type.control in work, node_type.type
        self.watch(work[node_type.control](scope, spec, node_type), scope, spec.id)

    async def say_that_it_waits(self) -> None:
        """Have written what nobody else will write soon: the run waits, perhaps for long."""
        kinds = {self._kind(task, node) for task, (_, node) in self.tasks.items()}
        status = "waiting" if kinds <= {"wait", "approval"} else None
        if self.settled.size or status != self.said:
            self.said = status
            await self.hand_records_over(status)

    def _kind(self, task: asyncio.Task[Any], node: str) -> str:
        return "approval" if task in self.asking else self.walk.graph.nodes[node].type

    said: str | None = None

    async def resolved(
        self, scope: Scope, spec: NodeSpec, node_type: NodeType
    ) -> tuple[Any, dict[str, JSON]]:
        """The node's checked settings and their values; elsewhere where large values are read.

        Raises NodeError; ActivityError from elsewhere.
        """
        context = context_of(self.walk.graph, scope, spec.id, self.walk.given)
        try:
            return resolve_config(node_type, spec.config, context)
        except NeedsLoad:
            call = self.call(scope, spec, node_type)
            values: dict[str, JSON] = await self.activity("resolve_node", call)
        # Expressions are values by now, and what looks like one is data.
        return node_type.config.model_validate(values), values

    async def _wait(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        try:
            config, values = await self.resolved(scope, spec, node_type)
            seconds = seconds_to_wait(config, workflow.now())
        except (NodeError, ActivityError) as error:
            self.failed_here(scope, spec, _facts(error))
            return
        began = workflow.now()
        self.begin(scope, spec, "waiting", values)
        if seconds:
            self.lasts()
            await workflow.sleep(timedelta(seconds=seconds))
        waited = round((workflow.now() - began).total_seconds(), 3)
        result = Result({"waited_seconds": waited})
        if not scope.is_over:
            self.note(scope, spec, "succeeded", values, result)
            self.walk.succeed(scope, spec.id, result)

    async def _approval(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        call = self.call(scope, spec, node_type)
        call["records"] = self.settled.take()
        try:
            opened = await self.activity("open_approval", call)
        except ActivityError as error:
            self.settled.give_back(call["records"])
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            self.failed_here(scope, spec, node_error(error))
            return
        call["records"] = []
        self.began[scope.path, spec.id] = self.now().isoformat()
        self.lasts()
        try:
            done = await self.decided(call, opened["deadline"])
        except ActivityError as error:
            self.began.pop((scope.path, spec.id), None)
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            self.walk.fail(scope, spec.id, node_error(error))
            return
        self.began.pop((scope.path, spec.id), None)
        self.walk.succeed(scope, spec.id, result_of(done))

    async def decided(self, call: NodeCall, deadline: str | None) -> NodeDone:
        """Wait for the decision that is in the record, or for the deadline."""
        place = place_of(call["node"], call["path"])
        pause = timedelta(0)
        while True:
            timed_out = False
            try:
                await workflow.wait_condition(
                    lambda: place in self.woken, timeout=_until(deadline, pause)
                )
            except TimeoutError:
                # The database's clock decides; it may be behind.
                timed_out, pause = True, timedelta(seconds=1)
            self.woken.discard(place)
            done: NodeDone | None = await self.activity("settle_approval", call, timed_out)
            if done is not None:
                return done

    async def _subflow(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        call = self.call(scope, spec, node_type)
        call["records"] = self.settled.take()
        self.began[scope.path, spec.id] = self.now().isoformat()
        try:
            opened = await self.activity("open_subflow", call)
            call["records"] = []
            self.began[scope.path, spec.id] = self.now().isoformat()
            self.lasts()
            in_time = await self.child_ended(opened, spec.timeout_seconds)
            child = opened["start"]["run_id"]
            self.began.pop((scope.path, spec.id), None)
            done = await self.activity("settle_subflow", call, child, in_time)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            self.walk.fail(scope, spec.id, node_error(error))
            return
        finally:
            self.began.pop((scope.path, spec.id), None)
        self.walk.succeed(scope, spec.id, result_of(done))

    async def child_ended(self, opened: dict[str, JSON], seconds: float | None) -> bool:
        """The sub-flow's run to its end, or cancelled after so many seconds: then False."""
        if self.paused and workflow.patched("pauses-stop-clocks"):
            await workflow.wait_condition(lambda: not self.paused)
        try:
            async with self.in_time(seconds) as clock:
                await self._child_run(opened)
        except TimeoutError:
            return False
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # A workflow that heeds a cancel ends as if nothing was; then this is to end as well.
            raise asyncio.CancelledError
        return not clock.expired()

    async def _child_run(self, opened: dict[str, JSON]) -> None:
        """The sub-flow's run as a workflow of its own, to its end; the record says how it ended."""
        start = opened["start"]
        try:
            await workflow.execute_child_workflow(
                "flow-run",
                start,
                id=f"run-{start['run_id']}",
                task_timeout=timedelta(seconds=5),
                execution_timeout=timedelta(seconds=opened["backstop_seconds"]),
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                static_summary=opened["name"],
            )
        except ChildWorkflowError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            workflow.logger.warning("A sub-flow's workflow failed: %s", error)


def place_of(node: str, path: Sequence[str | int]) -> str:
    """How signals name a node and its iteration."""
    return f"{node}:{json.dumps(list(path))}"


def _until(deadline: str | None, least: timedelta) -> timedelta | None:
    if deadline is None:
        return None
    return max(datetime.fromisoformat(deadline) - workflow.now(), least)


def _facts(error: NodeError | ActivityError) -> dict[str, JSON]:
    return error.as_dict() if isinstance(error, NodeError) else node_error(error)
