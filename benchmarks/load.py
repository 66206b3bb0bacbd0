"""A closed loop of N users over HTTP/1.1 keep-alive, small enough not to be what is measured."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Measured:
    """Latencies in milliseconds of one load."""

    users: int
    seconds: float
    latencies: list[float]
    errors: int

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that `share` (0 to 1) of the calls did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Connection:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        self.parts = urlsplit(url)
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        """Status and JSON of one call; connects again after a lost connection."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(
                self.parts.hostname, self.parts.port, limit=2**24
            )
        reader, writer = self.streams
        lines = [f"POST {path} HTTP/1.1", f"Host: {self.parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
        try:
            writer.write("\r\n".join(lines).encode() + body)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length:")[2].split("\r\n")[0] or 0)
            content = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            self.streams = None
            raise
        return int(head.split()[1]), json.loads(content)

    def close(self) -> None:
        if self.streams:
            self.streams[1].close()


async def load(
    url: str, key: str, path: str, body: Any, check: Any, *, users: int, warm: float, seconds: float
) -> Measured:
    """Keep `users` calls going; count those that began after the warm-up and pass `check`."""
    content = json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=60"}
    latencies: list[float] = []
    errors = 0
    began = time.perf_counter()

    async def user() -> None:
        nonlocal errors
        connection = Connection(url)
        while (start := time.perf_counter()) < began + warm + seconds:
            try:
                status, answer = await connection.post(path, content, headers)
                good = status == 201 and check(answer)
            except (OSError, asyncio.IncompleteReadError):
                good = False
            if start >= began + warm:
                if good:
                    latencies.append((time.perf_counter() - start) * 1000)
                else:
                    errors += 1
        connection.close()

    await asyncio.gather(*(user() for _ in range(users)))
    return Measured(users, time.perf_counter() - began - warm, latencies, errors)
