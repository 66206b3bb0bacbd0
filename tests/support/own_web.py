"""A web server of a test's own, with settings of its own, on the database of the stack."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Self

from fluxprompt.embedded.processes import Program, kill_group, last_lines, spawn
from fluxprompt.paths import ROOT
from fluxprompt.testing.live_stack import LiveStack

#: Seconds that it may take until it answers.
STARTS = 60


class OwnWeb:
    """Answers at `http://localhost:<port>` while entered; `settings` are environment variables."""

    def __init__(self, stack: LiveStack, **settings: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.log = stack.folder / f"web-{self.port}.log"
        self._environment = {
            **stack.environment(),
            "FLUX_PORT": str(self.port),
            "FLUX_PUBLIC_URL": self.url,
            **settings,
        }

    def __enter__(self) -> Self:
        words = f"--lifespan off --loop uvloop --log-level warning --port {self.port}"
        command = [sys.executable, "-m", "uvicorn", "fluxprompt.asgi:application", *words.split()]
        self._process = spawn(Program(command, self.log, self._environment, cwd=ROOT))
        end = time.monotonic() + STARTS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise AssertionError(f"The web server did not start:\n{last_lines(self.log, 20)}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                kill_group(self._process.pid)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.HTTPError, OSError):
            return False
