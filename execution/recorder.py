"""Writes the beginnings and the successes of attempts."""

from typing import Protocol

from execution.attempts import Attempt, begin_attempt
from execution.database import in_database
from execution.results import Prepare, succeed_attempt
from execution.shapes import NodeCall, NodeDone

#: Seconds for which a finished result waits for the database to come back.
RESULT_PATIENCE = 600.0


class Recorder(Protocol):
    """Where attempts are recorded."""

    async def begin(self, call: NodeCall, token: str) -> Attempt:
        """As `attempts.begin_attempt`."""

    async def succeed(self, call: NodeCall, attempt: Attempt, prepare: Prepare) -> NodeDone:
        """As `results.succeed_attempt`, with what `prepare` makes on the database's thread."""


class OneByOne:
    """Each in a transaction of its own."""

    async def begin(self, call: NodeCall, token: str) -> Attempt:
        return await in_database(lambda: begin_attempt(call, token))

    async def succeed(self, call: NodeCall, attempt: Attempt, prepare: Prepare) -> NodeDone:
        return await in_database(
            lambda: succeed_attempt(call, attempt, *prepare()), patience=RESULT_PATIENCE
        )
