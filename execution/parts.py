"""Containers of a durable run: worked off in activities, in parts where they are large.

What only computes and calls goes into activities, one for a small container and one for each part
of a large map, so that neither memory nor history grows with the number of items. A container in
which something waits for time, people or other flows is driven here, in the workflow; its large
maps are child workflows. Only `flows.engine` and Temporal are imported.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError, is_cancelled_exception

from execution.asking import Asking, stopped
from execution.durable import result_of
from execution.parts_of_graph import HERE, suspends
from execution.shapes import Inside, NodeCall, NodeDone, PartDone
from execution.workflow_errors import node_error
from flows.engine.commands import Compute, Ended
from flows.engine.document import NodeSpec
from flows.engine.driving_errors import no_list
from flows.engine.errors import NodeError
from flows.engine.node_type import NodeType, Result
from flows.engine.references import is_reference
from flows.engine.scope import Scope

JSON = Any
#: Up to so many items are worked off in one activity.
WHOLE = 300
#: Parts that are worked on at the same time: more than one, so that a slow item holds up one only.
PARTS_AT_ONCE = 4


class Parts(Asking):
    """The part of the durable driver that knows containers."""

    def container_call(
        self, scope: Scope, spec: NodeSpec, node_type: NodeType, *, tight: bool = False
    ) -> NodeCall:
        """The call that works off a container in an activity."""
        call = self.call(scope, spec, node_type, tight=tight)
        # Every step inside has its own; a container as a whole is tried once.
        call["retry"] = {**call["retry"], "max_attempts": 1}
        call["inside"] = Inside(
            run=self.start["run"],
            variables=self.start["variables"],
            reuse=self.start.get("reuse"),
            fresh=self.walk.is_fresh(scope, spec.id),
            whole=0 if suspends(self.walk.graph, spec.id) else WHOLE,
            items=None,
            first=0,
            concurrency=0,
            on_item_error="fail",
        )
        return call

    # Large maps.

    async def work_off_parts(
        self, scope: Scope, spec: NodeSpec, node_type: NodeType, split: NodeDone
    ) -> None:
        """Work off a map whose items came back in parts, several parts at a time; then close it."""
        call = self.container_call(scope, spec, node_type, tight=True)
        perform = self._part_in_activity
        if call["inside"]["whole"] == 0:
            # Its clock is that of each part.
            perform = self._part_in_child
            self.lasts()
        self.began[scope.path, spec.id] = self.now().isoformat()
        try:
            done = await self._all_parts(scope, spec, call, split, perform, node_type)
            if scope.is_over:
                return
            closing = {**call, "records": self.settled.take()}
            result = result_of(await self.activity("close_container", closing, done))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            self.walk.fail(scope, spec.id, node_error(error))
            return
        finally:
            self.began.pop((scope.path, spec.id), None)
        self.walk.succeed(scope, spec.id, result)

    async def _all_parts(
        self,
        scope: Scope,
        spec: NodeSpec,
        call: NodeCall,
        split: NodeDone,
        perform: "Callable[[Scope, NodeSpec, NodeCall, NodeType], Awaitable[PartDone]]",
        node_type: NodeType,
    ) -> list[PartDone]:
        parts = split["parts"]
        done: dict[int, PartDone] = {}
        todo = iter(range(len(parts)))
        width = min(PARTS_AT_ONCE, split["output"]["concurrency"], len(parts))

        async def lane(number: int) -> None:
            share, rest = divmod(split["output"]["concurrency"], width)
            for part in todo:
                inside = {
                    **call["inside"],
                    "items": parts[part],
                    "first": part * split["output"]["size"],
                    "concurrency": share + (number < rest),
                    "on_item_error": split["output"]["on_item_error"],
                }
                part_call: NodeCall = {**call, "inside": inside, "records": []}  # type: ignore[typeddict-item]
                # A pause may have moved it since the container began.
                part_call["deadline"] = self.deadline.isoformat()
                done[part] = await perform(scope, spec, part_call, node_type)
                if done[part]["failed"] or done[part]["ends"]:
                    return

        lanes = [asyncio.create_task(lane(number)) for number in range(width)]
        try:
            while any(not task.done() for task in lanes):
                await workflow.wait(
                    [task for task in lanes if not task.done()],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                over = any(part["failed"] or part["ends"] for part in done.values())
                if over or any(task.done() and task.exception() for task in lanes):
                    break
        finally:
            await stopped(lanes)
        for task in lanes:
            if not task.cancelled():
                task.result()
        return [done[number] for number in sorted(done)]

    async def in_activity(
        self, scope: Scope, spec: NodeSpec, call: NodeCall, node_type: NodeType
    ) -> None:
        """Run a node outside and settle it; a failure is the plan's business, not an exception."""
        while True:
            try:
                done = await self.run_outside("run_node", scope, spec, call, node_type)
            except ActivityError as error:
                self.walk.fail(scope, spec.id, node_error(error))
                return
            if done.get("paused") or (done.get("asks") and self.paused):
                # Asked for again then: what travels with it is stored for a day only.
                await workflow.wait_condition(lambda: not self.paused)
            elif done.get("asks"):
                unanswered = await self.answered(call, done["asks"])
                # Made anew: with every call the history grows, and less may travel.
                call = self.call(scope, spec, node_type)
                if unanswered:
                    call["unanswered"] = unanswered
            else:
                break
            call["deadline"] = self.deadline.isoformat()
        if done.get("parts"):
            await self.work_off_parts(scope, spec, node_type, done)
        else:
            self.walk.succeed(scope, spec.id, result_of(done))

    async def _part_in_activity(
        self, scope: Scope, spec: NodeSpec, call: NodeCall, node_type: NodeType
    ) -> PartDone:
        while True:
            try:
                done: Any = await self.run_outside("run_part", scope, spec, call, node_type)
            except ActivityError as error:
                # Nobody recorded it: the close of the container does.
                failed = {**node_error(error), "path": call["path"]}
                return PartDone(items=[], errors=[], failed=failed, ends=None, paused=False)
            if not done["paused"]:
                return done  # type: ignore[no-any-return]
            await workflow.wait_condition(lambda: not self.paused)
            call["deadline"] = self.deadline.isoformat()

    async def _part_in_child(
        self, scope: Scope, spec: NodeSpec, call: NodeCall, node_type: NodeType
    ) -> PartDone:
        """A part as a workflow of its own, which signals to this run are passed on to."""
        inside = call["inside"]
        number = f"{spec.id}@{'.'.join(map(str, scope.path))}#{inside['first']}"
        handle: Any = await workflow.start_child_workflow(
            "flow-part",
            args=[self.start, call],
            id=f"run-{self.start['run_id']}:{number}",
            task_timeout=timedelta(seconds=5),
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=f"{spec.label or spec.id} from {inside['first']}",
        )
        self.children[number] = handle
        if self.paused:
            await handle.signal("pause")
        try:
            return await handle  # type: ignore[no-any-return]
        except ChildWorkflowError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            failed = {"code": "workflow_lost", "message": "A part of this step was lost."}
            return PartDone(items=[], errors=[], failed=failed, ends=None, paused=False)
        finally:
            del self.children[number]

    # Containers that are driven here.

    def open_in_workflow(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        """Open a container in which something waits."""
        self.watch(self._open_in_workflow(scope, spec, node_type), scope, spec.id)

    async def _open_in_workflow(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        try:
            config, values = await self.resolved(scope, spec, node_type)
            items = getattr(config, "items", None)
            many = is_reference(items) or (isinstance(items, list) and len(items) > HERE)
            if spec.type == "map" and not many and not isinstance(items, list):
                raise no_list(items)
        except NodeError as error:
            self.failed_here(scope, spec, error.as_dict())
            return
        except ActivityError as error:
            self.failed_here(scope, spec, node_error(error))
            return
        if scope.is_over:
            return
        if many:
            await self._split(scope, spec, node_type)
        elif spec.type == "loop" and config.max_iterations > HERE:
            self.begin(scope, spec, "running", values)
            await self._rounds(scope, spec, node_type, config)
        else:
            self.open_here(scope, spec, config, items, values)

    async def _split(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        call = self.container_call(scope, spec, node_type)
        await self.in_activity(scope, spec, call, node_type)

    async def _rounds(self, scope: Scope, spec: NodeSpec, node_type: NodeType, config: Any) -> None:
        """A loop with many rounds, some of them at a time in a workflow of their own."""
        call = self.container_call(scope, spec, node_type, tight=True)
        state, first = dict(config.state), 0
        fresh = call["inside"]["fresh"]
        self.lasts()
        while not scope.is_over:
            last = min(first + HERE, config.max_iterations)
            rounds = {"items": state, "first": first, "concurrency": last, "fresh": fresh}
            inside = {**call["inside"], **rounds}
            part: NodeCall = {**call, "inside": inside}  # type: ignore[typeddict-item]
            done = await self._part_in_child(scope, spec, part, node_type)
            output = done["items"]
            if done["failed"] or done["ends"]:
                self._rounds_ended(scope, spec, done)
                return
            state, first = output["state"], output["iterations"]
            fresh = fresh or done.get("fresh", False)
            if first < last or first == config.max_iterations:
                self._ended(Ended(scope, spec.id, Result(output), None))
                return

    def _rounds_ended(self, scope: Scope, spec: NodeSpec, done: PartDone) -> None:
        if done["failed"]:
            self._ended(Ended(scope, spec.id, None, done["failed"]))
            return
        ends = done["ends"] or {}
        result = Result(
            {},
            ports=(),
            ends_run=ends["status"],
            message=ends["message"],
            error=ends["error"],
        )
        self.settle(Ended(scope, spec.id, result, None), result)

    async def computed_elsewhere(self, command: Compute) -> None:
        """A container's field for one item, evaluated where large values can be read."""
        try:
            value = await self.activity(
                "compute", self.start["workspace_id"], self.walk.facts_of(command)
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            self.walk.not_computed(command, node_error(error))
            return
        self.walk.computed(command, value)

    async def kept_elsewhere(self, command: Ended) -> None:
        """A container's output that is too large to stay here."""
        assert command.result is not None
        output = await self.activity("keep", self.start["workspace_id"], command.result.output)
        self.settle(command, Result(output))
