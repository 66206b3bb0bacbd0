"""One statement in a PostgreSQL database, by libpq's extended protocol: parameters are bound there.

libpq connects to the vetted address (`hostaddr`) and checks the certificate against the host's
name. What it would read from this machine (environment, password files, certificates) it is not
given.
"""

import asyncio
import functools
import os
import socket
import ssl
import struct
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.types.json import Jsonb

from execution.doors.sql_errors import login_refused, sql_failed, sql_uncertain, timed_out
from execution.doors.sql_values import MAX_BYTES, Rows, column_names, json_column, too_large
from execution.egress_sockets import (
    CONNECT_SECONDS,
    certificate_refused,
    unreachable,
    vetted_addresses,
)
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.sql import SqlAnswer, SqlQuery
from flows.engine.errors import NodeError
from flows.engine.sql_text import check_parameters, check_reading, read

#: Rows of one message to us.
_CHUNK = 100
#: Where Linux tells what a connection received (struct tcp_info, tcpi_bytes_received).
_RECEIVED = 128
_LOOK_EVERY = 0.05
#: libpq's words for the credential's kinds of encryption.
_MODES = {"verify": "verify-full", "require": "require", "off": "disable"}
#: What a server says that refuses: because it is busy, or because of what it was told.
_FOR_NOW = ("too many", "starting up", "shutting down", "recovery", "remaining connection slots")
_FOR_GOOD = ("FATAL", "SSL", "password", "authentication")
_DATES = ("date", "time", "timetz", "interval")
_MOMENTS = ("timestamp", "timestamptz")
_TEXTS = (
    *("uuid", "inet", "cidr", "int4range", "int8range", "numrange", "daterange", "tsrange"),
    *("tstzrange", "int4multirange", "int8multirange", "nummultirange", "datemultirange"),
    *("tsmultirange", "tstzmultirange"),
)


class _Text(Loader):
    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "replace")


class _Moment(Loader):
    """`2026-11-26 12:00:00+00` as `2026-11-26T12:00:00+00:00`; `infinity` as it is."""

    def load(self, data: Buffer) -> str:
        text = bytes(data).decode("ascii", "replace").replace(" ", "T", 1)
        return f"{text}:00" if text[-3:-2] in ("+", "-") and ":" in text else text


class _Json(Loader):
    def load(self, data: Buffer) -> Any:
        return json_column(bytes(data).decode("utf-8", "replace"))


@functools.cache
def _adapters() -> AdaptersMap:
    adapters = AdaptersMap(psycopg.adapters)
    for name in (*_DATES, *_TEXTS):
        adapters.register_loader(name, _Text)
    for name in _MOMENTS:
        adapters.register_loader(name, _Moment)
    for name in ("json", "jsonb"):
        adapters.register_loader(name, _Json)
    return adapters


async def run(opened: OpenedCredential, query: SqlQuery) -> SqlAnswer:
    """As `Sql.run` has it. Cancelling it cancels the statement in the database."""
    statement = read(query.text, "postgresql")
    check_parameters(statement, len(query.parameters))
    if query.read_only:
        check_reading(statement)
    ends_at = time.monotonic() + query.seconds
    parameters = [_bound(value) for value in query.parameters]
    work = _reading if query.read_only else _writing
    async with _connection(opened) as connection, _watched(connection) as watch:
        try:
            await _begin(connection, query, ends_at - time.monotonic())
            return await work(connection, query, parameters)
        except psycopg.Error as error:
            raise too_large() if watch.hung_up else _failure(error, query) from error
        except ValueError as error:
            raise sql_failed(f"A value cannot be read: {error}.", "") from error


async def _begin(connection: AsyncConnection[Any], query: SqlQuery, seconds: float) -> None:
    """A transaction. The SELECT takes its snapshot: from then on it cannot be made to write."""
    await connection.execute("BEGIN READ ONLY" if query.read_only else "BEGIN READ WRITE")
    await connection.execute(
        "SELECT set_config('statement_timeout', $1, true), set_config('datestyle', 'ISO', true), "
        "set_config('intervalstyle', 'iso_8601', true)",
        [str(max(1, int(seconds * 1000)))],
    )


async def _reading(
    connection: AsyncConnection[Any], query: SqlQuery, parameters: Sequence[Any]
) -> SqlAnswer:
    rows = Rows(query.max_rows)
    cursor = AsyncRawCursor(connection)
    # No more than it needs: what follows is cancelled in the database when the stream is closed.
    async with aclosing(cursor.stream(query.text.encode(), parameters, size=_CHUNK)) as stream:
        async for row in stream:
            rows.names = rows.names or _names(cursor)
            if not rows.add(row):
                break
    return SqlAnswer(rows.rows, len(rows.rows), rows.truncated)


async def _writing(
    connection: AsyncConnection[Any], query: SqlQuery, parameters: Sequence[Any]
) -> SqlAnswer:
    rows = Rows(query.max_rows)
    cursor = AsyncRawCursor(connection)
    # Prepared, for that takes a single statement only, with and without parameters.
    await cursor.execute(query.text.encode(), parameters, prepare=True)
    if cursor.description:
        rows.names = _names(cursor)
        async for row in cursor:
            if not rows.add(row):
                break
    count = max(cursor.rowcount, 0)
    try:
        await connection.execute("COMMIT")
    except psycopg.OperationalError as error:
        raise sql_uncertain() from error
    return SqlAnswer(rows.rows, count, rows.truncated)


def _names(cursor: AsyncRawCursor[Any]) -> list[str]:
    return column_names(column.name for column in cursor.description or ())


def _bound(value: Any) -> Any:
    """A list of plain values is an array; what else is nested is JSON."""
    nested = isinstance(value, list) and any(isinstance(item, list | dict) for item in value)
    return Jsonb(value) if nested or isinstance(value, dict) else value


@asynccontextmanager
async def _connection(opened: OpenedCredential) -> AsyncGenerator[AsyncConnection[Any]]:
    settings, password = opened.settings, opened.secret["password"]
    host, port = settings["host"], int(settings["port"])
    addresses = await vetted_addresses(host, port)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as authority:
        authority.write(settings.get("ca", ""))
        authority.flush()
        connection = await _connected(
            {
                "host": ",".join([host] * len(addresses)),
                "hostaddr": ",".join(addresses),
                "port": port,
                "dbname": settings["database"],
                "user": settings["username"],
                "password": password,
                **_tls(settings, authority.name),
            },
            host,
        )
    try:
        yield connection
    finally:
        # Not by `close`: an open transaction is rolled back by the server either way.
        connection.pgconn.finish()


def _tls(settings: Any, authority: str) -> dict[str, str]:
    mode = settings["tls"]
    given: dict[str, str] = {"sslmode": _MODES[mode]}
    if mode == "verify":
        given["sslrootcert"] = authority if settings.get("ca") else _public_authorities()
    if mode == "off":
        # Without encryption a password is not handed to whoever asks for it as it is.
        given["require_auth"] = "scram-sha-256,md5,none"
    return given


def _public_authorities() -> str:
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.openssl_cafile


async def _connected(parameters: dict[str, Any], host: str) -> AsyncConnection[Any]:
    try:
        return await AsyncConnection.connect(
            **parameters,
            connect_timeout=int(CONNECT_SECONDS),
            autocommit=True,
            context=_Context(),
            cursor_factory=AsyncRawCursor,
            passfile="/dev/null",
            gssencmode="disable",
            sslcertmode="disable",
            client_encoding="utf8",
            application_name="FluxPrompt",
        )
    except psycopg.OperationalError as error:
        raise _no_connection(error, host, int(parameters["port"])) from error


class _Context:
    """How values are read, for psycopg."""

    def __init__(self) -> None:
        self.adapters = _adapters()
        self.connection = None


def _no_connection(error: psycopg.OperationalError, host: str, port: int) -> NodeError:
    said = " ".join(str(error).split()).rpartition(" failed: ")[2].rstrip(".") + "."
    if "certificate" in said:
        return certificate_refused(host, said.rstrip("."))
    if any(word in said for word in _FOR_NOW):
        return unreachable(host, port, said.rstrip("."))
    if any(word in said for word in _FOR_GOOD):
        return login_refused(host, said)
    return unreachable(host, port, said.rstrip("."))


class _Watch:
    """Hangs up when more was received than is taken: libpq itself has no limit."""

    hung_up = False

    async def over(self, descriptor: int) -> None:
        with socket.socket(fileno=os.dup(descriptor)) as watched:
            while _received(watched) <= MAX_BYTES:
                await asyncio.sleep(_LOOK_EVERY)
            self.hung_up = True
            watched.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def _watched(connection: AsyncConnection[Any]) -> AsyncGenerator[_Watch]:
    watch = _Watch()
    task = asyncio.create_task(watch.over(connection.fileno()))
    try:
        yield watch
    finally:
        task.cancel()


def _received(watched: socket.socket) -> int:
    """Bytes that came so far; 0 where the system does not tell."""
    if not hasattr(socket, "TCP_INFO"):
        return 0
    facts = watched.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    if len(facts) < _RECEIVED + 8:
        return 0
    return int(struct.unpack_from("Q", facts, _RECEIVED)[0])


def _failure(error: psycopg.Error, query: SqlQuery) -> NodeError:
    state = error.sqlstate or ""
    if state == "57014":
        return timed_out(query)
    said = error.diag
    parts = [said.message_primary or str(error), said.message_detail, said.message_hint]
    message = " ".join(" ".join(part.split()).rstrip(".") + "." for part in parts if part)
    if said.statement_position:
        message += f" It is about what stands at character {said.statement_position} of the query."
    return sql_failed(message, state, sent=bool(state), read_only_refused=state == "25006")
