"""Call nodes in tests: pure ones directly, I/O ones with a scripted world."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.engine.errors import NodeError
from flows.engine.evaluating import Evaluating
from flows.engine.model_usage import ModelUsage
from flows.engine.node_call import resolve_config, run_pure
from flows.engine.node_type import (
    HttpAnswer,
    ModelAnswer,
    ModelRequest,
    NodeType,
    PureInputs,
    Result,
)
from flows.engine.references import Load
from flows.engine.registry import registry
from flows.engine.tests.fake_doors import (
    FakeCredentials,
    FakeFiles,
    FakeFlows,
    FakeKnowledge,
    FakeMail,
    FakeMcp,
    FakeMedia,
    FakeMemories,
    FakeSandbox,
    FakeSql,
    FakeSteps,
)


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
    #: What the config may read.
    names: Mapping[str, Any] = field(default_factory=dict)
    evaluating: Evaluating | None = None
    credentials: FakeCredentials = field(default_factory=FakeCredentials)
    flows: FakeFlows = field(default_factory=FakeFlows)
    steps: FakeSteps = field(init=False)
    files: FakeFiles = field(default_factory=FakeFiles)
    sql: FakeSql = field(default_factory=FakeSql)
    mail: FakeMail = field(default_factory=FakeMail)
    mcp: FakeMcp = field(default_factory=FakeMcp)
    media: FakeMedia = field(default_factory=FakeMedia)
    sandbox: FakeSandbox = field(default_factory=FakeSandbox)
    knowledge: FakeKnowledge = field(default_factory=FakeKnowledge)
    memory: FakeMemories = field(default_factory=FakeMemories)
    requests: list[ModelRequest] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.steps = FakeSteps(self)

    async def evaluate(self, written: Any, names: Mapping[str, Any]) -> Any:
        if self.evaluating is None:
            self.evaluating = Evaluating(self.names)
        return self.evaluating.value(written, names)

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
        secret: bool = False,
    ) -> HttpAnswer:
        call = {"method": method, "url": url, "headers": headers, "query": query}
        self.calls.append({**call, "content": content, "max_bytes": max_bytes, "secret": secret})
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
    world.names = context or {}

    async def run() -> Result:
        assert kind.io is not None
        return await kind.io(checked, world)

    return asyncio.run(run())
