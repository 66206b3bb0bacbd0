"""The door to MySQL, against a server that speaks its protocol and answers as scripted."""

import asyncio
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mysql_mimic import ColumnType, IdentityProvider, MysqlServer, ResultColumn, ResultSet, Session
from mysql_mimic.auth import NativePasswordAuthPlugin, User
from mysql_mimic.errors import MysqlError
from pytest_django import Settings

from execution.doors import sql_mysql
from execution.doors.sql import RunSql
from execution.tests.bare_mysql_for_tests import BareMySql
from execution.tests.certificates_for_tests import self_signed
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.sql import SqlAnswer, SqlQuery
from flows.engine.errors import NodeError
from flows.engine.tests.support import FakeCredentials

PASSWORD = "pw-canary-é1"


class Login(IdentityProvider):
    async def get_user(self, username: str) -> User | None:
        known = NativePasswordAuthPlugin.create_auth_string(PASSWORD)
        return User(name="ada", auth_string=known) if username == "ada" else None


class Server:
    """A MySQL server whose answer to what begins with SELECT and the like is given."""

    def __init__(self) -> None:
        self.answer: Any = ([(1,)], ["a"])
        self.modes = "STRICT_TRANS_TABLES"
        self.asked: list[str] = []

    async def __aenter__(self) -> "Server":
        server = self

        class Scripted(Session):
            async def handle_query(self, sql: str, attrs: Any) -> Any:
                server.asked.append(sql)
                if "@@SESSION.sql_mode" in sql:
                    return [("8.4.0", server.modes)], ["version", "modes"]
                if re.match(r"SET|START|COMMIT|ROLLBACK", sql):
                    return None
                if isinstance(server.answer, Exception):
                    raise server.answer
                return server.answer

        self._mimic = MysqlServer(Scripted, identity_provider=Login())
        await self._mimic.start_server(host="127.0.0.1", port=0)
        assert self._mimic._server is not None
        self.port = self._mimic._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._mimic.close()

    async def run(self, text: str, *parameters: Any, **more: Any) -> SqlAnswer:
        return await run(self.port, text, *parameters, **more)

    async def failure(self, text: str, *parameters: Any, **more: Any) -> NodeError:
        return await failure(self.port, text, *parameters, **more)


async def run(port: int, text: str, *parameters: Any, **more: Any) -> SqlAnswer:
    named = {"host": "127.0.0.1", "port": str(port), "database": "", "username": "ada"}
    settings = {**named, "tls": "off", **more.pop("settings", {})}
    secret = {"password": more.pop("password", PASSWORD)}
    opened = OpenedCredential("Shop", "mysql", settings, secret)
    query = SqlQuery(text, parameters, **more)
    return await RunSql(FakeCredentials({"Shop": opened})).run("Shop", query)


async def failure(port: int, text: str, *parameters: Any, **more: Any) -> NodeError:
    with pytest.raises(NodeError) as failed:
        await run(port, text, *parameters, **more)
    return failed.value


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    settings.FLUX_ALLOW_HOSTS = ["127.0.0.1"]
    async with Server() as listening:
        yield listening


async def test_values_become_json(server: Server) -> None:
    given = [
        ("n", ColumnType.LONGLONG, 7, 7),
        ("price", ColumnType.DECIMAL, Decimal("2.50"), 2.5),
        ("exact", ColumnType.NEWDECIMAL, Decimal("12345678901234567.89"), "12345678901234567.89"),
        ("text", ColumnType.VARCHAR, "é😀 {{ 1+1 }}", "é😀 {{ 1+1 }}"),
        ("text", ColumnType.VARCHAR, None, None),
        ("day", ColumnType.DATE, "0000-00-00", "0000-00-00"),
        ("at", ColumnType.DATETIME, "2026-11-26 12:00:00", "2026-11-26T12:00:00"),
        ("json", ColumnType.JSON, '{"a": [1, null]}', {"a": [1, None]}),
    ]

    def plain(column: ResultColumn, value: Any) -> bytes:
        return str(value).encode()

    columns = [ResultColumn(name, kind, text_encoder=plain) for name, kind, _, _ in given]
    server.answer = ResultSet([[value for _, _, value, _ in given]], columns)
    answer = await server.run("SELECT * FROM t")
    names = ["n", "price", "exact", "text", "text_2", "day", "at", "json"]
    wanted = dict(zip(names, [value for *_, value in given], strict=True))
    assert answer == SqlAnswer([wanted], 1, False)


async def test_what_reads_runs_in_a_read_only_session_and_is_never_committed(
    server: Server,
) -> None:
    await server.run("SELECT 1")
    told = [sql for sql in server.asked if not sql.startswith("SET NAMES")]
    assert [sql for sql in told if "TRANSACTION" in sql] == [
        "SET SESSION TRANSACTION READ ONLY",
        "START TRANSACTION READ ONLY",
    ]
    assert "SET SESSION max_execution_time = 30000" in told
    assert told[-1] == "SELECT 1"
    server.asked.clear()
    await server.run("UPDATE t SET a = 1", read_only=False)
    assert server.asked[-3:] == ["START TRANSACTION READ WRITE", "UPDATE t SET a = 1", "COMMIT"]
    assert (await server.failure("CALL p()")).code == "sql_read_only"
    assert "CALL p()" not in server.asked


@pytest.mark.parametrize(
    ("modes", "text", "given", "wanted"),
    [
        ("", "SELECT $1, '$1', $1 -- $2", ("it's \\ \" %s",), r"'it\'s \\ \" %s'"),
        ("NO_BACKSLASH_ESCAPES", "SELECT '\\', $1, '$1'", (r"a\' OR 1=1 -- ",), None),
        ("", "SELECT $1 + $2 LIMIT $3", (1.5, -2, 10), "SELECT  1.5e0  +  -2  LIMIT  10 "),
        ("", "SELECT $1", ({"k": ["é"]},), 'SELECT  \'{\\"k\\": [\\"é\\"]}\' '),
        ("", "SELECT $1 IS NULL, $2", (None, True), "SELECT  NULL  IS NULL,  1 "),
        ("", "SELECT 'a'$1, 1 --$2", ("b", -3), "SELECT 'a' 'b' , 1 ---3 "),
    ],
)
async def test_values_are_written_by_the_sessions_rules(
    server: Server, modes: str, text: str, given: Any, wanted: str | None
) -> None:
    server.modes = modes
    await server.run(text, *given)
    sent = server.asked[-1]
    if wanted is None:
        # The status of the session, which the driver's quoting follows, cannot be scripted here.
        assert sent.startswith("SELECT '\\', ")
        assert sent.endswith(", '$1'")
    elif wanted.startswith("SELECT"):
        assert sent == wanted
    else:
        assert sent == f"SELECT  {wanted} , '$1',  {wanted}  -- $2"


async def test_no_more_is_read_than_is_wanted(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = ([("x" * 100,)] * 500, ["a"])
    answer = await server.run("SELECT a FROM t", max_rows=2)
    assert (answer.count, answer.truncated) == (2, True)
    whole = await server.run("SELECT a FROM t", max_rows=500)
    assert (whole.count, whole.truncated) == (500, False)
    monkeypatch.setattr(sql_mysql, "MAX_BYTES", 20_000)
    error = await server.failure("SELECT a FROM t")
    assert (error.code, error.field) == ("too_large", "query")


@pytest.mark.parametrize(
    ("number", "code", "may_pass"),
    [(1064, "sql_failed", False), (1213, "sql_failed", True), (1792, "sql_read_only", False)],
)
async def test_what_the_server_refuses_is_told(
    server: Server, number: int, code: str, may_pass: bool
) -> None:
    server.answer = MysqlError("No such thing", number)  # type: ignore[arg-type]
    error = await server.failure("INSERT INTO t VALUES (1)", read_only=False)
    assert (error.code, error.retryable, error.refused) == (code, may_pass, may_pass)
    assert "No such thing" in error.message


async def test_a_slow_server_is_hung_up_on(server: Server) -> None:
    async def never() -> AsyncIterator[Any]:
        yield (1,)
        await stuck.wait()

    stuck = asyncio.Event()
    server.answer = (never(), ["a"])
    error = await server.failure("SELECT a FROM t", seconds=0.3)
    stuck.set()
    assert (error.code, error.retryable) == ("timeout", True)


async def test_who_may_not_log_in_is_told_and_the_password_is_not(server: Server) -> None:
    error = await server.failure("SELECT 1", password="another-canary")
    assert (error.code, error.field, error.retryable) == ("login_refused", "credential", False)
    assert "canary" not in error.message


@pytest.mark.usefixtures("server")
async def test_s12_a_password_is_not_handed_over_in_the_clear(tmp_path: Path) -> None:
    with BareMySql() as asking:
        error = await failure(asking.port, "SELECT 1")
        assert error.code == "login_refused"
        assert "not encrypted" in error.message
        assert asking.told == []
    authority = self_signed(tmp_path / "good.pem", "127.0.0.1")
    with BareMySql(tmp_path / "good.pem") as asking:
        answer = await run(asking.port, "SELECT 1", settings={"tls": "verify", "ca": authority})
        assert answer.rows == [{"a": "8"}]
        assert asking.told == [PASSWORD.encode() + b"\0"]


@pytest.mark.usefixtures("server")
async def test_a_server_that_asks_for_a_file_of_ours_gets_none(tmp_path: Path) -> None:
    self_signed(tmp_path / "good.pem", "127.0.0.1")
    with BareMySql(tmp_path / "good.pem", reply=b"\xfb/etc/passwd") as asking:
        error = await failure(asking.port, "SELECT 1", settings={"tls": "require"})
        assert error.code == "sql_failed"
        assert len(asking.told) == 1


@pytest.mark.usefixtures("server")
async def test_the_certificate_is_checked_against_the_host(server: Server, tmp_path: Path) -> None:
    other = self_signed(tmp_path / "other.pem", "db.example.com")
    with BareMySql(tmp_path / "other.pem") as encrypted:
        for wrong in ({"tls": "verify"}, {"tls": "verify", "ca": other}):
            error = await failure(encrypted.port, "SELECT 1", settings=wrong)
            assert (error.code, error.retryable) == ("connection_failed", False)
            assert "certificate" in error.message
        assert (await run(encrypted.port, "SELECT 1", settings={"tls": "require"})).count == 1
    plain = await server.failure("SELECT 1", settings={"tls": "require"})
    assert plain.code == "login_refused"
    assert "SSL" in plain.message
