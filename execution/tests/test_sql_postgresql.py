"""The door to PostgreSQL, against the real server over TCP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from execution.doors import sql_postgresql, sql_values
from execution.doors.sql import RunSql
from execution.tests.certificates_for_tests import self_signed
from execution.tests.database_relay_for_tests import DatabaseRelay
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.sql import SqlAnswer, SqlQuery
from flows.engine.errors import NodeError
from flows.engine.tests.support import FakeCredentials

pytestmark = pytest.mark.usefixtures("django_db_setup", "_reachable")


@pytest.fixture
def _reachable(django_db_blocker: Any, settings: Settings) -> Any:
    settings.FLUX_ALLOW_HOSTS = ["127.0.0.1"]
    with django_db_blocker.unblock():
        yield


@pytest.fixture
async def relay() -> AsyncIterator[DatabaseRelay]:
    async with DatabaseRelay() as listening:
        yield listening


async def run(opened: OpenedCredential, text: str, *parameters: Any, **more: Any) -> SqlAnswer:
    query = SqlQuery(text, parameters, **more)
    return await RunSql(FakeCredentials({"Shop": opened})).run("Shop", query)


async def failure(opened: OpenedCredential, text: str, *given: Any, **more: Any) -> NodeError:
    with pytest.raises(NodeError) as failed:
        await run(opened, text, *given, **more)
    return failed.value


VALUES = """
SELECT true AS yes, 7::int8 AS big, 0.5::float8 AS float, 'NaN'::float8 AS nan, 2.50 AS price,
  12345678901234567.89 AS exact, 'x'::text AS "a b", NULL AS none, '\\x0001'::bytea AS bytes,
  '2026-11-26'::date AS day, '2026-11-26 12:00:00.5'::timestamp AS moment,
  '2026-11-26 12:00+00'::timestamptz AT TIME ZONE 'UTC' AS utc, 'infinity'::timestamptz AS never,
  interval '1 day 2 hours' AS span, '{"a": [1, "{{ 1+1 }}"]}'::jsonb AS json,
  ARRAY['a', NULL] AS list, ARRAY[1.5] AS numbers, int4range(1, 3) AS range,
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS id, '10.0.0.1'::inet AS ip, 1 AS n, 2 AS n, 3 AS n
"""


async def test_values_become_json(relay: DatabaseRelay) -> None:
    answer = await run(relay.credential(), VALUES)
    assert (answer.count, answer.truncated) == (1, False)
    assert answer.rows[0] == {
        **{"yes": True, "big": 7, "float": 0.5, "nan": "NaN", "price": 2.5},
        **{"exact": "12345678901234567.89", "a b": "x", "none": None, "bytes": "AAE="},
        **{"day": "2026-11-26", "moment": "2026-11-26T12:00:00.5", "utc": "2026-11-26T12:00:00"},
        **{"never": "infinity", "span": "P1DT2H", "json": {"a": [1, "{{ 1+1 }}"]}},
        **{"list": ["a", None], "numbers": [1.5], "range": "[1,3)", "ip": "10.0.0.1"},
        **{"id": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "n": 1, "n_2": 2, "n_3": 3},
    }
    zoned = await run(relay.credential(), "SELECT '2026-11-26 12:00+00'::timestamptz AS at")
    assert zoned.rows[0]["at"][-6] in "+-"


async def test_parameters_are_data_whatever_they_hold(relay: DatabaseRelay) -> None:
    hostile = "'; DROP TABLE x; -- $2 %s {{ 1+1 }}"
    text = "SELECT $1::text AS a, $2 + 1 AS b, 3 = ANY($3) AS c, $4::jsonb AS d, $5::bool AS e, "
    text += "'5%' LIKE '%' AS f, '$9' AS g, $1 || $6 AS h"
    given = (hostile, 41, [1, 3], {"k": [None]}, None, "!")
    answer = await run(relay.credential(), text, *given)
    assert answer.rows == [
        {
            **{"a": hostile, "b": 42, "c": True, "d": {"k": [None]}, "e": None},
            **{"f": True, "g": "$9", "h": f"{hostile}!"},
        }
    ]


async def test_no_more_rows_are_read_than_are_wanted(relay: DatabaseRelay) -> None:
    # The whole of it would take minutes and be too large.
    text = "SELECT generate_series(1, 1000000000) AS n"
    answer = await run(relay.credential(), text, max_rows=250)
    assert ([answer.rows[0], answer.rows[-1]], answer.count) == ([{"n": 1}, {"n": 250}], 250)
    assert answer.truncated
    exact = await run(relay.credential(), "SELECT generate_series(1, 250)", max_rows=250)
    assert (exact.count, exact.truncated) == (250, False)
    none = await run(relay.credential(), "SELECT 1 WHERE false")
    assert none == SqlAnswer([], 0, False)


async def test_changes_are_kept_only_where_they_are_allowed(relay: DatabaseRelay) -> None:
    opened = relay.credential()
    table = "world_changes"
    await run(opened, f"CREATE TABLE {table} (n int UNIQUE)", read_only=False)
    try:
        insert = f"INSERT INTO {table} SELECT generate_series(1, $1) RETURNING n"
        made = await run(opened, insert, 5, read_only=False, max_rows=2)
        assert made == SqlAnswer([{"n": 1}, {"n": 2}], 5, True)
        changed = await run(opened, f"UPDATE {table} SET n = n + 10 WHERE n > 3", read_only=False)
        assert changed == SqlAnswer([], 2, False)
        for text in (f"DELETE FROM {table}", "DO $$ BEGIN PERFORM 1; END $$", "COMMIT"):
            assert (await failure(opened, text)).code == "sql_read_only"
        hidden = f"WITH gone AS (DELETE FROM {table} RETURNING n) SELECT * FROM gone"
        error = await failure(opened, hidden)
        assert (error.code, error.field) == ("sql_read_only", "query")
        twice = await failure(opened, f"INSERT INTO {table} VALUES (1)", read_only=False)
        assert twice.code == "sql_failed"
        assert "already exists" in twice.message
        assert (twice.details, twice.retryable) == ({"sqlstate": "23505"}, False)
        assert (await run(opened, f"SELECT count(*) AS n FROM {table}")).rows == [{"n": 5}]
    finally:
        await run(opened, f"DROP TABLE {table}", read_only=False)


@pytest.mark.parametrize(
    ("text", "given", "more", "code", "said"),
    [
        ("SELECT nothing", (), {}, "sql_failed", "does not exist"),
        ("SELECT 1; SELECT 2", (), {}, "query_invalid", "second statement"),
        ("SELECT 1; SELECT 2", (), {"read_only": False}, "sql_failed", "multiple commands"),
        ("SELECT $1", (), {}, "parameters_invalid", "$1"),
        ("SELECT $1::int", ("x",), {}, "sql_failed", "invalid input"),
        ("COPY (SELECT 1) TO STDOUT", (), {"read_only": False}, "sql_failed", "COPY"),
        ("SELECT pg_sleep(30)", (), {"seconds": 0.5}, "timeout", "0.5 seconds"),
    ],
)
async def test_what_goes_wrong_is_told(
    relay: DatabaseRelay, text: str, given: Any, more: Any, code: str, said: str
) -> None:
    error = await failure(relay.credential(), text, *given, **more)
    assert error.code == code
    assert said in error.message
    assert error.retryable is (code == "timeout")


async def test_large_answers_are_cut_off(
    relay: DatabaseRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The driver would hold one value whole, whatever its size; it is cut off on its way.
    monkeypatch.setattr(sql_postgresql, "MAX_BYTES", 1_000_000)
    error = await failure(relay.credential(), "SELECT repeat('x', 50000000)")
    assert (error.code, error.retryable) == ("too_large", False)
    monkeypatch.setattr(sql_values, "MAX_VALUES", 10)
    error = await failure(relay.credential(), "SELECT 1, 2, 3 FROM generate_series(1, 4)")
    assert error.code == "too_large"


async def test_who_may_not_log_in_is_told_and_the_password_is_not(relay: DatabaseRelay) -> None:
    error = await failure(relay.credential(username="nobody-here"), "SELECT 1")
    assert (error.code, error.field, error.retryable) == ("login_refused", "credential", False)
    assert "nobody-here" in error.message
    assert "pw-canary" not in error.message
    error = await failure(relay.credential(tls="verify"), "SELECT 1")
    assert error.code == "login_refused"
    assert "SSL" in error.message


async def test_the_certificate_is_checked_against_the_host(tmp_path: Path) -> None:
    good = self_signed(tmp_path / "good.pem", "127.0.0.1")
    other = self_signed(tmp_path / "other.pem", "db.example.com")
    async with DatabaseRelay(tmp_path / "good.pem") as relay:
        in_use = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        opened = relay.credential(tls="verify", ca=good)
        assert len((await run(opened, in_use)).rows) == 1
        for wrong in ({"tls": "verify"}, {"tls": "verify", "ca": other}):
            error = await failure(relay.credential(**wrong), "SELECT 1")
            assert (error.code, error.retryable) == ("connection_failed", False)
            assert "certificate" in error.message
        assert (await run(relay.credential(tls="require"), "SELECT 1")).count == 1
    async with DatabaseRelay(tmp_path / "other.pem") as relay:
        error = await failure(relay.credential(tls="verify", ca=other), "SELECT 1")
        assert "certificate" in error.message


async def test_nobody_there_may_be_tried_again() -> None:
    async with DatabaseRelay() as gone:
        opened = gone.credential()
    error = await failure(opened, "SELECT 1", read_only=False)
    assert (error.code, error.retryable, error.refused) == ("connection_failed", True, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "::1", "169.254.169.254"])
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
async def test_s8_databases_near_by_are_not_called_unless_allowed(
    relay: DatabaseRelay, settings: Settings, host: str, kind: str
) -> None:
    settings.FLUX_ALLOW_HOSTS = [f"127.0.0.1:{relay.port + 1}"]
    opened = relay.credential(host=host)
    near = OpenedCredential(opened.name, kind, opened.settings, opened.secret)
    error = await failure(near, "SELECT 1")
    assert (error.code, error.field) == ("address_refused", "credential")
    assert relay.connections == 0


async def test_s8_the_driver_is_given_the_vetted_address(
    relay: DatabaseRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def vetted(host: str, port: int) -> list[str]:
        assert host == "db.invalid"
        return ["127.0.0.1"]

    # The name itself resolves to nothing: whoever asked again would not get there.
    monkeypatch.setattr(sql_postgresql, "vetted_addresses", vetted)
    assert (await run(relay.credential(host="db.invalid"), "SELECT 1")).count == 1
