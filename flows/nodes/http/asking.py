"""Asking a service again and again within one attempt: one request, and how long is left for it."""

from asyncio import sleep
from collections.abc import Awaitable, Callable
from typing import Any

from flows.engine.attempts import is_rate_limit, may_try_again
from flows.engine.errors import NodeError
from flows.engine.node_type import Context

JSON = Any
type Ask = Callable[[], Awaitable[dict[str, JSON]]]
#: Seconds that all requests of a node may take together.
MAX_SECONDS = 3_600
#: How often one of many requests is tried where the failure may pass.
TRIES = 3


class Clock:
    """Counts from now on; ends after `seconds`, or with the attempt."""

    def __init__(self, ctx: Context, seconds: float) -> None:
        self._ctx = ctx
        self._until = ctx.seconds_left - seconds

    @property
    def left(self) -> float:
        """Seconds, below 0 where none are left."""
        left = self._ctx.seconds_left
        return min(left, left - self._until)

    async def rest(self, seconds: float) -> bool:
        """Wait, unless the time would be over then: whether it waited."""
        if seconds >= self.left:
            return False
        await sleep(seconds)
        return True


async def ask_patiently(ask: Ask, clock: Clock, *, repeatable: bool) -> dict[str, JSON]:
    """What is asked for, tried again where that may help and does no harm.

    `repeatable`: asking twice does nothing twice. A service or a credential that asks for patience
    uses up no try. Raises NodeError.
    """
    tries = 0
    while True:
        try:
            return await ask()
        except NodeError as error:
            tries += not is_rate_limit(error)
            may = may_try_again(error, repeatable=repeatable, asked_for=False) and tries < TRIES
            pause = 2.0**tries if error.retry_after is None else error.retry_after
            if not may or not await clock.rest(pause):
                raise
