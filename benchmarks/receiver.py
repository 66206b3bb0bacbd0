"""A model server and web service that counts every call: `python -m benchmarks.receiver --port 0`.

Models are those of the scripted model server; a call's key is what was asked. `POST /hook?…` is a
web service: `key` names the call, `ms` is how long it takes, `fail` how many calls of a key are
answered with 503 first, and the answer `{"got": body}`. `GET /journal?after=N` lists every call
since number N, with its `Idempotency-Key` header; `GET /counts` says how many there were.
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from benchmarks.stack import ROOT
from tests.support.model_questions import Question
from tests.support.model_script import Call, Script
from tests.support.model_server import Connection, run

#: Calls that one answer of `/journal` lists.
PAGE = 5_000


class Journal(Script):
    """What was asked, with every call's key and time, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[tuple[str, float, str]] = []
        self.of_key: Counter[str] = Counter()

    def note(self, key: str, sent: str = "") -> int:
        """Write a call down; how often its key was called by now."""
        self.entries.append((key, time.time(), sent))
        self.of_key[key] += 1
        return self.of_key[key]

    def record(self, path: str, question: Question, headers: dict[str, str]) -> Call:
        call = super().record(path, question, headers)
        self.note(call.asked)
        return call


class Counting(Connection):
    """One connection; what is no model call is a web service."""

    script: Journal

    async def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        query = dict(parse_qsl(self.url.decode("latin-1").partition("?")[2]))
        if path == "/hook":
            await self.hook(query.get("key", ""), headers.get("idempotency-key", ""), query, body)
        elif path == "/journal":
            after = int(query.get("after", 0))
            self.json(200, self.script.entries[after : after + PAGE])
        elif path == "/counts":
            self.json(200, {"calls": len(self.script.entries), "keys": len(self.script.of_key)})
        else:
            await super().answer(method, path, headers, body)

    async def hook(self, key: str, sent: str, query: dict[str, str], body: bytes) -> None:
        """The web service."""
        number = self.script.note(key, sent)
        if milliseconds := int(query.get("ms", 0)):
            await asyncio.sleep(milliseconds / 1000)
        if number <= int(query.get("fail", 0)):
            self.json(503, {"error": "scripted failure"})
        else:
            self.json(200, {"got": json.loads(body or b"null")})


@dataclass(frozen=True)
class Receiver:
    """The running process: where it listens, and what it counted."""

    url: str
    pid: int

    def get(self, path: str) -> Any:
        """What it answers, as JSON."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            return json.loads(answer.read())

    def journal(self) -> list[tuple[str, float, str]]:
        """Every call so far: key, time, and the `Idempotency-Key` header."""
        entries: list[tuple[str, float, str]] = []
        while page := self.get(f"/journal?after={len(entries)}"):
            entries += [(key, at, sent) for key, at, sent in page]
        return entries


@contextmanager
def receiver() -> Iterator[Receiver]:
    """The receiver as a process of its own, which nobody kills."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.receiver", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    try:
        yield Receiver(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        process.wait(10)


async def _main(port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    journal = Journal()
    server = await loop.create_server(lambda: Counting(journal), "127.0.0.1", port, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0, help="0 picks a free one and prints it")
    run(_main(arguments.parse_args().port))
