"""A whole FluxPrompt of its own for a benchmark: `manage.py up` in a temporary data folder."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EMAIL = "bench@example.com"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Stack:
    """A running copy: addresses, key, environment of its processes."""

    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    data: Path
    url: str
    temporal_port: int
    key: str = ""
    log: Path = field(default_factory=Path)

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call of the REST API; the JSON answer. Raises on anything but success."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read().decode()[:500]
            raise RuntimeError(f"{method} {path}: {error.code} {text}") from error

    def publish(self, document: dict[str, Any]) -> str:
        """Create and publish a flow; its id."""
        flow = self.api("POST", "/flows", {"document": document})
        self.api("POST", f"/flows/{flow['id']}/publish", {})
        return str(flow["id"])

    def manage(self, *words: str) -> str:
        """Output of a management command of this copy."""
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *words],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(words)}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def pids(self) -> dict[str, list[int]]:
        """Process ids by kind: web, worker, postgres, temporal, up."""
        kinds: dict[str, list[int]] = defaultdict(list)
        for pid in descendants(self.process.pid):
            kinds[_kind(pid)].append(pid)
        return kinds


@contextmanager
def running_stack(**environment: str) -> Iterator[Stack]:
    """Bring a copy up and take it down again; `environment` is added to its processes'."""
    with empty_stack(**environment) as stack:
        stack.environment |= {
            "DJANGO_SUPERUSER_EMAIL": EMAIL,
            "DJANGO_SUPERUSER_PASSWORD": secrets.token_urlsafe(16),
        }
        stack.manage("createsuperuser", "--noinput")
        stack.key = stack.manage("create_api_key", "--email", EMAIL, "bench")
        yield stack


@contextmanager
def empty_stack(**environment: str) -> Iterator[Stack]:
    """A copy as it comes up the first time: nobody has an account."""
    data = Path(tempfile.mkdtemp(prefix="fluxbench-"))
    web, temporal, ui = free_ports(3)
    full = {
        **os.environ,
        "FLUX_DATA_DIR": str(data),
        "FLUX_PORT": str(web),
        "TEMPORAL_PORT": str(temporal),
        "TEMPORAL_UI_PORT": str(ui),
        **environment,
    }
    for name in ("DATABASE_URL", "TEMPORAL_ADDRESS"):
        full.pop(name, None)
    log = data / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "up"],
            env=full,
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    stack = Stack(process, full, data, f"http://127.0.0.1:{web}", temporal, log=log)
    try:
        wait_ready(stack)
        yield stack
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        shutil.rmtree(data, ignore_errors=True)


def wait_ready(stack: Stack, seconds: float = 180) -> float:
    """Wait for /readyz; the seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if stack.process.poll() is not None:
            raise RuntimeError(f"up ended: {stack.log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{stack.url}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return time.monotonic() - began
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.1)
    raise RuntimeError(f"not ready after {seconds:g} s: {stack.log.read_text()[-2000:]}")


@contextmanager
def model_server() -> Iterator[tuple[str, int]]:
    """The scripted model server as a process of its own: its address and process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.model_server", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = process.stdout.readline().strip().split()[-1]
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(10)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children[int(fields[1])].append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += children[found[-1]]
    return found


def _kind(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "gone"
    for kind, mark in (
        ("worker", "runworker"),
        ("web", "uvicorn"),
        ("temporal", "start-dev"),
        ("postgres", "postgres"),
    ):
        if mark in words:
            return kind
    return "up"


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time these processes have used."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mb(pids: Sequence[int]) -> float:
    """Resident megabytes of these processes (shared pages counted once for each)."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    return total * os.sysconf("SC_PAGE_SIZE") / 1e6
