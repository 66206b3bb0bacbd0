"""Runs statements in the databases that the workspace's credentials open."""

import asyncio
from collections.abc import Awaitable, Callable

from execution.doors.credentials import RunCredentials
from execution.doors.sql_errors import timed_out
from execution.egress_sockets import FIELD
from flows.engine.doors.credentials import OpenedCredential
from flows.engine.doors.sql import SqlAnswer, SqlQuery

TYPES = ("postgresql", "mysql")
type Run = Callable[[OpenedCredential, SqlQuery], Awaitable[SqlAnswer]]


class RunSql:
    """The `Sql` of one attempt."""

    def __init__(self, credentials: RunCredentials) -> None:
        self._credentials = credentials

    async def run(self, credential: str, query: SqlQuery) -> SqlAnswer:
        async with self._credentials.open(credential, TYPES, field=FIELD) as opened:
            try:
                async with asyncio.timeout(query.seconds):
                    return await _driver(opened.type)(opened, query)
            except TimeoutError as error:
                raise timed_out(query) from error


def _driver(kind: str) -> Run:
    """Drivers are loaded when used."""
    if kind == "postgresql":
        from execution.doors import sql_postgresql

        return sql_postgresql.run
    from execution.doors import sql_mysql

    return sql_mysql.run
