"""A connection that tells cheaply whether its other side has closed it.

The pool asks that of every idle connection before and after each request. The library's own way
builds a table of the socket's addresses each time; with fifty connections that was a quarter of
what a call cost.
"""

import select
import socket
import ssl
from typing import Any

import httpcore2


class ProbedStream(httpcore2.AsyncNetworkStream):
    """The stream it is given, with a cheaper `is_readable`."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._socket: socket.socket | None = inner.get_extra_info("socket")
        self._poll = select.poll()
        if self._socket is not None and self._socket.fileno() >= 0:
            self._poll.register(self._socket.fileno(), select.POLLIN)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return ProbedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._is_readable()
        return self._inner.get_extra_info(info)

    def _is_readable(self) -> bool:
        """Whether there is something to read: for an idle connection, that it was closed."""
        # A closed socket has no number any more, and its old one may be somebody else's.
        if self._socket is None or self._socket.fileno() < 0:
            return True
        return bool(self._poll.poll(0))
