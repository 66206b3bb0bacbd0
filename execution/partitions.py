"""The bulk of the record in one table per month: run ids are time-ordered, so a range is a month.

A run's attempts and events lie in the month the run was made in, whenever they are written. What
fits no month (an id of another kind, a month that nobody made in time) lies in a default table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg import sql

#: The tables that are kept by month, by `run_id`.
TABLES = ("execution_noderun", "execution_runevent")
#: Months that are made ahead of time, beside the current one.
AHEAD = 3
#: An empty month goes this many months after its end: late records are rare by then, and one that
#: comes all the same finds the default table.
KEPT_EMPTY = 1
#: Longest wait for the tables; whoever writes waits behind us meanwhile.
LOCK_TIMEOUT = "300ms"
#: One process at a time changes the tables (the key of an advisory lock, chosen at random).
_LOCK_KEY = 7_316_204_905


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        at = moment.astimezone(UTC)
        return cls(at.year, at.month)

    @classmethod
    def of_id(cls, run_id: UUID) -> "Month | None":
        """The month a UUIDv7 was made in; None for an id that tells no time."""
        if run_id.version != 7:
            return None
        return cls.of(datetime.fromtimestamp((run_id.int >> 80) / 1000, UTC))

    def plus(self, months: int) -> "Month":
        years, number = divmod(self.number - 1 + months, 12)
        return Month(self.year + years, number + 1)

    @property
    def first_id(self) -> UUID:
        """The smallest id of the month: 48 bits of Unix milliseconds, then nothing."""
        start = datetime(self.year, self.number, 1, tzinfo=UTC)
        return UUID(int=int(start.timestamp() * 1000) << 80)

    def table(self, parent: str) -> str:
        return f"{parent}_{self.year:04}_{self.number:02}"


def months(first: Month, last: Month) -> Iterator[Month]:
    """From `first` to `last`, both included."""
    while first <= last:
        yield first
        first = first.plus(1)


def existing_months(parent: str) -> list[Month]:
    """The months a table has, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [parent],
        )
        names = [row[0].removeprefix(f"{parent}_").split("_") for row in cursor.fetchall()]
    return sorted(Month(int(name[0]), int(name[1])) for name in names if len(name) == 2)


def add_month(parent: str, month: Month) -> bool:
    """Make a month's table, with what lies in the default table for it. Call in a transaction.

    Attached, not made in place: that would lock the table against everybody who writes.
    """
    values = {
        "parent": sql.Identifier(parent),
        "month": sql.Identifier(month.table(parent)),
        "rest": sql.Identifier(f"{parent}_default"),
        "start": sql.Literal(str(month.first_id)),
        "end": sql.Literal(str(month.plus(1).first_id)),
    }
    with connection.cursor() as cursor:
        for statement in _ADD_MONTH:
            cursor.execute(sql.SQL(statement).format(**values))
    return True


_ADD_MONTH = (
    "CREATE TABLE {month} (LIKE {parent} INCLUDING ALL)",
    "LOCK TABLE {rest} IN ACCESS EXCLUSIVE MODE",
    """WITH moved AS (
         DELETE FROM {rest} WHERE run_id >= {start}::uuid AND run_id < {end}::uuid RETURNING *)
       INSERT INTO {month} SELECT * FROM moved""",
    "ALTER TABLE {parent} ATTACH PARTITION {month} FOR VALUES FROM ({start}) TO ({end})",
)


def make_months_ahead(now: datetime) -> int:
    """Make the tables of this month and the next ones where they are missing; returns how many.

    Gives up at once where the tables are busy: there are months of time to try again.
    """
    current = Month.of(now)
    wanted = list(months(current, current.plus(AHEAD)))
    made = 0
    for parent in TABLES:
        for month in sorted(set(wanted) - set(existing_months(parent))):
            made += _alone(partial(add_month, parent, month))
    return made


def drop_empty_months(now: datetime) -> int:
    """Drop the tables of past months that hold no row any more; returns how many."""
    last = Month.of(now).plus(-1 - KEPT_EMPTY)
    dropped = 0
    for parent in TABLES:
        for month in existing_months(parent):
            if month <= last and _is_empty(parent, month):
                dropped += _alone(partial(_drop, parent, month))
    return dropped


def _is_empty(parent: str, month: Month) -> bool:
    query = sql.SQL("SELECT NOT EXISTS (SELECT FROM {})").format(
        sql.Identifier(month.table(parent))
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return bool(cursor.fetchone()[0])


def _drop(parent: str, month: Month) -> bool:
    table = sql.Identifier(month.table(parent))
    with connection.cursor() as cursor:
        # The whole first: whoever reads it locks in that order, so nobody waits in a circle.
        cursor.execute(
            sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(parent))
        )
        if not _is_empty(parent, month):
            return False
        cursor.execute(sql.SQL("DROP TABLE {}").format(table))
    return True


def _alone(change: Callable[[], bool]) -> bool:
    """Change the tables in one transaction; False where another process does, or they are busy."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s::bigint)", [_LOCK_KEY])
                if not cursor.fetchone()[0]:
                    return False
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            return change()
    except OperationalError as error:
        if not is_lock_refusal(error):
            raise
        return False


def is_lock_refusal(error: OperationalError) -> bool:
    """Whether the database gave up for somebody else's sake: try again later."""
    return getattr(error.__cause__, "sqlstate", None) in _REFUSALS


#: lock_not_available and deadlock_detected.
_REFUSALS = ("55P03", "40P01")
