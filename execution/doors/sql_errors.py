"""What a builder reads when a database refuses."""

from execution.egress_sockets import FIELD
from flows.engine.doors.sql import SqlQuery
from flows.engine.errors import NodeError

#: SQLSTATEs (classes or whole) of what may pass, and was undone: connections, conflicts, no room.
_PASSING = ("08", "40001", "40P01", "53", "55P03", "57P")
MAX_SAID = 1_000


def login_refused(host: str, said: str) -> NodeError:
    return NodeError(
        "login_refused",
        f"'{host}' did not let us in: {said[:500]} Check the credential.",
        field=FIELD,
        details={"host": host},
    )


def sql_failed(
    said: str, state: str, *, sent: bool = True, read_only_refused: bool = False
) -> NodeError:
    """`state` is the SQLSTATE; `sent`: the database said so itself, and undid what was begun."""
    said = said[:MAX_SAID]
    if read_only_refused:
        return NodeError(
            "sql_read_only",
            f"The database refused to change data: {said} Switch 'Read only' off if it is to.",
            field="query",
        )
    passing = not sent or state.startswith(_PASSING)
    return NodeError(
        "sql_failed",
        f"The database answered: {said}",
        retryable=passing,
        refused=passing and sent,
        field="query",
        details={"sqlstate": state} if state else {},
    )


def timed_out(query: SqlQuery) -> NodeError:
    return NodeError(
        "timeout",
        f"The database did not answer in full within {query.seconds:g} seconds. Raise the node's "
        "timeout, or ask for less.",
        retryable=True,
    )


def sql_uncertain() -> NodeError:
    return NodeError(
        "sql_uncertain",
        "The connection broke while the change was being committed: it may have been made or not. "
        "Look at the data before you run this again.",
    )
