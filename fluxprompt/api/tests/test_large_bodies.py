"""Bodies over the limit, sent to the real server over a real socket."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

SIZE = 60_000_000


def in_pieces() -> Iterator[bytes]:
    for _ in range(SIZE // 100_000):
        yield b"x" * 100_000


def web_memory(stack: Any) -> int:
    """Bytes the web process holds."""
    status = Path(f"/proc/{stack.process('web').pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer flux_x"}])
@pytest.mark.parametrize("announced", [True, False])
def test_60_mb_are_refused_quickly_and_kept_nowhere(
    stack: Any, headers: dict[str, str], announced: bool
) -> None:
    before = web_memory(stack)
    began = time.monotonic()
    content: Any = b"x" * SIZE if announced else in_pieces()
    with httpx2.Client(trust_env=False, timeout=20) as client:
        response = client.post(
            f"{stack.base_url}/api/v1/flows",
            content=content,
            headers={"Content-Type": "application/json", **headers},
        )
    assert response.status_code == 413
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "body_too_large"
    assert time.monotonic() - began < 5
    assert web_memory(stack) - before < 20_000_000


def test_a_client_that_asks_first_is_refused_before_it_sends(stack: Any) -> None:
    import socket

    host, port = stack.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            b"POST /api/v1/flows HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n"
            b"Content-Type: application/json\r\nContent-Length: 60000000\r\n\r\n"
        )
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")
