"""The doors of a scripted world: what they answer is given, what they are asked is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.engine.doors.mail import Mail, Sent
from flows.engine.doors.mcp import McpAnswer, McpServer, McpTool
from flows.engine.doors.sql import SqlAnswer, SqlQuery
from flows.engine.errors import NodeError


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
class FakeMcp:
    offered: list[McpTool] = field(default_factory=list)
    answers: list[McpAnswer | NodeError] = field(default_factory=list)
    asked: list[tuple[McpServer, str, Mapping[str, Any]]] = field(default_factory=list)

    async def tools(self, server: McpServer) -> list[McpTool]:
        return self.offered

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Any]) -> McpAnswer:
        self.asked.append((server, tool, arguments))
        return _next(self.answers)
