"""The door to SQL databases."""

from dataclasses import dataclass
from typing import Any, Protocol

JSON = Any


@dataclass(frozen=True)
class SqlQuery:
    """One statement. `$1` in it is the first of `parameters` (JSON values), which are bound.

    At most `max_rows` rows are handed on. `seconds` is the time for all of it.
    """

    text: str
    parameters: tuple[JSON, ...] = ()
    max_rows: int = 1_000
    read_only: bool = True
    seconds: float = 30


@dataclass(frozen=True)
class SqlAnswer:
    """`count`: rows that were changed, else rows that are here. `truncated`: there were more."""

    rows: list[dict[str, JSON]]
    count: int
    truncated: bool = False


class Sql(Protocol):
    """Runs statements in the databases that the workspace's credentials open."""

    async def run(self, credential: str, query: SqlQuery) -> SqlAnswer:
        """In a transaction of its own, which a read-only one never commits.

        Raises NodeError: query_invalid, parameters_invalid, sql_failed, sql_read_only, timeout,
        too_large, connection_failed, address_refused, login_refused and those of `Credentials`.
        """
