"""Runs one attempt of a node outside the plan: begin, resolve, run, record. No Temporal here.

The Temporal activity is one thin driver of it. A failed attempt comes back as `AttemptFailed`
with the seconds until the next try; how often to try is decided here, where the record tells a
call that failed from a worker that went away.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from uuid import uuid4

from accounts.credentials.vault import mask_all
from execution.attempt_ends import AttemptFailed, HandedBack
from execution.attempt_errors import broke, too_late, unstorable
from execution.attempts import (
    INTERRUPTED,
    STOPPED,
    Attempt,
    NotRecordedYet,
    RunOver,
    RunPaused,
)
from execution.context import RunContext
from execution.database import DatabaseAway, RecordRefused, in_database
from execution.doors.steps import RunSteps
from execution.ending import load_node_config
from execution.models import NodeStatus
from execution.payloads import Externalizer, load_reference
from execution.recorder import RESULT_PATIENCE, OneByOne, Recorder
from execution.recording import RunMissing
from execution.results import Outcome, fail_attempt
from execution.retries import FINAL, Verdict, may_follow, verdict
from execution.shapes import NodeCall, NodeDone
from execution.switches import check_node_type
from flows.engine.attempts import condition_holds, is_rate_limit
from flows.engine.errors import NeedsLoad, NodeError
from flows.engine.evaluating import Evaluating
from flows.engine.node_call import resolve_config, run_pure
from flows.engine.node_type import Context, NodeType, PureInputs, Result
from flows.engine.references import Load
from flows.engine.registry import registry

JSON = Any
logger = logging.getLogger(__name__)
#: Seconds for which the record of what was cut off waits for the database to come back.
CUT_OFF_PATIENCE = 5.0


class Work(Protocol):
    """Works off a container whose settings are evaluated: see `execution.container_work`."""

    async def __call__(
        self,
        call: NodeCall,
        config: Any,
        resolved: dict[str, JSON],
        names: Mapping[str, JSON],
        is_unwanted: Callable[[], bool],
        is_stopping: Callable[[], bool],
    ) -> Result: ...


@dataclass(frozen=True)
class StepWork:
    """What a step inside a node does; what it streams is the node's, in whose context it runs."""

    work: Callable[[Context], Awaitable[Result]]
    repeatable: bool
    outer: RunContext


async def run_node(
    call: NodeCall,
    *,
    is_unwanted: Callable[[], bool] = lambda: True,
    is_stopping: Callable[[], bool] = lambda: False,
    recorder: Recorder | None = None,
    work_off: Work | None = None,
    step: StepWork | None = None,
) -> NodeDone:
    """One attempt from begin to record. Raises AttemptFailed, RunOver, RunPaused, NotRecordedYet.

    With `step` it is a step inside another node, and that is its work.

    Cancelling it stops the work at once and records what it used: as cancelled where `is_unwanted`
    says that somebody wanted that, else as interrupted, which does not count as a try. Where
    `is_stopping` says that this process was asked to stop, it is not held against the node either;
    else the engine has given the node to another, as its worker was not heard of.
    """
    recorder = recorder or OneByOne()
    try:
        attempt, cancelled = await _begun(recorder.begin(call, uuid4().hex))
    except NodeError as error:
        raise AttemptFailed(error.as_dict(), None) from error
    if attempt.done is not None:
        return attempt.done
    if attempt.pause:
        raise AttemptFailed(INTERRUPTED, attempt.pause)
    execution = _Execution(call, attempt, recorder, work_off, step)
    if cancelled is not None:
        await asyncio.shield(execution.stopped(is_unwanted, is_stopping))
        raise cancelled
    return await execution.run(is_unwanted, is_stopping)


async def _begun(
    begin: Coroutine[Any, Any, Attempt],
) -> tuple[Attempt, asyncio.CancelledError | None]:
    """The attempt, and the cancel that came meanwhile: what was begun has to be ended as well."""
    beginning = asyncio.ensure_future(begin)
    try:
        return await asyncio.shield(beginning), None
    except asyncio.CancelledError as cancelled:
        try:
            # Not for long: where the database is away, whoever takes the node next closes it.
            return await asyncio.wait_for(beginning, CUT_OFF_PATIENCE), cancelled
        except (
            TimeoutError,
            NodeError,
            RunOver,
            RunPaused,
            RunMissing,
            NotRecordedYet,
            DatabaseAway,
            RecordRefused,
        ):
            raise cancelled from None


class _Execution:
    """One attempt that has begun."""

    def __init__(
        self,
        call: NodeCall,
        attempt: Attempt,
        recorder: Recorder,
        work_off: Work | None,
        step: StepWork | None,
    ) -> None:
        self.call = call
        self.attempt = attempt
        self.recorder = recorder
        self.work_off = work_off
        self.step = step
        self.context = RunContext(
            call,
            attempt,
            RunSteps(call, self._perform),
            judge=self._is_final,
            load=self._load,
            outer=step.outer if step else None,
        )
        self.config: JSON = None
        # Until the node itself begins, nothing was done that could be done twice.
        self.repeatable = True
        self.is_pure = False
        self.raw_config: Mapping[str, JSON] = call["config"] or {}

    async def run(
        self, is_unwanted: Callable[[], bool], is_stopping: Callable[[], bool]
    ) -> NodeDone:
        try:
            async with asyncio.timeout(self.call["timeout_seconds"]) as clock:
                # What runs inside a container that takes too long is unwanted as well.
                self.stops = (lambda: clock.expired() or is_unwanted(), is_stopping)
                result, trusted = await self._work()
            return await self._succeeded(result, trusted)
        except asyncio.CancelledError:
            await asyncio.shield(self.stopped(is_unwanted, is_stopping))
            raise
        except TimeoutError:
            error = too_late(self.call)
        except HandedBack as later:
            return later.done
        except (RunOver, RunPaused, RunMissing, NotRecordedYet, DatabaseAway):
            raise
        except RecordRefused as refused:
            error = unstorable(self.call, refused)
        except NodeError as node_error:
            error = node_error
        except RecursionError:
            error = NodeError("value_too_deep", "A value is nested too deeply to be read.")
        except Exception as unexpected:
            error = broke(self.call, unexpected)
        finally:
            self.context.close()
        said = await self._verdict(error)
        facts = self._without_secrets(said.facts)
        await self._record_failure(facts, said.retry_in)
        raise AttemptFailed(facts, said.retry_in) from error

    async def _perform(
        self, call: NodeCall, work: Callable[[Context], Awaitable[Result]], repeatable: bool
    ) -> NodeDone:
        """A step inside this node, which ends with it."""
        is_unwanted, is_stopping = self.stops
        return await run_node(
            call,
            is_unwanted=is_unwanted,
            is_stopping=is_stopping,
            recorder=self.recorder,
            step=StepWork(work, repeatable, self.context),
        )

    async def _work(self) -> tuple[Result, bool]:
        if self.step is not None:
            self.config, self.repeatable = dict(self.raw_config), self.step.repeatable
            return await self.step.work(self.context), False
        node_type = registry().get(self.call["type"])
        if node_type is None:
            raise NodeError(
                "node_type_unknown", f"No node type '{self.call['type']}' is on this worker."
            )
        if self.call["config"] is None:
            self.raw_config = await in_database(
                lambda: load_node_config(self.call["run_id"], self.call["node"])
            )
        if self.work_off is not None and node_type.control is not None:
            config = await in_database(lambda: self._resolve(node_type, self._load))
            names = self._names()
            return await self.work_off(self.call, config, self.config, names, *self.stops), True
        if node_type.io is None:
            self.is_pure = True
            return await in_database(lambda: self._evaluate(node_type)), True
        await check_node_type(self.call["workspace_id"], self.call["type"])
        try:
            config = self._resolve(node_type, None)
        except NeedsLoad:
            config = await in_database(lambda: self._resolve(node_type, self._load))
        self.repeatable = node_type.may_repeat(config)
        self.context.evaluating = Evaluating(self._names())
        return await node_type.io(config, self.context), False

    def _evaluate(self, node_type: NodeType) -> Result:
        """A pure node whose values are too large for the workflow."""
        incoming = tuple(
            (source, self.attempt.outputs.get(source, output))
            for source, output in self.call["incoming"]
        )
        inputs = PureInputs(incoming, self.call["run_inputs"])
        self.config, result = run_pure(
            node_type, self.raw_config, self._names(), inputs, load=self._load
        )
        return result

    def _resolve(self, node_type: NodeType, load: Load | None) -> Any:
        """The config for an I/O node; what is kept of it still has large values by reference."""
        config, self.config = resolve_config(node_type, self.raw_config, self._names(), load=load)
        return config

    def _names(self) -> Mapping[str, JSON]:
        return {**self.call["context"], **self.attempt.outputs}

    def _load(self, reference: dict[str, JSON]) -> JSON:
        return load_reference(self.call["workspace_id"], reference)

    async def _succeeded(self, result: Result, trusted: bool) -> NodeDone:
        @cache  # writing may be tried again
        def shrunk() -> tuple[NodeDone, Outcome]:
            out = Externalizer(trusted=trusted, limit=self.call["value_limit"])
            done = NodeDone(
                output=out.shrink_object(self._without_secrets(result.output)),
                ports=list(result.ports),
                ends_run=result.ends_run,
                message=self._without_secrets(result.message),
                leaves=result.leaves,
                error=dict(result.error) if result.error else None,
            )
            config = self._config_to_keep(out)
            turn = self.context.memory.kept_turn(self._without_secrets)
            return done, Outcome(config, out.blobs, self.context.spent, turn)

        # On the database's thread, for it can take seconds, and other calls need the loop.
        return await self.recorder.succeed(self.call, self.attempt, shrunk)

    def _without_secrets(self, value: JSON) -> JSON:
        """What services repeat of the credentials they were called with is not handed on."""
        secrets = self.context.credentials.secrets
        return mask_all(value, secrets) if secrets else value

    async def _record_failure(
        self,
        facts: dict[str, JSON],
        retry_in: float | None,
        *,
        status: str = NodeStatus.FAILED,
        patience: float = RESULT_PATIENCE,
    ) -> None:
        def record() -> None:
            out = Externalizer(trusted=True)
            outcome = Outcome(self._config_to_keep(out), out.blobs, self.context.spent)
            fail_attempt(self.call, self.attempt, facts, outcome, retry_in=retry_in, status=status)

        def record_bare() -> None:
            # What was used counts, whatever else cannot be stored.
            bare = {"code": facts["code"], "message": "What went wrong cannot be stored."}
            outcome = Outcome(None, (), self.context.spent)
            fail_attempt(self.call, self.attempt, bare, outcome, retry_in=retry_in, status=status)

        try:
            await in_database(record, patience=patience)
        except RecordRefused:
            logger.exception("A failure of run %s cannot be stored", self.call["run_id"])
            await in_database(record_bare, patience=patience)

    async def stopped(
        self, is_unwanted: Callable[[], bool], is_stopping: Callable[[], bool]
    ) -> None:
        """Record that the work was stopped: on demand, or by an interruption."""
        interruption = STOPPED if is_stopping() else INTERRUPTED
        if is_unwanted():
            facts = {"code": "cancelled", "message": "Cancelled while it ran."}
            await self._record_failure(facts, None, status=NodeStatus.CANCELLED)
            return
        # Where the database is away too, whoever takes the node next closes this attempt.
        with suppress(DatabaseAway):
            await self._record_failure(interruption, 0, patience=CUT_OFF_PATIENCE)

    def _config_to_keep(self, out: Externalizer) -> JSON:
        trusted, out.trusted = out.trusted, True
        try:
            return None if self.config is None else out.shrink_object(self.config)
        finally:
            out.trusted = trusted

    async def _is_final(self, error: NodeError) -> bool:
        return (await self._verdict(error)).retry_in is None

    async def _verdict(self, error: NodeError) -> Verdict:
        """What follows a failure, by the retry's condition where it has one."""
        wanted, remark = await self._wanted(error)
        said = verdict(self.call, self.attempt, error, repeatable=self.repeatable, wanted=wanted)
        if not remark:
            return said
        return Verdict({**said.facts, "message": f"{error.message} {remark}"}, said.retry_in)

    async def _wanted(self, error: NodeError) -> tuple[bool | None, str]:
        """What the retry's condition says, and what is wrong with it.

        None where there is no condition, or nothing for it to decide.
        """
        condition = self.call["retry"].get("condition")
        if condition is None or self.is_pure or error.code in FINAL:
            return None, ""
        if not (may_follow(self.call, self.attempt) or is_rate_limit(error)):
            return None, ""

        def holds(load: Load | None = None) -> bool:
            return condition_holds(condition, self._names(), error, self.attempt.tries, load=load)

        try:
            try:
                return holds(), ""
            except NeedsLoad:
                loading = in_database(lambda: holds(self._load), patience=RESULT_PATIENCE)
                return await loading, ""
        except (NodeError, RecursionError) as broken:
            why = broken.message if isinstance(broken, NodeError) else "it is nested too deeply."
            return False, f"It was not tried again, for 'retry.if' cannot be evaluated: {why}"
