"""`manage.py up` as a person meets it: real processes in a folder of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from fluxprompt.paths import ROOT, embedded_database_url, socket_dir
from fluxprompt.testing.plugin import free_ports
from fluxprompt.testing.throw_away import throw_away_folder


class Copy:
    """One copy with its folder and ports, started and stopped by a test."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "var"
        self.said = folder / "said"
        web, temporal, pages = free_ports(3)
        self.url = f"http://127.0.0.1:{web}"
        foreign = ("FLUX_", "TEMPORAL_", "DATABASE_URL", "DJANGO_")
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(foreign)},
            "FLUX_DATA_DIR": str(self.data),
            "FLUX_PORT": str(web),
            "TEMPORAL_PORT": str(temporal),
            "TEMPORAL_UI_PORT": str(pages),
            "FLUX_BOOTSTRAP": "0",
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.said_first = ""

    @property
    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "up"]

    def up(self) -> float:
        """Start and wait until all is ready; seconds to the first page."""
        began = time.monotonic()
        self.launch()
        self.wait_for(lambda: self.status("/healthz") == 200)
        took = time.monotonic() - began
        self.wait_for(lambda: "Ctrl-C stops everything" in self.text)
        return took

    def launch(self) -> None:
        """Start and wait for nothing."""
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env=self.environment,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def again(self) -> "subprocess.CompletedProcess[str]":
        """A second `up` beside the running one."""
        return subprocess.run(
            self.command(),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    @property
    def text(self) -> str:
        return self.said.read_text()

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def processes(self) -> dict[int, str]:
        """Number and command line of everything that belongs to this copy."""
        found = {}
        ours = f"FLUX_DATA_DIR={self.data}".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if not command:
                    continue
                belongs = ours in (entry / "environ").read_bytes().split(b"\0")
                if belongs or os.readlink(entry / "cwd") == str(self.data / "postgres"):
                    found[int(entry.name)] = command
            except OSError:
                # It ended meanwhile.
                continue
        return found

    def find(self, pattern: str) -> int:
        """The number of the process whose command line holds the pattern."""
        return next(pid for pid, command in self.processes().items() if re.search(pattern, command))

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"up ended with {self.process.returncode}:\n{self.text}")
            assert time.monotonic() < end, self.text
            time.sleep(0.05)

    def end(self, number: signal.Signals, seconds: float = 20) -> int:
        """Send a signal to `up` alone and wait for its end."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(seconds)


@pytest.fixture(scope="module")
def first() -> Iterator[Copy]:
    """A copy that was started once, shared by the tests of this file in any order."""
    with throw_away_folder() as folder:
        made = Copy(folder)
        try:
            made.up()
            made.said_first = made.text
            yield made
        finally:
            if made.is_up:
                made.end(signal.SIGTERM)
            assert made.processes() == {}
            sockets = socket_dir(made.data)
            for left in sockets.glob("*"):
                left.unlink()
            sockets.rmdir()


@pytest.fixture
def copy(first: Copy) -> Copy:
    """The copy, up."""
    if not first.is_up:
        first.up()
    return first


@pytest.fixture
def stopped(first: Copy) -> Copy:
    """The copy, stopped."""
    if first.is_up:
        first.end(signal.SIGTERM)
    return first


def test_the_first_start_prints_the_addresses_and_a_set_up_link_that_works(copy: Copy) -> None:
    assert f"Open           {copy.url}/" in copy.said_first
    assert f"http://127.0.0.1:{copy.environment['TEMPORAL_UI_PORT']}/" in copy.said_first
    link = re.search(r"First sign-in\s+(\S+)", copy.said_first)
    assert link is not None
    assert copy.status(link[1].removeprefix(copy.url)) == 200
    assert copy.status("/readyz") == 200


def test_a_second_up_on_the_same_folder_is_refused_in_one_sentence(copy: Copy) -> None:
    second = copy.again()
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "Another `manage.py up`" in second.stderr
    assert copy.status("/healthz") == 200


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("Worker", "runworker"),
        ("Web", "uvicorn"),
        ("Temporal", "start-dev"),
        ("PostgreSQL", "bin/postgres -D"),
    ],
)
def test_a_part_that_is_killed_is_back_by_itself(copy: Copy, name: str, pattern: str) -> None:
    victim = copy.find(pattern)
    os.kill(victim, signal.SIGKILL)
    copy.wait_for(lambda: f"{name} was ended by SIGKILL; it is started again" in copy.text)
    copy.wait_for(
        lambda: re.search(rf"{name} is (ready|started) again after", copy.text) is not None
    )
    copy.wait_for(lambda: copy.status("/readyz") == 200)
    assert copy.find(pattern) != victim


def test_a_start_after_a_killed_supervisor_finds_the_data_prepared(copy: Copy) -> None:
    with psycopg.connect(embedded_database_url(copy.data), autocommit=True) as connection:
        connection.execute("create table if not exists kept as select 42 as answer")
    copy.end(signal.SIGKILL)
    end = time.monotonic() + 3
    while left := copy.processes():
        assert time.monotonic() < end, left
        time.sleep(0.05)
    copy.up()
    assert not re.search("Database +migrated", copy.text), copy.text
    with psycopg.connect(embedded_database_url(copy.data)) as connection:
        assert connection.execute("select answer from kept").fetchone() == (42,)


def test_a_request_to_stop_ends_everything_within_seconds(copy: Copy) -> None:
    began = time.monotonic()
    assert copy.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 15
    assert copy.processes() == {}
    assert "Stopped. The data is kept." in copy.text


def test_ctrl_c_in_the_middle_of_the_start_leaves_nothing(stopped: Copy) -> None:
    stopped.launch()
    stopped.wait_for(lambda: "PostgreSQL         ready" in stopped.text)
    assert stopped.end(signal.SIGINT) == 0
    assert stopped.processes() == {}
    assert "Traceback" not in stopped.text


def test_a_busy_port_is_one_sentence(stopped: Copy) -> None:
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        busy.bind(("127.0.0.1", int(stopped.environment["FLUX_PORT"])))
        busy.listen()
        refused = stopped.again()
    assert refused.returncode == 1
    assert "FLUX_PORT=" in refused.stderr
    assert "Traceback" not in refused.stderr
