"""What both drivers of a run share: carrying out a walk's commands, pure nodes right here.

The durable driver runs in the workflow, the local one in the process that was asked or in an
activity. They differ in where the other nodes run; what happens is decided here, once. Only
`flows.engine` is imported: no Django, no Temporal, no clock.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from execution.settled import Settled
from execution.shapes import NodeRecord
from execution.workflow_errors import unknown_type
from flows.engine.commands import Cancel, Command, Compute, Ended, Reused, Skip, Start
from flows.engine.document import NodeSpec
from flows.engine.driving_errors import no_list, too_slow
from flows.engine.errors import NeedsLoad, NodeError
from flows.engine.node_call import run_pure
from flows.engine.node_type import NodeType, PureInputs, Result
from flows.engine.plan import FinishRun
from flows.engine.registry import registry
from flows.engine.scope import Scope
from flows.engine.sight import context_of, incoming_of
from flows.engine.sizes import json_size
from flows.engine.walk import Walk

JSON = Any
type Place = tuple[tuple[str | int, ...], str]
#: Pure work, in bytes read and written plus a constant per node, after which a driver lets go of
#: its thread: Temporal takes two seconds without a pause for a deadlock.
WORK_LIMIT = 4_000_000
WORK_PER_NODE = 20_000
CONTAINERS = ("map", "loop")


class Driver(ABC):
    """Carries out a walk. Subclasses say where nodes run that are not pure, and what time it is."""

    walk: Walk

    def __init__(self, run_inputs: Mapping[str, JSON]) -> None:
        self.run_inputs = run_inputs
        self.settled = Settled()
        self.work = 0
        self.tasks: dict[asyncio.Task[Any], tuple[Scope, str]] = {}
        self.began: dict[Place, str] = {}
        self.clocks: dict[Place, asyncio.Task[None]] = {}
        self._commands: deque[Command] = deque()

    # What subclasses do.

    @abstractmethod
    def now(self) -> datetime:
        """What time it is, in UTC."""

    @abstractmethod
    def value_limit(self) -> int:
        """Bytes of JSON of one value that stays here."""

    @abstractmethod
    def outside(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        """Have a node run elsewhere; a task of it is noted with `self.watch`."""

    @abstractmethod
    def open_container(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> None:
        """Begin a map or loop, here or elsewhere."""

    @abstractmethod
    def compute_outside(self, command: Compute) -> None:
        """Evaluate a container's field that touches or makes a large value."""

    @abstractmethod
    def keep_outside(self, command: Ended) -> None:
        """Settle a container whose output is too large to stay here."""

    def trusts(self, node_type: NodeType) -> bool:
        """Whether a pure node type may be run on this thread: ours are known to be quick."""
        return registry().is_built_in(node_type.type)

    @abstractmethod
    async def let_go(self) -> None:
        """Hand over what has gathered, and the thread, before either is too much."""

    # What they share.

    async def carry_out(self) -> FinishRun | None:
        """Do what the walk commands until it wants to wait, or its end."""
        while (command := self._next()) is not None:
            if isinstance(command, FinishRun):
                return command
            self._do(command)
            await self.let_go()
        return None

    def carry_out_now(self) -> FinishRun | None:
        """As `carry_out`, without ever letting go: what is left then, that goes on with."""
        while self.work < WORK_LIMIT and not self.settled.is_much:
            command = self._next()
            if command is None or isinstance(command, FinishRun):
                return command
            self._do(command)
        return None

    def _next(self) -> Command | None:
        if not self._commands:
            self._commands.extend(self.walk.advance())
        return self._commands.popleft() if self._commands else None

    def _do(self, command: Start | Skip | Reused | Compute | Ended | Cancel) -> None:
        match command:
            case Start(scope=scope, node=node):
                if not scope.closed and scope.state.ending is None:
                    self._start(scope, self.walk.graph.nodes[node])
            case Skip(scope=scope, node=node, ports=ports):
                self.note(scope, self.walk.graph.nodes[node], "skipped", disabled_ports=ports)
            case Reused(scope=scope, node=node, taken=taken):
                result = Result(taken.output, taken.ports)
                self.note(
                    scope, self.walk.graph.nodes[node], "succeeded", None, result, reused=True
                )
            case Compute():
                self._compute(command)
            case Ended():
                self._ended(command)
            case Cancel(scope=scope, node=node):
                self._cancel(scope, node)

    def _start(self, scope: Scope, spec: NodeSpec) -> None:
        node_type = registry().get(spec.type)
        if node_type is None:
            self.failed_here(scope, spec, unknown_type(spec))
        elif node_type.control in CONTAINERS:
            self.open_container(scope, spec, node_type)
        elif not self._is_quick(node_type) or not self._ran_here(scope, spec, node_type):
            self.outside(scope, spec, node_type)

    def _is_quick(self, node_type: NodeType) -> bool:
        return node_type.pure is not None and self.trusts(node_type)

    def _ran_here(self, scope: Scope, spec: NodeSpec, node_type: NodeType) -> bool:
        """Evaluate a pure node; False where it touches or makes a value too large for here."""
        context = context_of(self.walk.graph, scope, spec.id, self.walk.given)
        incoming = incoming_of(self.walk.graph, scope, spec.id)
        inputs = PureInputs(incoming, self.run_inputs)
        try:
            resolved, result = run_pure(node_type, spec.config, context, inputs)
        except NeedsLoad:
            return False
        except NodeError as error:
            self.work += WORK_PER_NODE + WORK_LIMIT // 4
            self.failed_here(scope, spec, error.as_dict())
            return True
        read, written = json_size(resolved), json_size(result.output)
        self.work += WORK_PER_NODE + read + written
        if max(read, written) > self.value_limit():
            return False
        self.note(scope, spec, "succeeded", resolved, result)
        self.walk.succeed(scope, spec.id, result)
        return True

    def failed_here(self, scope: Scope, spec: NodeSpec, error: dict[str, JSON]) -> None:
        """Record and report a failure that was found here."""
        self.note(scope, spec, "failed", error=error)
        self.walk.fail(scope, spec.id, error)

    def open_here(
        self, scope: Scope, spec: NodeSpec, config: JSON, items: JSON, resolved: JSON
    ) -> None:
        """Open a container in this walk, with its settings evaluated and its items loaded."""
        if spec.type == "map" and not isinstance(items, list):
            self.failed_here(scope, spec, no_list(items).as_dict())
            return
        self.begin(scope, spec, "running", resolved)
        self.open(scope, spec, config, items)
        if spec.timeout_seconds is not None:
            clock = asyncio.create_task(self._end_in_time(scope, spec, spec.timeout_seconds))
            self.clocks[scope.path, spec.id] = clock

    async def _end_in_time(self, scope: Scope, spec: NodeSpec, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.walk.end_in_time(scope, spec.id, too_slow(seconds).as_dict())

    def open(self, scope: Scope, spec: NodeSpec, config: JSON, items: JSON) -> None:
        """Have the walk go into a container."""
        if spec.type == "map":
            self.walk.open_map(
                scope,
                spec.id,
                items,
                concurrency=config.concurrency,
                on_item_error=config.on_item_error,
            )
        else:
            self.walk.open_loop(
                scope, spec.id, dict(config.state), max_iterations=config.max_iterations
            )

    def begin(self, scope: Scope, spec: NodeSpec, status: str, resolved: JSON) -> None:
        """Record that a node begins that lasts for a while."""
        self.note(scope, spec, status, resolved)
        self.began[scope.path, spec.id] = self.now().isoformat()

    def _compute(self, command: Compute) -> None:
        if command.scope.closed:
            return
        try:
            value = self.walk.compute(command)
        except NeedsLoad:
            self.compute_outside(command)
            return
        except NodeError as error:
            self.work += WORK_PER_NODE + WORK_LIMIT // 4
            self.walk.not_computed(command, error.as_dict())
            return
        size = json_size(value)
        self.work += WORK_PER_NODE + size
        if size > self.value_limit():
            self.compute_outside(command)
        else:
            self.walk.computed(command, value)

    def _ended(self, command: Ended) -> None:
        if command.scope.is_over:
            return
        if command.result is not None and json_size(command.result.output) > self.value_limit():
            self.keep_outside(command)
        else:
            self.settle(command, command.result)

    def settle(self, command: Ended, result: Result | None) -> None:
        """Record and report the end of a container."""
        if command.scope.is_over:
            return
        spec = self.walk.graph.nodes[command.node]
        if result is None:
            self.failed_here(command.scope, spec, command.error or {})
        else:
            # A container in which a stop node ended the run was cut off.
            status = "succeeded" if result.ends_run is None else "cancelled"
            self.note(command.scope, spec, status, None, result)
            self.walk.succeed(command.scope, spec.id, result)

    def _cancel(self, scope: Scope, node: str) -> None:
        for task, (at, running) in self.tasks.items():
            if at is scope and running == node:
                task.cancel()
        if (scope.path, node) in self.began:
            self.note(scope, self.walk.graph.nodes[node], "cancelled")

    def watch(self, work: Any, scope: Scope, node: str) -> None:
        """Have a coroutine run as a task that stands for a node."""
        self.tasks[asyncio.create_task(work)] = (scope, node)

    def note(
        self,
        scope: Scope,
        spec: NodeSpec,
        status: str,
        resolved: Any = None,
        result: Result | None = None,
        *,
        error: dict[str, Any] | None = None,
        reused: bool = False,
        disabled_ports: tuple[str, ...] | None = None,
    ) -> None:
        """Have something recorded that was settled here."""
        record = NodeRecord(
            node=spec.id,
            type=spec.type,
            path=list(scope.path),
            status=status,
            at=self.now().isoformat(),
            input=resolved,
            output=result.output if result else None,
            ports=list(result.ports) if result else [],
            error=error,
        )
        place = (scope.path, spec.id)
        if began := self.began.pop(place, None):
            record["began"] = began
            if clock := self.clocks.pop(place, None):
                clock.cancel()
        if reused:
            record["reused"] = True
        if disabled_ports is not None:
            record["reason"], record["ports"] = "disabled", list(disabled_ports)
        self.settled.add(record)
