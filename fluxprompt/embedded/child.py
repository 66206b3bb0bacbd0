"""One supervised program: started, probed, started again when it dies, stopped."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from fluxprompt.embedded.errors import StackError
from fluxprompt.embedded.logs import reason
from fluxprompt.embedded.processes import Program, kill_group, last_lines, spawn_async
from fluxprompt.embedded.terminal import say, step

#: Seconds to wait before each start after a death; the last one repeats.
BACK_OFF = (0, 0.5, 1, 2, 4, 8, 10)
#: A child that did its work for so long is started again at once: it was killed, it does not fail.
FORGIVEN_AFTER_SECONDS = 5
PROBE_EVERY_SECONDS = 0.05


@dataclass
class Child:
    """`program` is asked for a fresh description (and preparations) before each start."""

    name: str
    program: Callable[[], Program]
    #: Whether it does its work; asked again and again until it says yes.
    ready: Callable[[], Awaitable[bool]]
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10
    ready_seconds: float = 60
    #: What it is once `ready` has said yes.
    announce: str = "ready"
    #: A better sentence than the general one when it ends while starting.
    failure: Callable[[], StackError] | None = None
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _keeper: "asyncio.Task[None] | None" = field(default=None, init=False)
    _log: Path | None = field(default=None, init=False)

    async def start(self) -> None:
        """Start it, wait until it is ready, then keep it running; StackError when it is not."""
        began = time.monotonic()
        await self._launch()
        await self._until_ready()
        step(self.name, self.announce, time.monotonic() - began)
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self) -> None:
        """Ask it to end, then make it."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self.stop_seconds)
        except TimeoutError:
            say(f"{self.name} does not stop within {self.stop_seconds:g} s and is killed.")
            self.kill()
            await process.wait()

    def kill(self) -> None:
        """End it and all it has started, now."""
        if self._process is not None and self._process.returncode is None:
            kill_group(self._process.pid)

    async def _launch(self) -> None:
        program = self.program()
        self._log = program.log
        self._process = await spawn_async(program)

    async def _until_ready(self) -> None:
        assert self._process is not None
        ended = asyncio.create_task(self._process.wait())
        end = time.monotonic() + self.ready_seconds
        try:
            while not await self.ready():
                if ended.done():
                    raise self._died_while_starting()
                if time.monotonic() > end:
                    raise self._takes_too_long()
                await asyncio.wait({ended}, timeout=PROBE_EVERY_SECONDS)
        finally:
            ended.cancel()
        if self._process.returncode is not None:
            # Somebody else answered the probe.
            raise self._died_while_starting()

    def _takes_too_long(self) -> StackError:
        assert self._log is not None
        return StackError(
            f"{self.name} is not ready after {self.ready_seconds:g} s: {reason(self._log)} "
            f"(more in {self._log})."
        )

    def _died_while_starting(self) -> StackError:
        if self.failure is not None:
            return self.failure()
        assert self._process is not None
        assert self._log is not None
        how = describe(self._process.returncode)
        return StackError(
            f"{self.name} {how} while starting: {reason(self._log)} (more in {self._log})."
        )

    async def _keep(self) -> None:
        """Start it again whenever it ends."""
        failures = 0
        working_since = time.monotonic()
        while True:
            what = f"{self.name} {await self._end()}"
            died = time.monotonic()
            failures = 0 if died - working_since > FORGIVEN_AFTER_SECONDS else failures
            while what:
                wait = BACK_OFF[min(failures, len(BACK_OFF) - 1)]
                failures += 1
                say(f"{what}; it is started again {f'in {wait:g} s' if wait else 'now'}.")
                await asyncio.sleep(wait)
                what = await self._start_again()
            working_since = time.monotonic()
            took = working_since - died
            say(f"{self.name} is {self.announce} again after {took:.1f} s.")

    async def _start_again(self) -> str:
        """Start it and wait until it is ready; what went wrong, or nothing."""
        try:
            await self._launch()
            await self._until_ready()
        except Exception as error:
            # Whatever it is, it may be over at the next try; without one it never is.
            self.kill()
            await self._end()
            said = str(error).rstrip(".") or type(error).__name__
            return said if isinstance(error, StackError) else f"{self.name} does not start: {said}"
        return ""

    async def _end(self) -> str:
        """Wait for its end; how it came."""
        assert self._process is not None
        code = await self._process.wait()
        # What it had started goes with it.
        kill_group(self._process.pid)
        said = last_lines(self._log) if code > 0 and self._log else ""
        return describe(code) + (f" ({said.strip()[:200]})" if said else "")


def describe(code: int | None) -> str:
    """How a process ended."""
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
