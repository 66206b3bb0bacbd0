"""A whole run as a tree of scopes: what happens next, containers included.

`advance` returns each command once; the driver carries it out and reports with `succeed`, `fail`,
`computed` or `not_computed`. What is reported of a scope that is over by then is ignored.
Pure: no clock, no randomness, no I/O; the same reports in the same order give the same commands.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from flows.engine import plan
from flows.engine.commands import Cancel, Command, Compute, Ended, Reused, Skip, Start
from flows.engine.conditions import holds
from flows.engine.containers import ItemPolicy, LoopWork, MapWork
from flows.engine.graph import Graph
from flows.engine.inside import inside_value
from flows.engine.node_type import Result
from flows.engine.plan import FinishRun, SkipNode, StartNode
from flows.engine.references import Load
from flows.engine.reuse import Reuse, has_news, is_fresh, is_skipped_again, taken_over
from flows.engine.scope import Path, Scope
from flows.engine.sight import inner_names

JSON = Any


class Walk:
    """The state of a run. `given` are run and vars, and what else is known from outside."""

    def __init__(
        self, graph: Graph, given: Mapping[str, JSON], *, reuse: Reuse | None = None
    ) -> None:
        self.graph = graph
        self.given = given
        self.reuse = reuse
        self.base = Scope(graph)
        self._news: deque[Scope] = deque([self.base])
        self._commands: list[Command] = []
        self._over: FinishRun | None = None
        self.is_inside = False

    @property
    def is_over(self) -> bool:
        """Whether the end was decided."""
        return self._over is not None

    @classmethod
    def inside(
        cls,
        graph: Graph,
        container: str,
        path: Path,
        given: Mapping[str, JSON],
        *,
        reuse: Reuse | None = None,
        fresh: bool = False,
    ) -> "Walk":
        """A walk that is only about one container, which counts as started; open it next."""
        walk = cls(graph, given, reuse=reuse)
        walk.is_inside = True
        holder = graph.holder[container]
        walk.base = Scope(graph, holder, path, fresh=fresh)
        if not fresh:
            # Whoever opens it knows that what came before is as it was.
            walk.base.clean.update(edge.source for edge in graph.incoming[container])
        state = walk.base.state
        state.settled.clear()
        state.status[container] = "running"
        state.running[container] = None
        walk._news.clear()
        return walk

    def advance(self) -> list[Command]:
        """What to do now, in a stable order. A second call without news returns nothing."""
        while self._news and self._over is None:
            scope = self._news.popleft()
            if not scope.closed:
                self._advance(scope)
        commands, self._commands = self._commands, []
        return commands

    def _advance(self, scope: Scope) -> None:
        for command in plan.advance(self.graph, scope.state):
            match command:
                case StartNode(node=node):
                    self._start(scope, node)
                case SkipNode(node=node, ports=ports):
                    if self.reuse is not None and is_skipped_again(
                        self.reuse, self.graph, scope, node, disabled=ports is not None
                    ):
                        scope.clean.add(node)
                    self._commands.append(Skip(scope, node, ports))
                case FinishRun():
                    self._scope_over(scope, command)

    def _start(self, scope: Scope, node: str) -> None:
        taken = taken_over(self.reuse, self.graph, scope, node) if self.reuse else None
        if taken is None:
            self._commands.append(Start(scope, node))
            return
        scope.clean.add(node)
        self._commands.append(Reused(scope, node, taken))
        self.succeed(scope, node, Result(taken.output, taken.ports))

    def is_fresh(self, scope: Scope, node: str) -> bool:
        """Whether nothing inside this container, which is about to open, may be reused."""
        return self.reuse is None or is_fresh(self.reuse, self.graph, scope, node)

    # What a driver reports.

    def succeed(self, scope: Scope, node: str, result: Result) -> None:
        """Note that a started node ended well."""
        if scope.is_over:
            return
        scope.works.pop(node, None)
        plan.succeed(self.graph, scope.state, node, result)
        self._news.append(scope)

    def fail(self, scope: Scope, node: str, error: dict[str, JSON]) -> None:
        """Note that a started node failed for good."""
        if scope.is_over:
            return
        scope.works.pop(node, None)
        if scope.path and "path" not in error:
            error = {**error, "path": list(scope.path)}
        plan.fail(self.graph, scope.state, node, error)
        self._news.append(scope)

    def open_map(
        self,
        scope: Scope,
        node: str,
        items: Sequence[JSON],
        *,
        concurrency: int,
        on_item_error: ItemPolicy,
        first: int = 0,
    ) -> None:
        """Begin with a map's items. Its end comes as the command Ended."""
        fresh = self.is_fresh(scope, node)
        work = MapWork(
            items,
            concurrency=concurrency,
            on_item_error=on_item_error,
            first=first,
            fresh=fresh,
        )
        scope.works[node] = work
        self._fill(scope, node, work)

    def open_loop(
        self,
        scope: Scope,
        node: str,
        state: dict[str, JSON],
        *,
        max_iterations: int,
        first: int = 0,
    ) -> None:
        """Begin with a loop's iterations. Its end comes as the command Ended."""
        fresh = self.is_fresh(scope, node)
        work = LoopWork(state, max_iterations=max_iterations, first=first, fresh=fresh)
        scope.works[node] = work
        self._next_iteration(scope, node, work)

    def end_in_time(self, scope: Scope, node: str, error: dict[str, JSON]) -> None:
        """End an open container that took too long: what runs in it is cancelled."""
        work = scope.works.get(node)
        if scope.closed or work is None:
            return
        self._close_open(work)
        self._commands.append(Ended(scope, node, None, error))

    def computed(self, command: Compute, value: JSON) -> None:
        """Take the value of a container's field."""
        scope, work = command.scope, command.scope.work
        if scope.closed or work is None:
            return
        outer, node = self._place(scope)
        if isinstance(work, MapWork):
            scope.closed = True
            del work.open[scope.index]
            work.results[scope.index] = value
            self._fill(outer, node, work)
        elif command.part == "while":
            if holds(value):
                self._news.append(scope)
            else:
                self._loop_ended(outer, node, work)
        else:
            scope.closed = True
            work.fresh = work.fresh or has_news(self.graph, scope)
            work.state = {**work.state, **value} if isinstance(value, dict) else work.state
            work.index += 1
            self._next_iteration(outer, node, work)

    def not_computed(self, command: Compute, error: dict[str, JSON]) -> None:
        """A container's field could not be evaluated: the item failed, or the loop."""
        scope = command.scope
        if not scope.closed and scope.work is not None:
            outer, node = self._place(scope)
            self._item_failed(scope, {**error, "node": node, "path": list(scope.path)}, outer, node)

    # Containers.

    def _place(self, scope: Scope) -> tuple[Scope, str]:
        """The scope that a container's item or iteration lies in, and the container."""
        assert scope.parent is not None
        assert scope.container is not None
        return scope.parent, scope.container

    def _open(self, outer: Scope, node: str, number: int, names: dict[str, JSON]) -> Scope:
        work = outer.works[node]
        path = (*outer.path, node, number)
        scope = Scope(self.graph, node, path, outer, names, fresh=work.fresh)
        work.open[number] = scope
        return scope

    def _fill(self, scope: Scope, node: str, work: MapWork) -> None:
        while (number := work.next()) is not None:
            names = {"item": work.item(number), "index": number}
            self._news.append(self._open(scope, node, number, names))
        if work.is_over:
            self._commands.append(Ended(scope, node, Result(work.output()), None))

    def _next_iteration(self, scope: Scope, node: str, work: LoopWork) -> None:
        work.open.clear()
        if not work.may_go_on:
            self._loop_ended(scope, node, work)
            return
        inner = self._open(scope, node, work.index, {"state": work.state, "index": work.index})
        if "while" in self.graph.nodes[node].config:
            self._commands.append(Compute(inner, "while"))
        else:
            self._news.append(inner)

    def _loop_ended(self, scope: Scope, node: str, work: LoopWork) -> None:
        for inner in work.open.values():
            inner.closed = True
        work.open.clear()
        self._commands.append(Ended(scope, node, Result(work.output()), None))

    def _scope_over(self, scope: Scope, end: FinishRun) -> None:
        for node in end.cancel:
            self._cancel(scope, node)
        scope.state.running.clear()
        if scope is self.base or (end.stopped and end.leaves == "run"):
            self._over = end if scope is self.base else self._over_from_inside(scope, end)
            self._commands.append(self._over)
            return
        outer, node = self._place(scope)
        if end.stopped and end.leaves == "container":
            self._leave_container(scope, end, outer, node)
        elif end.status == "failed":
            error = end.error or {"code": "stopped", "message": end.message}
            self._item_failed(scope, {"path": list(scope.path), **error}, outer, node)
        else:
            self._commands.append(Compute(scope, "update" if scope_is_loop(scope) else "result"))

    def _over_from_inside(self, scope: Scope, end: FinishRun) -> FinishRun:
        """The run is over because of a stop node in a container: nothing runs on anywhere."""
        scope.closed = True
        error = {"path": list(scope.path), **end.error} if end.error else None
        for node in list(self.base.state.running):
            self._cancel(self.base, node)
        self.base.closed = True
        outputs = plan.run_outputs(self.graph, self.base.state)
        return FinishRun(
            end.status, outputs, error, message=end.message, stopped=True, leaves="run"
        )

    def _leave_container(self, scope: Scope, end: FinishRun, outer: Scope, node: str) -> None:
        """A stop node ends the container: what is done counts, what is open is cancelled."""
        work = outer.works[node]
        scope.closed = True
        self._close_open(work)
        if end.status == "failed":
            error = {"path": list(scope.path), **(end.error or {})}
            self._commands.append(Ended(outer, node, None, error))
        else:
            self._commands.append(Ended(outer, node, Result(work.output()), None))

    def _item_failed(self, scope: Scope, error: dict[str, JSON], outer: Scope, node: str) -> None:
        work = outer.works[node]
        scope.closed = True
        work.open.pop(scope.index, None)
        if isinstance(work, MapWork) and work.on_item_error != "fail":
            work.errors[scope.index] = error
            self._fill(outer, node, work)
            return
        self._close_open(work)
        if isinstance(work, MapWork):
            work.broken = True
        self._commands.append(Ended(outer, node, None, error))

    def _close_open(self, work: MapWork | LoopWork) -> None:
        for inner in work.open.values():
            for node in list(inner.state.running):
                self._cancel(inner, node)
            inner.closed = True
        work.open.clear()

    def _cancel(self, scope: Scope, node: str) -> None:
        """Stop a node; a container with all that is open in it, innermost first."""
        work = scope.works.pop(node, None)
        if work is not None:
            self._close_open(work)
        self._commands.append(Cancel(scope, node))

    def facts_of(self, command: Compute) -> dict[str, JSON]:
        """What evaluating a container's field elsewhere needs: names, part and raw value."""
        scope = command.scope
        raw = self.graph.nodes[self._place(scope)[1]].config.get(command.part)
        names = inner_names(self.graph, scope, raw, self.given)
        return {"names": names, "part": command.part, "raw": raw}

    def compute(self, command: Compute, *, load: Load | None = None) -> JSON:
        """The value of a container's field. Raises NodeError; NeedsLoad without `load`."""
        scope = command.scope
        spec = self.graph.nodes[self._place(scope)[1]]
        names = inner_names(self.graph, scope, spec.config.get(command.part), self.given)
        return inside_value(self.graph, spec, command.part, scope, names, load)


def scope_is_loop(scope: Scope) -> bool:
    """Whether this scope is an iteration of a loop."""
    return isinstance(scope.work, LoopWork)
