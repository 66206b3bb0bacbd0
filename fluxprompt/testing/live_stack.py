"""The whole of a copy for tests: real processes on the test database and a scripted model."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Self

from django.conf import settings
from django.db import connection

from fluxprompt.embedded import temporal
from fluxprompt.embedded.processes import Program, kill_group, last_lines, run, spawn
from fluxprompt.paths import ROOT
from tests.support.model_server import ModelServer

_STARTS = 60


class LiveStack:
    """Temporal with its real settings, a worker, a web server; each can be killed and started."""

    def __init__(self) -> None:
        self.folder = Path(settings.FLUX_DATA_DIR) / "stack"
        self.folder.mkdir(exist_ok=True)
        self.model_server = ModelServer()
        self.temporal_address: str = settings.TEMPORAL_ADDRESS
        self.base_url = f"http://127.0.0.1:{settings.FLUX_PORT}"
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.model_server.__enter__()
        try:
            self.start_temporal()
            self.start_web()
            self.start_worker()
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for name in ("web", "worker", "temporal"):
            self._end(name, seconds=5)
        self.model_server.__exit__(None, None, None)

    def log(self, name: str) -> Path:
        """What a process has written."""
        return self.folder / f"{name}.log"

    def process(self, name: str) -> "subprocess.Popen[bytes]":
        """The process: `temporal`, `web` or `worker`."""
        return self._running[name]

    def start_temporal(self) -> None:
        """Start the Temporal server and wait for its namespace."""
        port = int(self.temporal_address.rpartition(":")[2])
        self._running["temporal"] = spawn(
            temporal.server(
                port=port,
                ui_port=None,
                database=self.folder / "temporal.db",
                log=self.log("temporal"),
            )
        )
        steps = temporal.namespace_programs(
            address=self.temporal_address, namespace="default", log=self.log("temporal-setup")
        )
        self._until("temporal", lambda: all(run(step).returncode == 0 for step in steps))

    def start_worker(self, **environment: str) -> None:
        """Start a worker; `wait_until_ready` waits until it asks for work."""
        self._start("worker", ["manage.py", "runworker"], **environment)

    def start_web(self) -> None:
        """Start the web server and wait until it answers."""
        words = "--lifespan off --loop uvloop --ws websockets-sansio --log-level warning"
        command = ["-m", "uvicorn", "fluxprompt.asgi:application", *words.split()]
        command += ["--port", str(settings.FLUX_PORT), "--timeout-graceful-shutdown", "1"]
        self._start("web", command)
        self._until("web", lambda: self._status("/healthz") == 200)

    def kill(self, name: str) -> None:
        """End a process as a crash would."""
        process = self._running[name]
        kill_group(process.pid)
        process.wait()

    def kill_worker(self) -> None:
        """End the worker as a crash would."""
        self.kill("worker")

    def restart_worker(self, *, kill: bool = True, **environment: str) -> None:
        """A new worker: after a crash, or after the old one has drained."""
        if kill:
            self.kill_worker()
        else:
            self._end("worker", seconds=30)
        self.start_worker(**environment)

    def heal(self) -> None:
        """Start whatever an earlier test has left dead."""
        dead = [name for name, process in self._running.items() if process.poll() is not None]
        if not dead:
            return
        for name in dead:
            {"temporal": self.start_temporal, "web": self.start_web, "worker": self.start_worker}[
                name
            ]()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until a worker asks for work."""
        self._until("worker", lambda: self._status("/readyz") == 200)

    def _start(self, name: str, arguments: list[str], **environment: str) -> None:
        program = Program(
            [sys.executable, *arguments],
            self.log(name),
            {**self.environment(), **environment},
            cwd=ROOT,
        )
        self._running[name] = spawn(program)

    def environment(self) -> dict[str, str]:
        """This process's own, with the test database and models that are scripted."""
        return {
            **os.environ,
            "DATABASE_URL": _test_database_url(),
            "FLUX_BOOTSTRAP": "0",
            "PYTHONUNBUFFERED": "1",
            **self.model_environment(),
        }

    def model_environment(self) -> dict[str, str]:
        """What a process needs to call the scripted models."""
        model = self.model_server.url
        return {
            "FLUX_ALLOW_HOSTS": "127.0.0.1",
            "ANTHROPIC_API_KEY": "scripted",
            "ANTHROPIC_BASE_URL": model,
            "OPENAI_API_KEY": "scripted",
            "OPENAI_BASE_URL": f"{model}/v1",
            "FLUX_LOCAL_MODEL_URL": f"{model}/v1",
        }

    def _status(self, path: str) -> int | None:
        try:
            with urllib.request.urlopen(f"{self.base_url}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def _until(self, name: str, ready: Callable[[], bool]) -> None:
        end = time.monotonic() + _STARTS
        while not ready():
            log = self.log(name)
            if self._running[name].poll() is not None:
                raise AssertionError(f"The {name} ended:\n{last_lines(log, 20)}")
            if time.monotonic() > end:
                raise AssertionError(f"The {name} is not ready:\n{last_lines(log, 20)}")
            time.sleep(0.05)

    def _end(self, name: str, *, seconds: float) -> None:
        process = self._running.get(name)
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(name)


def _test_database_url() -> str:
    """The address of the database that pytest-django has made."""
    name = str(connection.settings_dict["NAME"])
    given = os.environ["DATABASE_URL"]
    head, _, query = given.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
