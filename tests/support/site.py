"""A small HTTP server whose every answer is written by the test."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

type Handler = Callable[[str, dict[str, str], bytes], bytes | Awaitable[bytes]]


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("content-length", str(len(body)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode() + body


class Site:
    """Listens on loopback while entered; keeps what it was asked."""

    def __init__(self, handler: Handler, *, hang_up: bool = False) -> None:
        self.handler = handler
        self.hang_up = hang_up
        self.connections = 0
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while line := await reader.readline():
                headers: dict[str, str] = {}
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                first = line.decode().rsplit(" ", 1)[0]
                self.requests.append((first, headers, body))
                given = self.handler(first, headers, body)
                writer.write(given if isinstance(given, bytes) else await given)
                await writer.drain()
                if self.hang_up:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # a client that goes away in the middle is what some tests are about
        finally:
            writer.close()
