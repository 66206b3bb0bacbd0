"""Notifications of one connection, whose death is noticed though nothing comes of it."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from execution.database import connection_parameters

logger = logging.getLogger(__name__)
#: Seconds of silence after which the connection is tried, and those it has to answer in: a host
#: that vanished, or a proxy that forgot the connection, closes nothing.
QUIET = 15.0
ANSWER_WITHIN = 5.0


def listen_for_ever(
    channel: str, *, began: Callable[[], None], hear: Callable[[str], None]
) -> None:
    """Hand every notification of a channel to `hear`; a lost connection is made again.

    `began` is called whenever listening begins: what was notified meanwhile was not heard.
    """
    pause, told = 0.1, False
    while True:
        try:
            with psycopg.connect(**connection_parameters(), autocommit=True) as listening:
                listening.execute(f"LISTEN {channel}")
                pause, told = 0.1, False
                began()
                for payload in payloads(listening):
                    hear(payload)
        except psycopg.Error as error:
            if not told:
                logger.warning("%s: the database is lost; connecting again: %s", channel, error)
            told = True
        except Exception:
            # Whatever it was, a process that hears nothing would look frozen.
            logger.exception("%s: a notification could not be read; connecting again", channel)
        time.sleep(pause)
        pause = min(pause * 2, 2.0)


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
