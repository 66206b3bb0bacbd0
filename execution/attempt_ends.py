"""How an attempt that began can end without a result."""

from collections.abc import Mapping
from typing import Any

from execution.shapes import NodeDone
from flows.engine.errors import NodeError

JSON = Any


class AttemptFailed(Exception):
    """The attempt failed and is recorded. `retry_in` is None where it was the last one."""

    def __init__(self, error: dict[str, JSON], retry_in: float | None) -> None:
        super().__init__(error.get("message", ""))
        self.error = error
        self.retry_in = retry_in


class HandedBack(Exception):
    """The attempt goes on later, in another call: its row stays open. `done` says why."""

    def __init__(self, done: NodeDone) -> None:
        super().__init__()
        self.done = done


class InnerFailure(NodeError):
    """A step inside a container or an agent failed: the error names it and its iteration."""

    def __init__(self, error: Mapping[str, JSON]) -> None:
        super().__init__(str(error.get("code")), str(error.get("message")), retryable=True)
        self.error = dict(error)

    def as_dict(self) -> dict[str, JSON]:
        return self.error
