"""Notifications of one connection, whose death is noticed though nothing comes of it."""

import os
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

#: Seconds of silence after which the connection is tried, and those it has to answer in: a host
#: that vanished, or a proxy that forgot the connection, closes nothing.
QUIET = 15.0
ANSWER_WITHIN = 5.0


def payloads(listening: "psycopg.Connection[Any]", *, quiet: float = QUIET) -> Generator[str]:
    """What is notified on the connection, for ever. psycopg.Error once the connection is lost."""
    while True:
        for notification in listening.notifies(timeout=quiet):
            yield notification.payload
        with _cut_off(listening, ANSWER_WITHIN):
            listening.execute("SELECT 1")


@contextmanager
def _cut_off(connection: "psycopg.Connection[Any]", seconds: float) -> Iterator[None]:
    """End the connection from this side where the block takes longer: its wait then fails."""
    # Of its own: the number may belong to another file by the time the timer runs.
    line = socket.socket(fileno=os.dup(connection.fileno()))

    def cut() -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        line.close()
