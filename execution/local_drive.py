"""The local driver: carries a walk out in this process, for containers and for inline runs.

Same plan, nodes and record as in the workflow. Every step is recorded, so what a crash interrupts
is taken up by driving the same walk again: steps that were recorded are handed back, not called
again.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from execution.attempt_ends import AttemptFailed
from execution.attempts import RunPaused
from execution.blobs import save_blobs
from execution.database import in_database
from execution.driving import Driver
from execution.ending import record_settled_nodes
from execution.payloads import INLINE_LIMIT, Externalizer, load_reference
from execution.recorder import Recorder
from execution.runner import run_node
from execution.shapes import Ask, NodeCall, RunInput
from execution.travel import Limits, call_for, seen_by
from flows.engine.commands import Compute, Ended
from flows.engine.document import NodeSpec
from flows.engine.errors import NodeError
from flows.engine.node_call import resolve_config
from flows.engine.node_type import NodeType, Result
from flows.engine.plan import FinishRun
from flows.engine.references import is_reference
from flows.engine.references import load_reference as load_value
from flows.engine.scope import Scope
from flows.engine.sight import context_of
from flows.engine.walk import Walk
from flows.nodes.map.node import MAX_ITEMS

JSON = Any
#: Nothing travels here: contexts have any size.
UNBOUND = Limits(value=INLINE_LIMIT, call=1 << 60)
#: Pure work (see driving) after which others get the event loop: some milliseconds.
LOCAL_WORK = 400_000


class LocalDrive(Driver):
    """Carries a walk to its end here. Raises RunOver, RunMissing and DatabaseAway as they come."""

    def __init__(
        self,
        walk: Walk,
        start: RunInput,
        recorder: Recorder,
        *,
        started_at: str,
        deadline: str,
        is_unwanted: Callable[[], bool] = lambda: True,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(start["inputs"])
        self.walk = walk
        self.start = start
        self.recorder = recorder
        self.started_at = started_at
        self.deadline = deadline
        self.is_unwanted = is_unwanted
        self.is_stopping = is_stopping
        self.is_paused = False
        self.through: Ended | None = None

    async def to_the_end(self) -> FinishRun | None:
        """Until the run is over, the container at the base is (`through`), or the run is paused."""
        try:
            while True:
                finish = await self.carry_out()
                if finish is not None or self.through is not None:
                    return finish
                if not self.tasks:
                    return None
                await self._one_more_done()
        finally:
            await self._stop()

    async def _one_more_done(self) -> None:
        running = [*self.tasks, *(clock for clock in self.clocks.values() if not clock.done())]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in [task for task in self.tasks if task.done()]:
            scope, _ = self.tasks.pop(task)
            if not (scope.is_over and task.cancelled()):
                task.result()

    async def _stop(self) -> None:
        """Cancel what still runs, and wait until it has said what it used."""
        for clock in self.clocks.values():
            clock.cancel()
        for task in self.tasks:
            task.cancel()
        while self.tasks:
            running = [task for task in self.tasks if not task.done()]
            if running:
                await asyncio.shield(asyncio.wait(running))
            self.tasks.clear()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def value_limit(self) -> int:
        return INLINE_LIMIT

    async def let_go(self) -> None:
        if self.settled.is_much:
            await self.hand_records_over()
        if self.work > LOCAL_WORK:
            self.work = 0
            await asyncio.sleep(0)

    async def hand_records_over(self) -> None:
        """Write what was settled here."""
        while records := self.settled.take():
            run_id, started_at = self.start["run_id"], self.started_at
            await in_database(lambda: record_settled_nodes(run_id, started_at, records))  # noqa: B023

    def outside(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        call = self.call(scope, spec, node_type)
        self.watch(self._run(scope, spec, call), scope, spec.id)

    def call(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> NodeCall:
        """The call of a node, with all that it sees."""
        call, _ = call_for(
            spec,
            node_type,
            scope,
            seen_by(self.walk, scope, spec, node_type),
            self.start,
            limits=UNBOUND,
            started_at=self.started_at,
            deadline=self.deadline,
        )
        return call

    async def _run(self, scope: Scope, spec: NodeSpec, call: NodeCall) -> None:
        """A node, with its retries, to its recorded end."""
        while not self.is_paused:
            call["records"] = self.settled.take()
            try:
                done = await run_node(
                    call,
                    is_unwanted=self._is_unwanted(scope),
                    is_stopping=self.is_stopping,
                    recorder=self.recorder,
                )
            except AttemptFailed as failed:
                if failed.retry_in is None:
                    self.walk.fail(scope, spec.id, failed.error)
                    return
                await asyncio.sleep(failed.retry_in)
            except RunPaused:
                self.settled.give_back(call["records"])
                self.is_paused = True
            else:
                if asks := done.get("asks"):
                    await self.answered(call, asks, self._is_unwanted(scope))
                    continue
                result = Result(
                    done["output"],
                    tuple(done["ports"]),
                    done["ends_run"],  # type: ignore[arg-type]
                    done["message"],
                    done.get("leaves", "run"),  # type: ignore[arg-type]
                    done.get("error"),
                )
                self.walk.succeed(scope, spec.id, result)
                return

    async def answered(
        self, call: NodeCall, asks: Sequence[Ask], is_unwanted: Callable[[], bool]
    ) -> None:
        """Have what steps of a node wait for come to its end; `call` then says what failed.

        Here nothing waits: containers with such a node are driven in the workflow.
        """
        for ask in asks:
            message = f"'{call['node']}' waits for a person or another flow, which it cannot here."
            error = NodeError("not_inline", message).as_dict()
            call.setdefault("unanswered", {})[str(ask["path"][-1])] = error

    def _is_unwanted(self, scope: Scope) -> Callable[[], bool]:
        # A step whose item is over is unwanted; else it is this process that goes away.
        return lambda: scope.is_over or self.walk.is_over or self.is_unwanted()

    def open_container(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        self.watch(self._open(scope, spec, node_type), scope, spec.id)

    async def _open(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        context = context_of(self.walk.graph, scope, spec.id, self.walk.given)

        def resolved() -> tuple[Any, JSON, dict[str, JSON]]:
            config, values = resolve_config(node_type, spec.config, context, load=self.load)
            return config, items_of(config, self.load), values

        try:
            config, items, values = await in_database(resolved)
        except NodeError as error:
            self.failed_here(scope, spec, error.as_dict())
            return
        if isinstance(items, list) and len(items) > self.most_items:
            self.failed_here(scope, spec, self.too_many(items).as_dict())
        elif not scope.is_over:
            self.open_here(scope, spec, config, items, values)

    #: Items of a map that is opened here.
    most_items = MAX_ITEMS

    def too_many(self, items: list[JSON]) -> NodeError:
        message = f"'items': {len(items):,} are too many here; the limit is {self.most_items:,}."
        return NodeError("too_many_items", message, field="items")

    def load(self, reference: dict[str, JSON]) -> JSON:
        """A large value of this run's workspace."""
        return load_reference(self.start["workspace_id"], reference)

    def compute_outside(self, command: Compute) -> None:
        assert command.scope.container is not None
        self.watch(self._computed(command), command.scope, command.scope.container)

    async def _computed(self, command: Compute) -> None:
        def kept() -> JSON:
            return self.keep(self.walk.compute(command, load=self.load))

        try:
            value = await in_database(kept)
        except NodeError as error:
            self.walk.not_computed(command, error.as_dict())
        else:
            self.walk.computed(command, value)

    def keep_outside(self, command: Ended) -> None:
        self.watch(self._kept(command), command.scope, command.node)

    async def _kept(self, command: Ended) -> None:
        assert command.result is not None
        output = command.result.output
        self.settle(command, Result(await in_database(lambda: self.keep(output, whole=False))))

    def keep(self, value: JSON, *, whole: bool = True) -> JSON:
        """The value with everything large stored and referred to."""
        out = Externalizer(trusted=True)
        shrunk = out.shrink(value) if whole else out.shrink_object(value)
        with transaction.atomic():
            save_blobs(self.start["workspace_id"], out.blobs)
        return shrunk

    def _ended(self, command: Ended) -> None:
        if command.scope is self.walk.base and self.walk.is_inside:
            self.through = command
        else:
            super()._ended(command)


def items_of(config: Any, load: Callable[[dict[str, JSON]], JSON]) -> JSON:
    """A map's items, loaded where they are one large value; large ones among them stay as is."""
    items: JSON = getattr(config, "items", None)
    return load_value(items, load) if is_reference(items) else items
