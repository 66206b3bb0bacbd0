"""A worker's end of its keeper: calls by number, answers as they come."""

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from execution.sandbox import failures
from execution.sandbox.frames import read_frame, write_frame
from flows.engine.errors import NodeError
from fluxprompt.paths import ROOT

#: What a keeper may know of this process's environment: where its libraries are.
PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
#: Seconds that a keeper has to end by itself.
LEAVE_WITHIN = 5.0


class KeeperClient:
    """One keeper process, begun with the object; `is_gone` once it has ended."""

    def __init__(self, processes: int) -> None:
        # Only the standard streams are handed down.
        self._process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-m", "execution.sandbox.keeper", str(processes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        )
        self.pid = self._process.pid
        self.is_gone = False
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[tuple[str, str]]] = {}
        threading.Thread(target=self._listen, name="sandbox", daemon=True).start()

    def ask(
        self, source: str, names: Sequence[str], given: str, seconds: float, memory_bytes: int
    ) -> tuple[int, "Future[tuple[str, str]]"]:
        """Have it run: (the call's number, what will be (result as JSON text, logs)).

        The future's exception is a NodeError. Blocks while the keeper reads what is handed over.
        """
        number, answer = next(self._numbers), Future[tuple[str, str]]()
        self._waiting[number] = answer
        header = {
            "do": "run",
            "source": source,
            "names": list(names),
            "seconds": seconds,
            "memory_bytes": memory_bytes,
        }
        self._send({**header, "id": number}, given)
        if self.is_gone:
            self._lose(number)
        return number, answer

    def stop(self, number: int) -> None:
        """Nobody waits for this call any more; its answer comes as soon as its process is gone."""
        self._send({"do": "stop", "id": number})

    def _send(self, header: dict[str, Any], body: str = "") -> None:
        assert self._process.stdin is not None
        # Where it is gone, the listener tells those who wait.
        with self._lock, suppress(OSError, ValueError):
            write_frame(self._process.stdin, header, body)  # type: ignore[arg-type]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):
            while (message := read_frame(self._process.stdout)) is not None:  # type: ignore[arg-type]
                header, result = message
                answer = self._waiting.pop(header["id"], None)
                if answer is not None:
                    _settle(answer, header, result)
        self.is_gone = True
        for number in list(self._waiting):
            self._lose(number)
        self._process.kill()
        self._process.wait()

    def _lose(self, number: int) -> None:
        answer = self._waiting.pop(number, None)
        if answer is not None:
            answer.set_exception(failures.crashed("the sandbox ended"))

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """End it and all of its processes."""
        assert self._process.stdin is not None
        with suppress(OSError):
            # Not under the lock: who hands over a large value may hold it.
            self._process.stdin.close()
        try:
            self._process.wait(LEAVE_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()


def _settle(answer: "Future[tuple[str, str]]", header: dict[str, Any], result: str) -> None:
    if "error" in header:
        error = header["error"]
        answer.set_exception(
            NodeError(
                error["code"],
                error["message"],
                retryable=error["retryable"],
                field=error.get("field"),
                details=error.get("details"),
            )
        )
    elif "broke" in header:
        answer.set_exception(failures.crashed(header["broke"]))
    else:
        answer.set_result((result, header["logs"]))
