"""The record of what the scripted model server was asked, and the rules it follows."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from tests.support.model_behaviours import Behaviour, behaviour_of
from tests.support.model_questions import Question

KEPT_CALLS = 20_000
KEPT_CHARACTERS = 2_000
#: What a busy server asks its callers to wait.
BUSY_SECONDS = 0.05


@dataclass
class Call:
    """One request that reached the server. `state` ends as answered, failed or aborted."""

    path: str
    model: str
    prompt: str
    asked: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float
    state: str = "started"
    #: Tokens that the server bills for it: input and output; of an answer cut off, so far.
    billed: tuple[int, int] = (0, 0)


type Match = str | Callable[[Call], bool]


class Script:
    """What the server was asked and how it was told to behave; shared by its connections."""

    def __init__(self) -> None:
        self.calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self.connections = 0
        self.transports: set[asyncio.Transport] = set()
        self.total = 0
        self.prompts: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.rules: list[tuple[Match, Behaviour]] = []
        self._seen: Counter[tuple[str, str]] = Counter()

    def record(self, path: str, question: Question, headers: dict[str, str]) -> Call:
        asked = question.asked[:KEPT_CHARACTERS]
        prompt = question.prompt[:KEPT_CHARACTERS]
        # A large body is not kept: memory must not grow with what benchmarks send.
        body = question.body if len(question.prompt) <= KEPT_CHARACTERS else {}
        call = Call(path, question.model, prompt, asked, headers, body, time.time())
        self.calls.append(call)
        self.total += 1
        self.prompts[asked] += 1
        return call

    def behaviour(self, call: Call, question: Question) -> Behaviour:
        behaviour = self._told(call, question) or behaviour_of(question.model, question.prompt)
        if behaviour.flaky or behaviour.busy:
            conversation = (question.model, question.prompt)
            self._seen[conversation] += 1
            if self._seen[conversation] <= behaviour.busy:
                return Behaviour(error=429, retry_after=BUSY_SECONDS)
            if self._seen[conversation] <= behaviour.flaky:
                return Behaviour(error=503)
        return behaviour

    def _told(self, call: Call, question: Question) -> Behaviour | None:
        for match, behaviour in self.rules:
            if match(call) if callable(match) else match in question.prompt or match == call.model:
                return behaviour
        return None

    def forget(self) -> None:
        for kept in (self.calls, self.prompts, self.answered, self._seen):
            kept.clear()
        self.total = 0

    def report(self) -> dict[str, Any]:
        calls = [{**asdict(call), "headers": {}, "body": {}} for call in self.calls]
        return {
            "total": self.total,
            "connections": self.connections,
            "prompts": self.prompts,
            "answered": self.answered,
            "calls": calls[-1_000:],
        }
