"""The doors of a scripted world: what they answer is given, what they are asked is kept."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.files import StoredFile, file_id_of
from flows.engine.doors.flows import FlowFacts
from flows.engine.doors.knowledge import Match
from flows.engine.doors.mail import Mail, Sent
from flows.engine.doors.mcp import McpAnswer, McpServer, McpTool
from flows.engine.doors.media import Made, Recording, Transcript
from flows.engine.doors.memory import Remembered, Scope, Select, Turn, session_missing
from flows.engine.doors.sandbox import CodeAnswer
from flows.engine.doors.sql import SqlAnswer, SqlQuery
from flows.engine.doors.steps import Question, Step
from flows.engine.errors import NodeError
from flows.engine.file_names import label_of
from flows.engine.media_types import media_type_of
from flows.engine.node_type import Context, Result


def _next[T](given: list[T | NodeError]) -> T:
    answer = given.pop(0)
    if isinstance(answer, NodeError):
        raise answer
    return answer


@dataclass
class FakeSql:
    answers: list[SqlAnswer | NodeError] = field(default_factory=list)
    asked: list[tuple[str, SqlQuery]] = field(default_factory=list)

    async def run(self, credential: str, query: SqlQuery) -> SqlAnswer:
        self.asked.append((credential, query))
        return _next(self.answers)


@dataclass
class FakeMail:
    answers: list[Sent | NodeError] = field(default_factory=list)
    sent: list[tuple[str, Mail]] = field(default_factory=list)

    async def send(self, mail: Mail, *, credential: str = "", seconds: float = 30) -> Sent:
        self.sent.append((credential, mail))
        return _next(self.answers) if self.answers else Sent(f"<{mail.key}@example.com>", {})


@dataclass
class FakeMedia:
    made: list[Made | Transcript | NodeError] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def image(self, model: str, prompt: str, *, size: str = "", quality: str = "") -> Made:
        made: Made = self._next(model=model, prompt=prompt, size=size, quality=quality)
        return made

    async def transcribe(
        self, model: str, recording: Recording, *, language: str = "", prompt: str = ""
    ) -> Transcript:
        asked = {"model": model, "recording": recording, "language": language, "prompt": prompt}
        heard: Transcript = self._next(**asked)
        return heard

    async def speech(
        self, model: str, text: str, *, voice: str, format: str, instructions: str = ""
    ) -> Made:
        made: Made = self._next(model=model, text=text, voice=voice, format=format)
        return made

    def _next(self, **asked: Any) -> Any:
        self.asked.append(asked)
        given: list[Any] = self.made
        return _next(given)


@dataclass
class FakeMcp:
    offered: list[McpTool] = field(default_factory=list)
    answers: list[McpAnswer | NodeError] = field(default_factory=list)
    asked: list[tuple[McpServer, str, Mapping[str, Any]]] = field(default_factory=list)

    async def tools(self, server: McpServer) -> list[McpTool]:
        return self.offered

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Any]) -> McpAnswer:
        self.asked.append((server, tool, arguments))
        return _next(self.answers)


@dataclass
class FakeCredentials:
    """Credentials by name, opened as the real ones are."""

    known: dict[str, OpenedCredential] = field(default_factory=dict)
    opened: list[OpenedCredential] = field(default_factory=list)

    @asynccontextmanager
    async def open(
        self, reference: str, types: Sequence[str], *, field: str = "credential"
    ) -> AsyncGenerator[OpenedCredential]:
        found = self.known.get(reference)
        if found is None:
            raise NodeError("credential_missing", "There is no such one.", field=field)
        if found.type not in types:
            raise NodeError("credential_unfit", "It does not fit.", field=field)
        self.opened.append(found)
        yield found

    def masked(self, text: str) -> str:
        for secret in (value for one in self.opened for value in one.secret.values()):
            text = text.replace(secret, "••••")
        return text


@dataclass
class FakeSteps:
    """Steps that are kept by their number and name, and questions that are answered as scripted."""

    world: Context
    kept: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)
    done: list[Step] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    scripted: list[dict[str, Any] | NodeError] = field(default_factory=list)

    async def do(self, step: Step, work: Callable[[Context], Awaitable[Result]]) -> dict[str, Any]:
        place = (step.number, step.name)
        if place not in self.kept:
            self.done.append(step)
            self.kept[place] = (await work(self.world)).output
        return self.kept[place]

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
class FakeSandbox:
    """Answers as scripted, and remembers what it was asked to run."""

    answers: list[CodeAnswer | NodeError] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)

    async def run(
        self, source: str, inputs: Mapping[str, Any], *, seconds: float, memory_bytes: int
    ) -> CodeAnswer:
        self.calls.append(
            {"source": source, "inputs": inputs, "seconds": seconds, "memory_bytes": memory_bytes}
        )
        return _next(self.answers)


@dataclass
class FakeMemories:
    """Memories that last as long as the test; `session_id` is that of the run."""

    session_id: str | None = None
    kept: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    said: list[Turn] = field(default_factory=list)
    #: Turns that a node wants to be kept if it succeeds.
    new_turns: list[Turn] = field(default_factory=list)

    async def append(self, scope: Scope, name: str, value: Any) -> int:
        self._entries(scope, name).append(value)
        return 0

    async def read(self, scope: Scope, name: str, select: Select, limit: int | None) -> Remembered:
        entries = self._entries(scope, name)
        few = limit or (len(entries) if select == "all" else 1)
        chosen = entries[:few] if select == "first" else entries[max(0, len(entries) - few) :]
        return Remembered(chosen, len(entries))

    async def clear(self, scope: Scope, name: str) -> int:
        entries = self._entries(scope, name)
        count = len(entries)
        entries.clear()
        return count

    async def turns(self, limit: int) -> Sequence[Turn]:
        return self.said[-limit:] if self.session_id else ()

    def keep_turn(self, turn: Turn) -> None:
        self.new_turns.append(turn)

    def _entries(self, scope: Scope, name: str) -> list[Any]:
        if scope == "session" and not self.session_id:
            raise session_missing()
        return self.kept.setdefault((scope, name), [])


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
