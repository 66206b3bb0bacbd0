"""A listening connection that dies without a word is noticed."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest
from django.db import connection

from execution.database import connection_parameters
from execution.live import listening


class SilentProxy:
    """Stands between a client and PostgreSQL, and can stop carrying anything without closing."""

    def __init__(self) -> None:
        self.silent = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._server.accept()[0]
                database = _database_socket()
                for ends in ((client, database), (database, client)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not self.silent:
                    target.sendall(data)
        target.close()

    def close(self) -> None:
        self._server.close()


def _database_socket() -> socket.socket:
    host, port = connection.settings_dict["HOST"], connection.settings_dict["PORT"] or 5432
    if not host.startswith("/"):
        return socket.create_connection((host, int(port)))
    line = socket.socket(socket.AF_UNIX)
    line.connect(f"{host}/.s.PGSQL.{port}")
    return line


@pytest.fixture
def proxy() -> Iterator[SilentProxy]:
    between = SilentProxy()
    yield between
    between.close()


def _through(proxy: SilentProxy) -> "psycopg.Connection[Any]":
    parameters = {**connection_parameters(), "host": "127.0.0.1", "port": proxy.port}
    return psycopg.connect(**parameters, autocommit=True)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_carries_nothing_any_more_is_given_up(
    proxy: SilentProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "ANSWER_WITHIN", 0.5)
    with _through(proxy) as line:
        heard = listening.payloads(line, quiet=0.3)
        proxy.silent = True
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError):
            next(heard)
    assert 0.7 < time.monotonic() - began < 5


@pytest.mark.django_db(transaction=True)
def test_what_comes_after_a_silence_is_heard(proxy: SilentProxy) -> None:
    with _through(proxy) as line, _through(proxy) as other:
        line.execute("LISTEN some_news")
        # Closed before the connection: a generator that is not at its end holds it.
        with closing(listening.payloads(line, quiet=0.05)) as heard:
            threading.Timer(0.5, other.execute, ["NOTIFY some_news, 'first'"]).start()
            assert next(heard) == "first"
            other.execute("NOTIFY some_news, 'second'")
            assert next(heard) == "second"


@pytest.mark.django_db(transaction=True)
def test_every_connection_notices_a_host_that_vanished() -> None:
    parameters = connection_parameters()
    names = ("keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
    assert [parameters[name] for name in names] == [10, 5, 3, 20_000]
