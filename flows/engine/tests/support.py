"""Call nodes in tests: pure ones directly, I/O ones with a scripted world."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.files import StoredFile, file_id_of
from flows.engine.doors.flows import FlowFacts
from flows.engine.doors.mcp import McpAnswer, McpServer, McpTool
from flows.engine.doors.steps import Question, Step
from flows.engine.errors import NodeError
from flows.engine.file_names import label_of
from flows.engine.media_types import media_type_of
from flows.engine.node_call import resolve_config, run_pure
from flows.engine.node_type import (
    Context,
    HttpAnswer,
    ModelAnswer,
    ModelRequest,
    ModelUsage,
    NodeType,
    PureInputs,
    Result,
)
from flows.engine.references import Load
from flows.engine.registry import registry


def node_type(name: str) -> NodeType:
    found = registry().get(name)
    assert found is not None
    return found


def call(
    name: str,
    config: dict[str, Any],
    context: dict[str, Any] | None = None,
    inputs: PureInputs | None = None,
    *,
    load: Load | None = None,
) -> Result:
    """Run a pure node."""
    pure_inputs = inputs or PureInputs()
    return run_pure(node_type(name), config, context or {}, pure_inputs, load=load)[1]


def answer(text: str, *, finish_reason: str = "stop", tokens: int = 5) -> ModelAnswer:
    return ModelAnswer(text, ModelUsage(tokens, tokens), "fake/model", finish_reason)


@dataclass
class FakeCredentials:
    """Credentials by name, opened as the real ones are."""

    known: dict[str, OpenedCredential] = field(default_factory=dict)

    @asynccontextmanager
    async def open(
        self, reference: str, types: Sequence[str], *, field: str = "credential"
    ) -> AsyncGenerator[OpenedCredential]:
        found = self.known.get(reference)
        if found is None:
            raise NodeError("credential_missing", "There is no such one.", field=field)
        if found.type not in types:
            raise NodeError("credential_unfit", "It does not fit.", field=field)
        yield found


@dataclass
class FakeSteps:
    """Steps that are kept by their number, and questions that are answered as scripted."""

    world: "FakeContext"
    kept: dict[int, dict[str, Any]] = field(default_factory=dict)
    done: list[Step] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    scripted: list[dict[str, Any] | NodeError] = field(default_factory=list)

    async def do(self, step: Step, work: Callable[[Context], Awaitable[Result]]) -> dict[str, Any]:
        if step.number not in self.kept:
            self.done.append(step)
            self.kept[step.number] = (await work(self.world)).output
        return self.kept[step.number]

    async def answers(self, questions: Sequence[Question]) -> Sequence[dict[str, Any] | NodeError]:
        self.asked += questions
        return [self.scripted.pop(0) for _ in questions]


@dataclass
class FakeFlows:
    """Flows by their id or slug."""

    known: dict[str, FlowFacts] = field(default_factory=dict)

    async def facts(self, reference: str, version: int | None = None) -> FlowFacts:
        if reference not in self.known:
            raise NodeError("subflow_missing", f"There is no flow '{reference}'.", field="flow")
        return self.known[reference]


@dataclass
class FakeMcp:
    """One server: its tools, and what they answer in turn."""

    offered: list[McpTool] = field(default_factory=list)
    scripted: list[McpAnswer | NodeError] = field(default_factory=list)
    called: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    async def tools(self, server: McpServer) -> list[McpTool]:
        return self.offered

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Any]) -> McpAnswer:
        self.called.append((tool, arguments))
        given = self.scripted.pop(0)
        if isinstance(given, NodeError):
            raise given
        return given


@dataclass
class FakeFiles:
    """Files by id, kept in memory; written ones are named `made-1` and so on."""

    stored: dict[str, tuple[StoredFile, bytes]] = field(default_factory=dict)

    def add(self, name: str, content: bytes, media_type: str = "") -> str:
        """Store a file; returns its id."""
        label = label_of(name)
        kind = media_type_of(label, content, media_type)
        file = StoredFile(f"made-{len(self.stored) + 1}", label, kind, len(content), f"/{label}")
        self.stored[file.id] = (file, content)
        return file.id

    async def read(
        self, reference: Any, *, field: str = "file", max_bytes: int | None = None
    ) -> tuple[StoredFile, bytes]:
        found = self.stored.get(file_id_of(reference) or "")
        if found is None:
            raise NodeError("file_missing", "There is no such file.", field=field)
        if max_bytes is not None and found[0].size > max_bytes:
            raise NodeError("file_too_large", "The file is too large.", field=field)
        return found

    async def write(self, name: str, content: bytes, media_type: str = "") -> StoredFile:
        return self.stored[self.add(name, content, media_type)][0]


@dataclass
class FakeContext:
    """A world that answers as scripted and remembers what it was asked."""

    models: list[ModelAnswer | NodeError] = field(default_factory=list)
    answers: list[HttpAnswer | NodeError] = field(default_factory=list)
    #: What people decide: approved or rejected.
    decisions: list[str] = field(default_factory=list)
    run_id: str = "run"
    node_id: str = "node"
    path: tuple[str | int, ...] = ()
    attempt: int = 1
    session_id: str | None = None
    idempotency_key: str = "run:node"
    seconds_left: float = 60
    #: Whether this is the last attempt, also for what may pass.
    last: bool = True
    restarts: int = 0
    credentials: FakeCredentials = field(default_factory=FakeCredentials)
    flows: FakeFlows = field(default_factory=FakeFlows)
    mcp: FakeMcp = field(default_factory=FakeMcp)
    steps: FakeSteps = field(init=False)
    files: FakeFiles = field(default_factory=FakeFiles)
    requests: list[ModelRequest] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.steps = FakeSteps(self)

    async def is_final(self, error: NodeError) -> bool:
        return self.last or not error.retryable

    def emit(self, text: str) -> None:
        raise AssertionError("models stream by themselves")

    def restart(self) -> None:
        self.restarts += 1

    async def model(self, request: ModelRequest) -> ModelAnswer:
        self.requests.append(request)
        given = self.models.pop(0)
        if isinstance(given, NodeError):
            raise given
        return given

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
    ) -> HttpAnswer:
        self.calls.append(
            {"method": method, "url": url, "headers": headers, "query": query, "content": content}
        )
        given = self.answers.pop(0)
        if isinstance(given, NodeError):
            raise given
        return given


def perform(
    name: str,
    config: dict[str, Any],
    world: FakeContext,
    context: dict[str, Any] | None = None,
    *,
    load: Load | None = None,
) -> Result:
    """Run an I/O node in a scripted world."""
    kind = node_type(name)
    assert kind.io is not None
    checked, _ = resolve_config(kind, config, context or {}, load=load)

    async def run() -> Result:
        assert kind.io is not None
        return await kind.io(checked, world)

    return asyncio.run(run())
