"""The tests' PostgreSQL, which has a Unix socket only, behind a TCP port, with or without TLS."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from execution.database import connection_parameters
from flows.engine.doors.credentials import OpenedCredential

#: libpq's question whether there is TLS (protocol 3, SSLRequest).
_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class DatabaseRelay:
    """Listens on loopback while entered. Given a certificate it speaks TLS.

    `to` is how to connect to another database, as psycopg is told; its `host` is a folder.
    """

    def __init__(
        self, certificate: Path | None = None, *, to: Mapping[str, Any] | None = None
    ) -> None:
        self.connections = 0
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(certificate)
        self._to = connection_parameters() if to is None else to

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def credential(self, **more: str) -> OpenedCredential:
        settings = {
            "host": "127.0.0.1",
            "port": str(self.port),
            "database": str(self._to["dbname"]),
            "username": str(self._to["user"]),
            "tls": "off",
            **more,
        }
        return OpenedCredential("Shop", "postgresql", settings, {"password": "pw-canary-1"})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        tasks: list[asyncio.Task[Any]] = []
        with suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(8)
            if first == _SSL_REQUEST:
                writer.write(b"S" if self._tls else b"N")
                if self._tls:
                    await writer.start_tls(self._tls)
                first = b""
            socket = f"{self._to['host']}/.s.PGSQL.{self._to.get('port') or 5432}"
            from_server, to_server = await asyncio.open_unix_connection(socket)
            to_server.write(first)
            tasks = [
                asyncio.create_task(_pump(reader, to_server)),
                asyncio.create_task(_pump(from_server, writer)),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            to_server.close()
        writer.close()
        for task in tasks:
            task.cancel()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
