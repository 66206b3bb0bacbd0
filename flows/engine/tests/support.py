"""Call nodes in tests: pure ones directly, I/O ones with a scripted world."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.knowledge import Match
from flows.engine.errors import NodeError
from flows.engine.node_call import resolve_config, run_pure
from flows.engine.node_type import (
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
class FakeKnowledge:
    """Collections by name: what they hold is given for every query."""

    known: dict[str, list[Match]] = field(default_factory=dict)
    asked: list[tuple[str, str, int, float]] = field(default_factory=list)

    async def search(
        self, collection: str, query: str, *, top_k: int, min_score: float
    ) -> list[Match]:
        self.asked.append((collection, query, top_k, min_score))
        if collection not in self.known:
            raise NodeError("collection_missing", "There is no such one.", field="collection")
        return [m for m in self.known[collection] if m.score >= min_score][:top_k]


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
    knowledge: FakeKnowledge = field(default_factory=FakeKnowledge)
    requests: list[ModelRequest] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)

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
