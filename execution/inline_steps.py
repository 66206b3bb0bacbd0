"""The driver of inline runs: the local one, with what only they have to know."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from execution.attempts import RunOver
from execution.database import in_database
from execution.ending import record_settled_nodes
from execution.local_drive import LocalDrive
from execution.plain_config import values_of
from execution.shapes import Ask, NodeCall, call_of_ask
from execution.subflows import open_subflow, settle_subflow
from flows.engine.document import NodeSpec
from flows.engine.errors import NodeError
from flows.engine.graph import Graph
from flows.engine.node_call import resolve_config
from flows.engine.node_type import NodeType, Result
from flows.engine.registry import registry
from flows.engine.scope import Scope
from flows.engine.sight import context_of
from flows.engine.together import together

JSON = Any
#: Items of a map in an inline run: it has no parts.
MOST_ITEMS = 1_000


class InlineDrive(LocalDrive):
    """As long as it is not begun, nothing that takes time is started: it is held back."""

    most_items = MOST_ITEMS
    is_begun = False

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._held: list[tuple[Coroutine[Any, Any, None], Scope, str]] = []

    def watch(self, work: Any, scope: Scope, node: str) -> None:
        if self.is_begun and not self._held:
            super().watch(work, scope, node)
        else:
            self._held.append((work, scope, node))

    async def carry_out(self) -> Any:
        """What was held back begins now."""
        held, self._held = self._held, []
        for work, scope, node in held:
            if scope.closed:
                work.close()
            else:
                super().watch(work, scope, node)
        return await super().carry_out()

    def drop_held(self) -> None:
        """The run is over before any of it began."""
        for work, _, _ in self._held:
            work.close()
        self._held.clear()

    def _cancel(self, scope: Scope, node: str) -> None:
        for held in [held for held in self._held if held[1] is scope and held[2] == node]:
            held[0].close()
            self._held.remove(held)
        super()._cancel(scope, node)

    def outside(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        if node_type.control == "subflow":
            self.watch(self._subflow(scope, spec, node_type), scope, spec.id)
        elif node_type.control is not None:
            message = (
                f"'{spec.id}' waits, which a run with execution 'inline' cannot. Set "
                "settings.execution of the flow to 'durable'."
            )
            self.failed_here(scope, spec, NodeError("not_inline", message).as_dict())
        else:
            super().outside(scope, spec, node_type)

    def too_many(self, items: list[JSON]) -> NodeError:
        message = (
            f"'items': a map in an inline run may have {MOST_ITEMS:,} items, and these are "
            f"{len(items):,}. Set settings.execution of the flow to 'durable'."
        )
        return NodeError("too_many_items", message, field="items")

    async def _subflow(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        call = self.call(scope, spec, node_type)
        self.began[scope.path, spec.id] = self.now().isoformat()
        try:
            child = await in_database(lambda: self._opened(call, scope, spec, node_type))
            in_time = await _in_time(child, spec.timeout_seconds)
            if in_time and child.is_cancelled:
                raise asyncio.CancelledError
            done = await in_database(lambda: settle_subflow(call, str(child.run.id), in_time))
        except NodeError as error:
            self.walk.fail(scope, spec.id, error.as_dict())
            return
        finally:
            self.began.pop((scope.path, spec.id), None)
        self.walk.succeed(scope, spec.id, Result(done["output"], tuple(done["ports"])))

    async def answered(
        self, call: NodeCall, asks: Sequence[Ask], is_unwanted: Callable[[], bool]
    ) -> None:
        flows = [ask for ask in asks if ask["type"] == "subflow"]
        await super().answered(call, [ask for ask in asks if ask not in flows], is_unwanted)
        await together(self._answer(call, ask) for ask in flows)

    async def _answer(self, call: NodeCall, ask: Ask) -> None:
        """The run of a flow that a step of a node waits for, to its recorded end."""
        asked = call_of_ask(call, ask)
        node_type = registry().get(ask["type"])
        assert node_type is not None
        plain = ask["config"]

        def resolved() -> tuple[Any, dict[str, JSON]]:
            return values_of(call["workspace_id"], node_type, plain), plain

        try:
            child = await in_database(lambda: self._begun(asked, resolved))
            in_time = await _in_time(child, ask["timeout_seconds"])
            if in_time and child.is_cancelled:
                raise asyncio.CancelledError
            await in_database(lambda: settle_subflow(asked, str(child.run.id), in_time))
        except NodeError as error:
            number = str(ask["path"][-1])
            call.setdefault("unanswered", {})[number] = error.as_dict()

    def _opened(self, call: NodeCall, scope: Scope, spec: NodeSpec, node_type: NodeType) -> Any:
        """The sub-flow's run, begun in this process."""
        records = self.settled.take()
        if records:
            record_settled_nodes(call["run_id"], call["started_at"], records)
        context = context_of(self.walk.graph, scope, spec.id, self.walk.given)
        return self._begun(
            call, lambda: resolve_config(node_type, spec.config, context, load=self.load)
        )

    def _begun(self, call: NodeCall, resolve: Callable[[], tuple[Any, dict[str, JSON]]]) -> Any:
        from execution.inline import InlineRun
        from execution.run_document import graph_of

        run, start = open_subflow(call, resolve)
        graph: Graph = graph_of(str(run.id))
        child = InlineRun(run, graph, start)
        child.drive.is_begun = True
        if run.ended:
            raise RunOver(run.status)
        return child


async def _in_time(child: Any, seconds: float | None) -> bool:
    """The sub-flow's run to its recorded end; False where it was cancelled for its time."""
    work = asyncio.create_task(child.to_the_end())
    done, _ = await _waited(work, seconds)
    if not done:
        work.cancel()
        await work
    return bool(done)


async def _waited(work: asyncio.Task[None], seconds: float | None) -> tuple[set[Any], set[Any]]:
    try:
        return await asyncio.wait([work], timeout=seconds)
    except asyncio.CancelledError:
        # The sub-flow's run writes its own end first.
        work.cancel()
        await asyncio.wait([work])
        raise
