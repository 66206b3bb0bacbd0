"""One call of the sandbox: a fresh process, the inputs, the source, the result. Runs in a thread.

Inputs go in and the result comes out as JSON text, written and read within the sandbox: of the
objects there nothing is ever converted in this process, where a list that holds itself many times
over would take all memory.
"""

import json
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from execution.sandbox import failures
from execution.sandbox.process import SandboxProcess
from flows.engine.doors.sandbox import CodeAnswer
from flows.engine.errors import NodeError
from flows.engine.json_parts import Room, TooManyParts
from flows.engine.json_values import read_json, storable_problem, storable_text

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontySession

JSON = Any
#: Characters of JSON that go in and come out, and how many values come out: reading and writing
#: them keeps Python's lock, so other calls wait meanwhile.
MAX_INPUTS = 5_000_000
MAX_RESULT = 5_000_000
ROOM = Room(500_000, 200_000)
#: Characters of printed text that are kept, and after how many the process is ended: each piece
#: that comes costs this process some time.
MAX_LOGS = 100_000
MAX_PRINTED = 10_000_000
LOGS_CUT = "\n… (cut here: more was printed than is kept)"
#: Questions to the host, all of which are refused: unknown names, files, the environment.
MAX_ASKED = 100
# The clock and random numbers are the machine's; to sleep is refused, for a place costs others.
_OS_POLICY: Any = {"sleep": "call_host"}


class Call:
    """What one code node wants run."""

    def __init__(
        self, source: str, inputs: Mapping[str, JSON], seconds: float, memory_bytes: int
    ) -> None:
        self.source = source
        self.inputs = inputs
        self.seconds = seconds
        self.memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._process: SandboxProcess | None = None
        self._is_stopped = False
        self._began = 0.0
        self._printed = 0
        self._logs: list[str] = []

    def stop(self) -> None:
        """Nobody waits for it any more: end its process, now or as soon as it has one."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def carry_out(self, pool: "Monty") -> CodeAnswer:
        """Raises NodeError."""
        from pydantic_monty import MontyCrashedError, MontyError, MontyRuntimeError

        given = self._inputs_text()
        try:
            with pool.checkout(limits=self._limits(), os_policy=_OS_POLICY) as session:
                assert session.worker_pid is not None
                process = SandboxProcess(session.worker_pid)
                try:
                    process.confine(self.seconds, self.memory_bytes)
                    self._attach(process)
                    return self._answer(self._result_text(session, given))
                finally:
                    self._attach(None)
                    process.forget()
        except MontyRuntimeError as error:
            # The checkout itself, or a limit that ended the session while it was closed.
            raise failures.crashed(str(error)[:200]) from error
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

    def _inputs_text(self) -> str:
        try:
            text = json.dumps(self.inputs, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise failures.inputs_invalid(f"they are no JSON data ({error})") from error
        if len(text) > MAX_INPUTS:
            raise failures.inputs_invalid(
                f"they are larger than {MAX_INPUTS:,} characters; hand over a part of them"
            )
        return storable_text(text)

    def _result_text(self, session: "MontySession", given: str) -> str:
        from pydantic_monty import MontyRuntimeError, MontySyntaxError

        self._began = time.monotonic()
        try:
            session.feed_run(_reading(self.inputs), inputs={"_given": given})
        except MontyRuntimeError as error:
            raise self._refused(error, failures.inputs_invalid) from error
        self._began = time.monotonic()
        try:
            self._feed(session)
        except (MontyRuntimeError, MontySyntaxError) as error:
            raise failures.failed(error, self.logs, self.seconds, self.memory_bytes) from error
        try:
            written = session.feed_run(_WRITING)
        except MontyRuntimeError as error:
            raise self._refused(
                error, lambda why: failures.result_invalid(why, self.logs)
            ) from error
        return str(written)

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
        if left > 0:
            self._logs.append(text[:left])
        if self._printed > MAX_PRINTED:
            self.stop()

    @property
    def logs(self) -> str:
        text = storable_text("".join(self._logs))
        return text + LOGS_CUT if self._printed > MAX_LOGS else text

    def _ended(self, error: Any) -> NodeError:
        """Why the process ended: by us, for its time was over, or by itself."""
        if self._printed > MAX_PRINTED:
            return failures.printed_too_much(MAX_PRINTED, self.logs)
        if error.timed_out or (self._began and time.monotonic() - self._began > self.seconds):
            return failures.timed_out(self.seconds, self.logs)
        return failures.crashed(str(error)[:200])

    def _answer(self, written: str) -> CodeAnswer:
        if len(written) > MAX_RESULT:
            why = f"is larger than {MAX_RESULT:,} characters of JSON"
            raise failures.result_too_large(why, self.logs)
        try:
            value = read_json(written, ROOM)
            problem = storable_problem(value)
        except TooManyParts as error:
            raise failures.result_too_large(f"is too much: {error}", self.logs) from error
        except (ValueError, RecursionError) as error:
            raise failures.result_invalid(str(error), self.logs) from error
        if problem:
            raise failures.result_invalid(f"it {problem}", self.logs)
        return CodeAnswer(value, self.logs)


def _reading(names: Mapping[str, JSON]) -> str:
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
