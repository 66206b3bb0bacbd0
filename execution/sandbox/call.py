"""One call of the sandbox: a fresh process, the inputs, the source, the result. Runs in a thread
of the keeper.

Inputs go in and the result comes out as JSON text, written and read within the sandbox: of the
objects there nothing is ever converted outside, where a list that holds itself many times over
would take all memory.
"""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from execution.sandbox import failures
from execution.sandbox.process import SandboxProcess
from execution.sandbox.values import MAX_RESULT, check_size
from flows.engine.errors import NodeError
from flows.engine.json_values import storable_text

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontySession

#: Characters of printed text that are kept, and after how many the process is ended.
MAX_LOGS = 100_000
MAX_PRINTED = 2_000_000
#: Printed text comes in pieces of 8 KiB at most. Seconds for which the next one is left waiting
#: once nothing more is kept, or after so many: who prints without end wakes this process without
#: end, and so the two kept all others from a CPU for seconds, whatever their priority (Linux 6.18).
PACE = 0.005
FREE_PIECES = 1_000
LOGS_CUT = "\n… (cut here: more was printed than is kept)"
#: Questions to the host, all of which are refused: unknown names, files, the environment.
MAX_ASKED = 100
# The clock and random numbers are the machine's; to sleep is refused, for a place costs others.
_OS_POLICY: Any = {"sleep": "call_host"}


class Call:
    """What one code node wants run. `given` is JSON text with the values of `names`."""

    def __init__(
        self, source: str, names: Sequence[str], given: str, seconds: float, memory_bytes: int
    ) -> None:
        self.source = source
        self.names = names
        self.given = given
        self.seconds = seconds
        self.memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._process: SandboxProcess | None = None
        self._is_stopped = False
        self._yields = False
        self._began = 0.0
        self._printed = 0
        self._pieces = 0
        self._logs: list[str] = []

    def stop(self) -> None:
        """Nobody waits for it any more: end its process, now or as soon as it has one."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    @property
    def seconds_so_far(self) -> float:
        """How long the source has been running."""
        return time.monotonic() - self._began if self._began else 0.0

    def yield_to_others(self) -> None:
        """It takes long: lower its priority, once."""
        with self._lock:
            if self._process is not None and not self._yields:
                self._yields = True
                self._process.yield_to_others()

    def carry_out(self, pool: "Monty") -> str:
        """The result as JSON text. Raises NodeError."""
        from pydantic_monty import MontyCrashedError, MontyError

        try:
            with pool.checkout(limits=self._limits(), os_policy=_OS_POLICY) as session:
                assert session.worker_pid is not None
                process = SandboxProcess(session.worker_pid)
                try:
                    process.confine(self.seconds, self.memory_bytes)
                    self._attach(process)
                    return self._result_text(session)
                finally:
                    self._attach(None)
                    process.forget()
        except MontyCrashedError as error:
            raise self._ended(error) from error
        except (MontyError, OSError, TimeoutError) as error:
            raise failures.crashed(str(error)[:200] or type(error).__name__) from error

    def _attach(self, process: SandboxProcess | None) -> None:
        with self._lock:
            self._process = process
            if process is not None and self._is_stopped:
                process.kill()

    def _limits(self) -> Any:
        return {
            "max_feed_duration_secs": self.seconds,
            "max_memory": self.memory_bytes,
            "max_suspensions": MAX_ASKED,
            "max_total_sleep_secs": 0,
        }

    def _result_text(self, session: "MontySession") -> str:
        from pydantic_monty import MontyRuntimeError, MontySyntaxError

        try:
            session.feed_run(_reading(self.names), inputs={"_given": self.given})
        except MontyRuntimeError as error:
            raise self._refused(error, failures.inputs_invalid) from error
        self._began = time.monotonic()
        try:
            self._feed(session)
        except (MontyRuntimeError, MontySyntaxError) as error:
            raise failures.failed(error, self.logs, self.seconds, self.memory_bytes) from error
        try:
            written = str(session.feed_run(_WRITING))
        except MontyRuntimeError as error:
            raise self._refused(
                error, lambda why: failures.result_invalid(why, self.logs)
            ) from error
        check_size(written, self.logs)
        return written

    def _feed(self, session: "MontySession") -> None:
        """Run the source. What it evaluates to is left where it is: see the top."""
        from pydantic_monty import MontyComplete

        state = session.feed_start(f"{self.source}\n\nNone\n", print_callback=self._on_print)
        while not isinstance(state, MontyComplete):
            # Without a host that answers, every question is refused.
            state = state.resume_auto()

    def _refused(self, error: Any, of: Any) -> NodeError:
        """An exception while inputs were read or the result was written: a limit, or their kind."""
        said = error.display("type-msg")[: failures.SHOWN]
        if said.startswith(("TimeoutError", "MemoryError")):
            return failures.failed(error, self.logs, self.seconds, self.memory_bytes)
        made: NodeError = of(error.display("msg")[: failures.SHOWN])
        return made

    def _on_print(self, stream: str, text: str) -> None:
        left = MAX_LOGS - self._printed
        self._printed += len(text)
        self._pieces += 1
        if left > 0:
            self._logs.append(text[:left])
        if self._printed > MAX_PRINTED:
            self.stop()
        elif (left <= 0 or self._pieces > FREE_PIECES) and self.seconds_so_far < self.seconds:
            # Not beyond its time: what it says of its end comes after all of this.
            time.sleep(PACE)

    @property
    def logs(self) -> str:
        text = storable_text("".join(self._logs))
        return text + LOGS_CUT if self._printed > MAX_LOGS else text

    def _ended(self, error: Any) -> NodeError:
        """Why the process ended: by us, for its time was over, or by itself."""
        if self._printed > MAX_PRINTED:
            return failures.printed_too_much(MAX_PRINTED, self.logs)
        if error.timed_out or self.seconds_so_far > self.seconds:
            return failures.timed_out(self.seconds, self.logs)
        return failures.crashed(str(error)[:200])


def _reading(names: Sequence[str]) -> str:
    """Source that makes a variable of each input. Names are identifiers: the node checks that."""
    lines = [f"{name} = _given[{name!r}]" for name in names]
    return "\n".join(["import json as _json", "_given = _json.loads(_given)", *lines, _CLEARED])


# What the code may see of the reading, and `result`, which it need not set.
_CLEARED = "_json = _given = result = None"
# Imported again, under a name that the code cannot have kept: modules cannot be changed in there.
# One character more than is taken, so that too large a result is known as such.
_WRITING = f"""import json as _json
_json.dumps(result, ensure_ascii=False, allow_nan=False)[:{MAX_RESULT + 1}]
"""
