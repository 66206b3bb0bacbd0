"""Work on data that may be hostile, in a process of its own that is thrown away afterwards.

A document of some kilobytes can unfold to gigabytes or hours. The process has limits on memory and
CPU, an empty environment (no secret is in it), and writes no file unless it is given a folder. What
it does wrong ends it and nobody else. Starting it takes about a tenth of a second, beside what the
function imports.
"""

import asyncio
import importlib
import json
import math
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flows.engine.errors import NodeError

#: Bytes of address space that one process may have, and processes at once in one worker.
MEMORY = 1_000_000_000
AT_ONCE = 4
#: Bytes that it may hand back.
MOST = 200_000_000
_ROOT = Path(__file__).resolve().parents[2]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from flows.engine import apart; apart.serve()"
)
_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="apart")
_MISFITS = {
    "too_long": "takes too long to work through ({seconds:g} seconds of computing at most)",
    "too_large": f"needs more memory than there is for it ({MEMORY // 1_000_000:,} MB)",
    "broke": "cannot be worked through: it ended the program that tried",
}


class TooMuch(Exception):
    """The data took more than it may have, or broke the process. The message ends a sentence that
    begins with what the data is.
    """


async def apart(
    function: str, content: bytes, options: dict[str, Any], *, seconds: float, scratch: int = 0
) -> tuple[Any, bytes]:
    """Call `module:function` with (content, options) in a process; its (JSON value, bytes).

    `seconds` is the most of CPU that it may have, and twice of it (and ten more) by the clock;
    `scratch` the bytes of each file that it may write, in a folder that goes with it. The name of
    the function comes from our own code only. Raises what the function raises of NodeError, and
    TooMuch.
    """
    work = _Work(function, content, options, max(1.0, seconds), scratch)
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work.done)
    except asyncio.CancelledError:
        work.stop()
        raise


def apart_now(
    function: str, content: bytes, options: dict[str, Any], *, seconds: float
) -> tuple[Any, bytes]:
    """As `apart`, for threads that have no event loop: it is waited for here."""
    return _threads.submit(_Work(function, content, options, max(1.0, seconds), 0).done).result()


class _Work:
    """One process, from its start to its end."""

    def __init__(
        self,
        function: str,
        content: bytes,
        options: dict[str, Any],
        seconds: float,
        scratch: int,
    ) -> None:
        self._head = {
            "function": function,
            "options": options,
            "seconds": math.ceil(seconds),
            "scratch": scratch,
        }
        self._content = content
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._unwanted = False

    def done(self) -> tuple[Any, bytes]:
        if self._unwanted:
            raise asyncio.CancelledError
        if not self._head["scratch"]:
            return self._run("/")
        with TemporaryDirectory(prefix="flux-") as folder:
            return self._run(folder)

    def _run(self, folder: str) -> tuple[Any, bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, str(_ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Nothing of ours, secrets least of all.
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TMPDIR": folder},
            cwd=folder,
        )
        given = json.dumps(self._head).encode() + b"\n" + self._content
        try:
            answer, _ = self._process.communicate(given, timeout=2 * self._seconds + 10)
        except subprocess.TimeoutExpired:
            self.stop()
            self._process.communicate()
            raise self._too_much("too_long") from None
        return self._read(answer, self._process.returncode)

    def stop(self) -> None:
        """End it now; nobody waits for it any more."""
        self._unwanted = True
        if self._process is not None:
            self._process.kill()

    def _read(self, answer: bytes, code: int) -> tuple[Any, bytes]:
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            raise self._too_much("too_long")
        head, newline, content = answer.partition(b"\n")
        if code != 0 or not newline:
            raise self._too_much("broke")
        said = json.loads(head)
        if problem := said.get("problem"):
            raise self._too_much(problem)
        if error := said.get("error"):
            raise NodeError(error["code"], error["message"], field=error.get("field"))
        return json.loads(content[: said["json"]]), content[said["json"] :]

    def _too_much(self, problem: str) -> TooMuch:
        return TooMuch(_MISFITS.get(problem, _MISFITS["broke"]).format(seconds=self._seconds))


def serve() -> None:
    """The process itself: limits first, then the one call, then its end."""
    head = json.loads(sys.stdin.buffer.readline())
    _limit(head["seconds"], head["scratch"])
    content = sys.stdin.buffer.read()
    # What a library prints is no answer.
    out, sys.stdout = os.fdopen(os.dup(1), "wb"), open(os.devnull, "w")  # noqa: SIM115
    module, _, name = head["function"].partition(":")
    value, made = b"null", b""
    said: dict[str, Any] = {}
    try:
        result, made = getattr(importlib.import_module(module), name)(content, head["options"])
        value = json.dumps(result).encode()
        if len(value) + len(made) > MOST:
            said, value, made = {"problem": "too_large"}, b"null", b""
    except NodeError as error:
        said = {"error": {"code": error.code, "message": error.message, "field": error.field}}
    except (MemoryError, RecursionError):
        said = {"problem": "too_large"}
    out.write(json.dumps({**said, "json": len(value)}).encode() + b"\n" + value + made)
    out.flush()
    # Without tidying up: there may be much of it.
    os._exit(0)


def _limit(seconds: int, scratch: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (scratch, scratch))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
