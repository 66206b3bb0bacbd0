"""What the parts of the durable driver share: calls to activities, and what travels along.

Only `flows.engine` and Temporal are imported: no Django, no clock.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from execution.driving import WORK_LIMIT, Driver
from execution.queues import queue_for
from execution.shapes import NodeCall, NodeDone, RunInput
from execution.travel import LEAVING, TIGHT, call_for, limits_for, seen_by
from execution.workflow_errors import is_recorded
from flows.engine.document import NodeSpec
from flows.engine.driving_errors import too_slow
from flows.engine.node_type import NodeType, Result
from flows.engine.scope import Scope

JSON = Any
#: A node whose worker died is given to another after this silence.
HEARTBEAT_TIMEOUT = timedelta(seconds=2.5)
#: Temporal's own limit is a backstop: the runner ends an attempt at the node's timeout itself,
#: and then waits for an absent database (runner.RESULT_PATIENCE) rather than lose the result.
BACKSTOP = timedelta(minutes=12)
#: Temporal refuses activities without time.
AT_LEAST = timedelta(milliseconds=1)

#: Attempts are counted by the runner, which knows a failed call from a lost worker.
NODE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=10),
)
RECORD_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5)
)


class Durable(Driver):
    """A driver inside a workflow; all its state a replay rebuilds."""

    def __init__(self, start: RunInput) -> None:
        super().__init__(start["inputs"])
        self.start = start
        self.started_at = workflow.now().isoformat()
        self.leaving = 0
        self.deadline = workflow.now() + timedelta(seconds=start["timeout_seconds"])
        self.paused = False
        self.only_waits = False
        self.stands_since: datetime | None = None  # the run's clock
        self.limits: dict[asyncio.Timeout, float | None] = {}  # what is left, while paused
        self.waiting: set[asyncio.Task[Any] | None] = set()  # only asked whether a task is in it
        self.asking: set[asyncio.Task[Any] | None] = set()  # those of them that people hold up
        self.changed = False
        self.children: dict[str, Any] = {}  # handles of parts that are workflows of their own
        self.woken: set[str] = set()  # likewise

    async def pass_on(self, signal: str, *given: JSON) -> None:
        """Tell a signal to the parts that are workflows of their own."""
        for handle in list(self.children.values()):
            # One that has ended meanwhile has no use for it.
            with suppress(FailureError):
                await handle.signal(signal, *given)

    def watch(self, work: Any, scope: Scope, node: str) -> None:
        super().watch(work, scope, node)
        next(reversed(self.tasks)).add_done_callback(self.note_change)

    def open_here(
        self, scope: Scope, spec: NodeSpec, config: JSON, items: JSON, resolved: JSON
    ) -> None:
        super().open_here(scope, spec, config, items, resolved)
        if clock := self.clocks.get((scope.path, spec.id)):
            clock.add_done_callback(self.note_change)

    def set_paused(self, paused: bool) -> None:
        """Note that the run is paused, or goes on: its clocks stand meanwhile."""
        if paused != self.paused:
            self.paused = paused
            for limit in self.limits:
                self._set_limit(limit)
        self.set_clock()

    def _set_limit(self, limit: asyncio.Timeout) -> None:
        when, left = limit.when(), self.limits[limit]
        # One whose time has come is about to end what it limits.
        if limit.expired() or (left if when is None else when) is None:
            return
        if not workflow.patched("pauses-stop-clocks"):
            return
        now = asyncio.get_running_loop().time()
        if self.paused and when is not None:
            self.limits[limit] = max(0.0, when - now)
            limit.reschedule(None)
        elif not self.paused and left is not None:
            self.limits[limit] = None
            limit.reschedule(now + left)

    @asynccontextmanager
    async def in_time(self, seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
        """Raises TimeoutError after so many seconds, those not counted in which it is paused."""
        async with asyncio.timeout(seconds) as limit:
            self.limits[limit] = None
            if self.paused:
                self._set_limit(limit)
            try:
                yield limit
            finally:
                del self.limits[limit]

    async def _end_in_time(self, scope: Scope, spec: NodeSpec, seconds: float) -> None:
        with suppress(TimeoutError):
            async with self.in_time(seconds):
                await asyncio.get_running_loop().create_future()
        self.walk.end_in_time(scope, spec.id, too_slow(seconds).as_dict())

    def set_clock(self) -> None:
        """Have the run's clock stand while it is paused or only waits; call it at any change."""
        stands, now = self.paused or self.only_waits, workflow.now()
        if self.stands_since is not None:
            self.deadline += now - self.stands_since
        self.stands_since = now if stands else None

    def note_change(self, _: object = None) -> None:
        """Have the main loop look again at what goes on."""
        self.changed = True

    def lasts(self) -> None:
        """The task that says so only waits from now on."""
        self.waiting.add(asyncio.current_task())
        self.note_change()

    def trusts(self, node_type: NodeType) -> bool:
        # Asked for others' node types alone, so that histories without them have no marker.
        return super().trusts(node_type) or not workflow.patched("others-nodes-outside")

    def now(self) -> datetime:
        return workflow.now()

    def value_limit(self) -> int:
        return limits_for(workflow.info().get_current_history_size()).value

    async def let_go(self) -> None:
        if self.settled.is_much:
            await self.hand_records_over()
        elif self.work > WORK_LIMIT or self.leaving > LEAVING:
            await asyncio.sleep(0.001)
        else:
            return
        self.work = self.leaving = 0

    def call(
        self, scope: Scope, spec: NodeSpec, node_type: NodeType, *, tight: bool = False
    ) -> NodeCall:
        """The call that runs a node of this run in an activity."""
        limits = TIGHT if tight else limits_for(workflow.info().get_current_history_size())
        call, size = call_for(
            spec,
            node_type,
            scope,
            seen_by(self.walk, scope, spec, node_type),
            self.start,
            limits=limits,
            started_at=self.started_at,
            deadline=self.deadline.isoformat(),
        )
        self.leaving += size
        return call

    async def activity(self, name: str, *args: JSON, seconds: float = 60) -> Any:
        """A short activity that only the database can hold up; repeated until it is done."""
        return await workflow.execute_activity(
            name,
            args=args,
            start_to_close_timeout=timedelta(seconds=seconds),
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RECORD_RETRY,
        )

    async def hand_records_over(self, status: str | None = None) -> None:
        """Have what was settled here written now; `status` is what the run's row then says."""
        records = self.settled.take()
        try:
            args = [self.start["run_id"], self.started_at, records]
            await self.activity("record_nodes", *args, *([status] if status else []), seconds=30)
        except (ActivityError, asyncio.CancelledError):
            self.settled.give_back(records)
            raise

    async def run_outside(
        self, name: str, scope: Scope, spec: NodeSpec, call: NodeCall, node_type: NodeType
    ) -> NodeDone:
        """An activity with a node's own time, retries and queue. Raises ActivityError, cancels."""
        call["records"] = self.settled.take()
        suffix = "@" + ".".join(map(str, scope.path)) if scope.path else ""
        if name != "run_node":
            suffix += f"#{call['inside']['first']}"
        try:
            done: NodeDone = await workflow.execute_activity(
                name,
                call,
                activity_id=f"{spec.id}{suffix}",
                task_queue=queue_for(workflow.info().task_queue, self.walk.graph, spec, node_type),
                start_to_close_timeout=timedelta(seconds=call["timeout_seconds"]) + BACKSTOP,
                # The run's own deadline: Temporal keeps a clock for every activity anyway, so
                # the workflow needs no timer and its history one event less.
                schedule_to_close_timeout=max(self.deadline - workflow.now(), AT_LEAST),
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=NODE_RETRY,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=spec.label or spec.id,
            )
        except (ActivityError, asyncio.CancelledError) as error:
            if not is_recorded(error):
                # Perhaps it never began: what travelled along may not be recorded.
                self.settled.give_back(call["records"])
            if isinstance(error, ActivityError) and is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            raise
        return done


def result_of(done: NodeDone) -> Result:
    """A node's result as its activity handed it back."""
    return Result(
        output=done["output"],
        ports=tuple(done["ports"]),
        ends_run=done["ends_run"],  # type: ignore[arg-type]
        message=done["message"],
        leaves=done.get("leaves", "run"),  # type: ignore[arg-type]
        error=done.get("error"),
    )
