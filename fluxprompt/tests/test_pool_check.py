"""A pooled connection is checked without asking, and one that died is noticed."""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from execution.database import connection_parameters
from fluxprompt.pool_check import check_unless_silent

pytestmark = pytest.mark.django_db


@pytest.fixture
def held() -> Iterator[Any]:
    with psycopg.connect(**connection_parameters(), autocommit=True) as connection:
        yield connection


def test_a_silent_connection_passes_without_a_question(held: Any) -> None:
    held.execute("SELECT 1")
    asked: list[str] = []
    held.execute = lambda query, *_: asked.append(query)  # type: ignore[method-assign]
    check_unless_silent(held)
    assert asked == []


def test_a_connection_that_the_server_ended_is_refused(held: Any) -> None:
    number = held.execute("SELECT pg_backend_pid()").fetchone()[0]
    with psycopg.connect(**connection_parameters(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [number])
        deadline = time.monotonic() + 5
        while other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [number]
        ).fetchone() != (0,):
            assert time.monotonic() < deadline, "the server did not end the connection"
    with pytest.raises(psycopg.OperationalError):
        check_unless_silent(held)


def test_a_connection_that_was_closed_here_is_refused(held: Any) -> None:
    held.close()
    with pytest.raises(psycopg.OperationalError):
        check_unless_silent(held)
