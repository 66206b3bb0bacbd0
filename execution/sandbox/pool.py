"""The sandbox of this process: begun with its first call, ended with the process."""

import asyncio
import random
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from functools import cache
from typing import Any

from django.conf import settings

from execution.sandbox import failures
from execution.sandbox.client import KeeperClient
from execution.sandbox.places import Owner, Places
from execution.sandbox.values import answer_from, inputs_text
from flows.engine.doors.sandbox import CodeAnswer

JSON = Any
#: Seconds that a call waits in place; beyond it the attempt is given back, without costing a try.
PATIENCE = 3.0
#: Seconds until a call that was given back comes again.
AGAIN_AFTER = (1.0, 3.0)
#: Seconds that a call has to end when nobody waits for it; then the keeper is taken to hang.
STOP_WITHIN = 10.0


class SandboxPool:
    """At most `processes` calls at once, each in a process of its own."""

    def __init__(self, processes: int) -> None:
        self.places = Places(processes)
        self._lock = threading.Lock()
        self._keeper: KeeperClient | None = None
        self._is_closed = False

    async def run(
        self,
        owner: Owner,
        source: str,
        inputs: Mapping[str, JSON],
        *,
        seconds: float,
        memory_bytes: int,
    ) -> CodeAnswer:
        """As `flows.engine.doors.sandbox.Sandbox`. Cancelling it ends the process at once."""
        call = _Call(self, source, inputs, seconds, memory_bytes)
        granted = False
        try:
            async with self.places.one_for(owner, PATIENCE):
                granted = True
                return await call.answer()
        except TimeoutError:
            if granted:
                raise
            raise failures.busy(random.uniform(*AGAIN_AFTER)) from None

    def keeper(self) -> KeeperClient:
        """The keeper; another where the last one has ended. Raises NodeError when closed."""
        with self._lock:
            if self._is_closed:
                raise failures.crashed("the sandbox is closed")
            if self._keeper is None or self._keeper.is_gone:
                self._keeper = KeeperClient(self.places.total)
            return self._keeper

    def close(self) -> None:
        """End all processes. A call that comes later fails."""
        with self._lock:
            self._is_closed = True
            keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.close()


class _Call:
    """One call, in a thread of its own: handing over a large value takes time."""

    def __init__(
        self,
        pool: SandboxPool,
        source: str,
        inputs: Mapping[str, JSON],
        seconds: float,
        memory_bytes: int,
    ) -> None:
        self._pool = pool
        self._source = source
        self._inputs = inputs
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._is_stopped = False
        self._asked: tuple[KeeperClient, int] | None = None

    async def answer(self) -> CodeAnswer:
        done: Future[CodeAnswer] = Future()
        waiting = asyncio.wrap_future(done)
        # A daemon: a process that ends does not wait for it, and the keeper ends with the process.
        threading.Thread(target=self._carry_out, args=(done,), daemon=True).start()
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            # In a thread too: the keeper may be reading something large just now.
            threading.Thread(target=self._stop, daemon=True).start()
            # The place is free when the process has gone, not before.
            await asyncio.wait([waiting], timeout=STOP_WITHIN)
            if waiting.done():
                waiting.exception()
            elif self._asked is not None:
                self._asked[0].kill()
            raise

    def _carry_out(self, done: "Future[CodeAnswer]") -> None:
        try:
            given = inputs_text(self._inputs)
            keeper = self._pool.keeper()
            number, answer = keeper.ask(
                self._source, list(self._inputs), given, self._seconds, self._memory_bytes
            )
            with self._lock:
                self._asked = keeper, number
                if self._is_stopped:
                    keeper.stop(number)
            done.set_result(answer_from(*answer.result()))
        except BaseException as error:
            done.set_exception(error)

    def _stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            if self._asked is not None:
                keeper, number = self._asked
                keeper.stop(number)


@cache
def sandbox_pool() -> SandboxPool:
    """This process's sandbox."""
    return SandboxPool(settings.FLUX_SANDBOX_PROCESSES)


def close_sandbox() -> None:
    """End this process's sandbox; the next call begins another."""
    if sandbox_pool.cache_info().currsize:
        sandbox_pool().close()
        sandbox_pool.cache_clear()
