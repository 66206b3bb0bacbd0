"""What an I/O node gets: the doors to the world, with everything it used kept count of."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from accounts.models import Workspace
from execution import egress
from execution.attempts import Attempt
from execution.budgets import check_budget
from execution.credential_limits import room_for
from execution.database import in_database
from execution.doors.credentials import RunCredentials
from execution.doors.files import RunFiles
from execution.doors.flows import RunFlows
from execution.doors.knowledge import RunKnowledge
from execution.doors.mail import RunMail
from execution.doors.mcp import RunMcp
from execution.doors.media import RunMedia
from execution.doors.memory import RunMemories
from execution.doors.sandbox import RunSandbox
from execution.doors.sql import RunSql
from execution.providers.access import access_of, default_model, limits_of
from execution.providers.base import Access
from execution.providers.embeddings import Embedded
from execution.providers.fitting import fitted
from execution.providers.registry import load_provider, resolve
from execution.results import Spent
from execution.shapes import NodeCall
from execution.step_keys import step_key
from execution.streaming import Stream, finish, part_of_step
from execution.tally import Tally
from flows.engine.doors.steps import Steps
from flows.engine.errors import NeedsLoad, NodeError
from flows.engine.evaluating import Evaluating
from flows.engine.json_values import storable_text
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import JSON, HttpAnswer, ModelAnswer, ModelRequest
from flows.engine.references import Load

#: Characters of a model's name that are booked: the length of the columns.
MODEL_LENGTH = 200


@dataclass
class RunContext:
    """The `Context` of flows.engine.node_type for one attempt."""

    call: NodeCall
    attempt_row: Attempt
    steps: Steps
    spent: list[Spent] = field(default_factory=list)
    #: Whether no attempt would follow an error: the runner decides.
    judge: Callable[[NodeError], Awaitable[bool]] | None = None
    #: The node's, where this is of a step inside: what it streams goes there.
    outer: "RunContext | None" = None
    #: Evaluates what the node's config keeps as written; there once its names are.
    evaluating: Evaluating | None = None
    #: Loads a large value, on a database thread.
    load: Load | None = None
    _stream: Stream | None = None
    _restarts: int = 0
    _ends_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._ends_at = time.monotonic() + self.call["timeout_seconds"]

    # Doors are built when a node knocks: most use one of them, or none.

    @cached_property
    def workspace_id(self) -> UUID:
        return UUID(self.call["workspace_id"])

    @cached_property
    def credentials(self) -> RunCredentials:
        return RunCredentials(self.workspace_id)

    @cached_property
    def flows(self) -> RunFlows:
        return RunFlows(self.workspace_id, UUID(self.call["run_id"]))

    @cached_property
    def files(self) -> RunFiles:
        return RunFiles(self.call, self.idempotency_key)

    @cached_property
    def sql(self) -> RunSql:
        return RunSql(self.credentials)

    @cached_property
    def mail(self) -> RunMail:
        return RunMail(self.credentials)

    @cached_property
    def mcp(self) -> RunMcp:
        return RunMcp(self.credentials, self.workspace_id)

    @cached_property
    def media(self) -> RunMedia:
        return RunMedia(self)

    @cached_property
    def sandbox(self) -> RunSandbox:
        return RunSandbox(self.call["workspace_id"], self.call["run_id"])

    @cached_property
    def memory(self) -> RunMemories:
        return RunMemories(self.call)

    @cached_property
    def knowledge(self) -> RunKnowledge:
        return RunKnowledge(self.workspace_id, self._check_budget, self._count_embedded)

    @property
    def run_id(self) -> str:
        return self.call["run_id"]

    @property
    def node_id(self) -> str:
        return self.call["node"]

    @property
    def path(self) -> tuple[str | int, ...]:
        return tuple(self.call["path"])

    @property
    def attempt(self) -> int:
        return self.attempt_row.number

    @property
    def session_id(self) -> str | None:
        return self.call["session_id"]

    @property
    def idempotency_key(self) -> str:
        return step_key(UUID(self.run_id), self.node_id, self.call["path"])

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())

    async def evaluate(self, written: JSON, names: Mapping[str, JSON]) -> JSON:
        evaluating = self.evaluating
        assert evaluating is not None
        try:
            # Up to 0.2 s of CPU: other calls go on meanwhile.
            return await asyncio.to_thread(evaluating.value, written, names)
        except NeedsLoad:
            return await in_database(lambda: evaluating.value(written, names, self.load))
        except RecursionError as error:
            raise NodeError("value_too_deep", "A value is nested too deeply to be read.") from error

    async def is_final(self, error: NodeError) -> bool:
        return self.judge is None or await self.judge(error)

    def restart(self) -> None:
        if self.outer is not None:
            part = part_of_step(self.call["path"][-1], self.attempt, self._restarts)
            self.outer.stream.restart(part)
            self._restarts += 1
        elif self._stream is not None:
            self._stream.restart()

    def emit(self, text: str) -> None:
        stream = self.stream if self.outer is None else self.outer.stream
        stream.add(text)

    @property
    def stream(self) -> Stream:
        """Where what the node streams goes; there from the first use."""
        if self._stream is None:
            self._stream = Stream(self.call, self.attempt_row)
        return self._stream

    async def http(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | list[str]] | None = None,
        content: bytes | None = None,
        timeout_seconds: float = 30,
        max_bytes: int = 50_000_000,
        secret: bool = False,
    ) -> HttpAnswer:
        return await egress.fetch(
            method,
            url,
            headers=headers,
            query=query,
            content=content,
            timeout_seconds=timeout_seconds,
            max_bytes=max_bytes,
            secret=secret,
        )

    async def access(self) -> Access:
        """What models the workspace can use now. Raises NodeError where the budget is spent."""
        await self._check_budget()
        return await access_of(UUID(self.call["workspace_id"]))

    async def model(self, request: ModelRequest) -> ModelAnswer:
        access = await self.access()
        name = request.model or default_model(await self._workspace_default(), access)
        await load_provider(name)
        provider, model_name = resolve(name, access)
        request = await fitted(request, name)
        tally = Tally(request, self.emit)
        async with room_for(limits_of(name, access)):
            try:
                answer = await provider.complete(
                    request, model_name, emit=tally.emit, counted=tally.counted
                )
            except BaseException:
                # Cancelled or broken off: what was streamed until then is billed all the same.
                if tally.begun:
                    self.count(
                        f"{provider.name}/{model_name}", tally.usage(), estimated=tally.estimated
                    )
                raise
        self.count(answer.model, answer.usage)
        return answer

    async def _check_budget(self) -> None:
        await in_database(lambda: check_budget(self.run_id, self.spent))

    def _count_embedded(self, embedded: Embedded) -> None:
        self.count(embedded.model, embedded.usage, estimated=embedded.estimated)

    async def _workspace_default(self) -> str:
        workspaces = Workspace.objects.filter(id=self.call["workspace_id"])
        name = await in_database(lambda: workspaces.values_list("default_model", flat=True).first())
        return name or ""

    def count(self, model: str, usage: ModelUsage, *, estimated: bool = False) -> None:
        """Add to what this attempt used: one entry per model."""
        model = storable_text(model)[:MODEL_LENGTH]
        known = next((item for item in self.spent if item.model == model), None)
        before = known.usage if known else ModelUsage()
        estimated = estimated or (known is not None and known.estimated)
        total = before + usage
        self.spent = [item for item in self.spent if item.model != model]
        self.spent.append(Spent(model, total, estimated))

    def close(self) -> None:
        """The node is over; nothing more is streamed."""
        if self._stream is not None:
            finish(self._stream)
