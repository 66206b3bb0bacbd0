"""One statement in a MySQL or MariaDB database, by PyMySQL on a thread of its own.

The socket is connected to the vetted address here and handed to the driver, which checks the
certificate against the host's name. The protocol for text has no placeholders: the driver writes
the values as literals, by the quoting rules that the session has.
"""

import asyncio
import json
import re
import socket
import ssl
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, cast

import pymysql
from pymysql.constants import CLIENT, FIELD_TYPE
from pymysql.converters import conversions
from pymysql.cursors import SSCursor

from execution.doors.sql_errors import login_refused, sql_failed, sql_uncertain, timed_out
from execution.doors.sql_values import MAX_BYTES, Rows, column_names, json_column, too_large
from execution.egress_sockets import certificate_refused, open_socket, tls_context, unreachable
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.sql import SqlAnswer, SqlQuery
from flows.engine.errors import NodeError
from flows.engine.sql_text import SqlText, check_parameters, check_reading, read

#: A slow database holds one of these, and none of the threads that others need.
_threads = ThreadPoolExecutor(32, thread_name_prefix="mysql")
#: Ways to log in that hand over the password as it is.
_IN_THE_CLEAR = (b"mysql_clear_password", b"dialog", b"mysql_old_password")
#: MySQL's numbers of errors that pass (lock wait, deadlock, connections, shutdown, lost).
_PASSING = frozenset({1040, 1053, 1203, 1205, 1213, 1226})
_LOST = frozenset({2003, 2006, 2013, 2055})
_LOGIN = frozenset({1044, 1045, 1049, 1130, 1251, 1698, 2026, 2059, 2061})
_TIMED_OUT = frozenset({1969, 3024})
_READ_ONLY = 1792
#: What the driver raises where a server does not keep to the protocol.
_GARBLED = (
    *(AssertionError, AttributeError, IndexError, KeyError, OSError, RuntimeError, TypeError),
    *(ValueError, struct.error),
)


def _moment(text: str) -> str:
    return text.replace(" ", "T", 1)


def _bits(data: bytes) -> int:
    return int.from_bytes(data)


#: How values are read: dates and times as they are written, of MySQL's own forms many are no dates.
_DECODERS: dict[Any, Any] = {
    **conversions,
    **dict.fromkeys((FIELD_TYPE.DATE, FIELD_TYPE.TIME, FIELD_TYPE.NEWDATE), str),
    **dict.fromkeys((FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP), _moment),
    FIELD_TYPE.BIT: _bits,
    FIELD_TYPE.JSON: json_column,
}


class _TooMuch(Exception):
    """More was received than is taken."""


class _Connection(pymysql.Connection):
    """Counts what it receives, and hands no password in the clear to a server without TLS."""

    received = 0

    def _read_bytes(self, num_bytes: int) -> bytes:
        self.received += num_bytes
        if self.received > MAX_BYTES:
            raise _TooMuch
        return cast(bytes, super()._read_bytes(num_bytes))

    def _process_auth(self, plugin_name: bytes, auth_packet: Any, handler: Any = None) -> Any:
        if plugin_name in _IN_THE_CLEAR and not self._secure:
            raise pymysql.err.OperationalError(
                2061, "it asks for the password in the clear, and the connection is not encrypted"
            )
        return super()._process_auth(plugin_name, auth_packet, handler)


async def run(opened: OpenedCredential, query: SqlQuery) -> SqlAnswer:
    """As `Sql.run` has it. When it is cancelled the connection is cut, which undoes the change."""
    if query.read_only:
        check_reading(read(query.text, "mysql"))
    host, port = opened.settings["host"], int(opened.settings["port"])
    sock = await open_socket(host, port)
    # A second handle: the driver closes the first, or wraps it in TLS.
    with sock.dup() as handle:
        work = _threads.submit(_run, opened, query, sock)
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)
            if work.cancelled():
                sock.close()
            raise


def _run(opened: OpenedCredential, query: SqlQuery, sock: socket.socket) -> SqlAnswer:
    """All of it, on its thread. Raises NodeError."""
    host, port = opened.settings["host"], int(opened.settings["port"])
    connection = _connection(opened, query)
    try:
        connection.connect(sock)
    except _TooMuch as error:
        raise too_large() from error
    except (pymysql.err.Error, *_GARBLED) as error:
        raise _no_connection(error, host, port) from error
    try:
        return _answered(connection, query)
    except _TooMuch as error:
        raise too_large() from error
    except pymysql.err.Error as error:
        raise _failure(error, query) from error
    except _GARBLED as error:
        raise sql_failed(f"What it sent cannot be read ({error}).", "", sent=False) from error
    finally:
        if connection._result is not None:
            connection._result.unbuffered_active = False
        connection._force_close()


def _connection(opened: OpenedCredential, query: SqlQuery) -> _Connection:
    """Not connected yet."""
    settings = opened.settings
    context = None
    if settings["tls"] != "off":
        context = tls_context(settings.get("ca", ""), checked=settings["tls"] == "verify")
    return _Connection(
        host=settings["host"],
        user=settings["username"],
        # As bytes: the driver would take text for Latin-1.
        password=opened.secret["password"].encode(),
        database=settings["database"],
        ssl=context,
        ssl_disabled=context is None,
        charset="utf8mb4",
        conv=_DECODERS,
        local_infile=False,
        autocommit=False,
        read_timeout=query.seconds,
        write_timeout=query.seconds,
        program_name="FluxPrompt",
        # Rows count that were found, as in PostgreSQL, not only those whose values changed.
        client_flag=CLIENT.FOUND_ROWS,
        defer_connect=True,
    )


def _answered(connection: _Connection, query: SqlQuery) -> SqlAnswer:
    version, modes = _session(connection)
    statement = read(
        query.text,
        "mysql",
        backslash="NO_BACKSLASH_ESCAPES" not in modes,
        ansi_quotes="ANSI_QUOTES" in modes,
    )
    check_parameters(statement, len(query.parameters))
    _limit_time(connection, version, query.seconds)
    if query.read_only:
        # For the session as well: a statement that ended the transaction could write no more.
        connection.query("SET SESSION TRANSACTION READ ONLY")
    connection.query(f"START TRANSACTION {'READ ONLY' if query.read_only else 'READ WRITE'}")
    rows = Rows(query.max_rows)
    cursor = SSCursor(connection)
    cursor._query(_with_values(statement, query, connection))
    changed = cursor.rowcount if cursor.description is None else 0
    if cursor.description is not None:
        rows.names = column_names(column[0] for column in cursor.description)
        while (row := cursor.fetchone()) is not None and rows.add(row):
            pass
    if not query.read_only:
        if rows.truncated:
            connection._result._finish_unbuffered_query()
        _commit(connection)
    return SqlAnswer(rows.rows, changed or len(rows.rows), rows.truncated)


def _session(connection: _Connection) -> tuple[str, str]:
    """The server's version and the session's modes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT VERSION(), @@SESSION.sql_mode")
        version, modes = cursor.fetchone() or ("", "")
    return str(version), str(modes).upper()


def _limit_time(connection: _Connection, version: str, seconds: float) -> None:
    """The server's own limit, where it has one; ours holds all the same."""
    setting = f"max_execution_time = {max(1, int(seconds * 1000))}"
    if "mariadb" in version.lower():
        setting = f"max_statement_time = {seconds:f}"
    with suppress(pymysql.err.Error):
        connection.query(f"SET SESSION {setting}")


def _commit(connection: _Connection) -> None:
    try:
        connection.commit()
    except pymysql.err.OperationalError as error:
        raise sql_uncertain() from error


def _with_values(statement: SqlText, query: SqlQuery, connection: _Connection) -> str:
    text = ""
    for piece in statement.pieces:
        if isinstance(piece, str):
            text += piece
        else:
            # Apart, for two quotes that meet would be one; but not behind a `-`: `-- ` is a comment.
            text += "" if text.endswith("-") else " "
            text += f"{_literal(query.parameters[piece - 1], connection)} "
    return text


def _literal(value: Any, connection: _Connection) -> str:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    return str(connection.literal(value))


def _no_connection(error: Exception, host: str, port: int) -> NodeError:
    cause = getattr(error, "original_exception", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return certificate_refused(host, cause.verify_message)
    number, said = _told(error)
    if number in _LOGIN:
        return login_refused(host, f"{said}.")
    return unreachable(host, port, said)


def _failure(error: pymysql.err.Error, query: SqlQuery) -> NodeError:
    number, said = _told(error)
    if number in _TIMED_OUT:
        return timed_out(query)
    lost = number in _LOST or isinstance(error, pymysql.err.InterfaceError)
    failed = sql_failed(f"{said}.", "", sent=not lost, read_only_refused=number == _READ_ONLY)
    if number in _PASSING:
        failed.retryable = failed.refused = True
    if number:
        failed.details = {"errno": number}
    return failed


def _told(error: Exception) -> tuple[int, str]:
    """The error's number (0: none) and words."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    said = str(error.args[1]) if len(error.args) > 1 else str(error) or type(error).__name__
    return number, re.sub(r"\s+", " ", said).strip().rstrip(".")
