"""The sandbox of this process: begun with its first call, ended with the process."""

import asyncio
import logging
import random
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings

from execution.sandbox import failures
from execution.sandbox.call import Call
from execution.sandbox.places import Owner, Places
from execution.sandbox.process import keep_descriptors_to_ourselves
from flows.engine.doors.sandbox import CodeAnswer

if TYPE_CHECKING:
    from pydantic_monty import Monty

JSON = Any
logger = logging.getLogger(__name__)
#: Seconds that a call waits in place; beyond it the attempt is given back, without costing a try.
PATIENCE = 3.0
#: Seconds until a call that was given back comes again.
AGAIN_AFTER = (1.0, 3.0)
#: Seconds beyond its time after which a process is killed that does not end the code by itself.
GRACE = 0.5
#: Seconds that one answer of a process may take, whatever it was asked.
LONGEST_ANSWER = 70.0
#: Seconds that a new process may take to be there.
LONGEST_START = 20.0


class SandboxPool:
    """At most `processes` calls at once, each in a process of its own."""

    def __init__(self, processes: int) -> None:
        self.places = Places(processes)
        self._lock = threading.Lock()
        self._pool: Monty | None = None
        self._calls: set[Call] = set()
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
        call = Call(source, inputs, seconds, memory_bytes)
        granted = False
        try:
            async with self.places.one_for(owner, PATIENCE):
                granted = True
                return await self._in_thread(call)
        except TimeoutError:
            if granted:
                raise
            raise failures.busy(random.uniform(*AGAIN_AFTER)) from None

    async def _in_thread(self, call: Call) -> CodeAnswer:
        done: Future[CodeAnswer] = Future()
        waiting = asyncio.wrap_future(done)
        threading.Thread(target=self._carry_out, args=(call, done), name="sandbox").start()
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            call.stop()
            # The place is free when the process has gone, not before.
            await asyncio.wait([waiting])
            waiting.exception()
            raise

    def _carry_out(self, call: Call, done: "Future[CodeAnswer]") -> None:
        try:
            with self._lock:
                if self._is_closed:
                    raise failures.crashed("the sandbox is closed")
                pool = self._begun()
                self._calls.add(call)
            answer = call.carry_out(pool)
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(answer)
        finally:
            with self._lock:
                self._calls.discard(call)

    def _begun(self) -> "Monty":
        """The processes' keeper. The lock is held."""
        if self._pool is None:
            from pydantic_monty import Monty

            keep_descriptors_to_ourselves()
            pool = Monty(
                min_processes=0,
                max_processes=self.places.total,
                # No process is used twice: nothing of one run can wait there for another.
                max_checkouts_per_worker=1,
                checkout_timeout=LONGEST_START,
                request_timeout=LONGEST_ANSWER,
                feed_duration_limit_grace=GRACE,
            )
            self._pool = pool.__enter__()
            threading.Thread(target=self._close_at_exit, daemon=True).start()
        return self._pool

    def _close_at_exit(self) -> None:
        # When the main thread ends, the interpreter waits for calls: they need not be finished.
        threading.main_thread().join()
        self.close()

    def close(self) -> None:
        """End all processes. A call that comes later fails."""
        with self._lock:
            self._is_closed = True
            pool, self._pool = self._pool, None
            calls = list(self._calls)
        for call in calls:
            call.stop()
        if pool is not None:
            pool.__exit__(None, None, None)


@cache
def sandbox_pool() -> SandboxPool:
    """This process's sandbox."""
    return SandboxPool(settings.FLUX_SANDBOX_PROCESSES)


def close_sandbox() -> None:
    """End this process's sandbox; the next call begins another."""
    if sandbox_pool.cache_info().currsize:
        sandbox_pool().close()
        sandbox_pool.cache_clear()
