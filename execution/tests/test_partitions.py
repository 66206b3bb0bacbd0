"""The record by month: rows find their month, statements touch one table, months come and go."""

import importlib
import re
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from accounts.ids import new_id
from accounts.permissions import Actor
from execution import attempts, partitions, recording, results
from execution.models import NodeRun, Run, RunEvent
from execution.partitions import AHEAD, TABLES, Month, existing_months, months
from execution.queries import events_after
from execution.recording import Event, hold_run, write_events
from execution.tests.flows_for_tests import document, new_actor, output, published, start_node

pytestmark = pytest.mark.django_db


def id_at(moment: datetime) -> uuid.UUID:
    """An id as it would have been made at that time."""
    milliseconds = int(moment.timestamp() * 1000)
    return uuid.UUID(int=milliseconds << 80 | new_id().int & (1 << 80) - 1)


def make_run(actor: Actor, run_id: uuid.UUID | None = None, **fields: Any) -> Run:
    flow = published(actor, document([start_node("a"), output("x")], ["start>end"]))
    values = {"id": run_id or new_id(), "created_at": timezone.now(), **fields}
    return Run.objects.create(
        workspace_id=actor.workspace_id, flow=flow, version=flow.published, **values
    )


def record_something(run: Run) -> None:
    NodeRun.objects.create(run=run, node="start", type="input", status="succeeded")
    with transaction.atomic():
        held = hold_run(str(run.id), events=1)
        write_events(held, [Event("run.started", "run.started")])


def tables_of(run: Run) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM execution_noderun WHERE run_id = %s"
            " UNION SELECT tableoid::regclass::text FROM execution_runevent WHERE run_id = %s",
            [run.id, run.id],
        )
        return {row[0] for row in cursor.fetchall()}


def test_a_month_begins_with_the_smallest_id_of_its_first_millisecond() -> None:
    month = Month(2026, 12)
    start = datetime(2026, 12, 1, tzinfo=UTC)
    assert month.first_id <= id_at(start)
    assert id_at(start - timedelta(milliseconds=1)) < month.first_id
    assert Month.of_id(id_at(start)) == month
    assert Month.of_id(uuid.uuid4()) is None
    assert month.plus(1) == Month(2027, 1)
    assert month.plus(-12) == Month(2025, 12)
    assert list(months(Month(2026, 11), Month(2027, 1))) == [
        Month(2026, 11),
        Month(2026, 12),
        Month(2027, 1),
    ]


@pytest.mark.parametrize("table", TABLES)
def test_this_month_and_the_next_ones_are_there(table: str) -> None:
    current = Month.of(timezone.now())
    assert set(months(current, current.plus(AHEAD))) <= set(existing_months(table))


def test_rows_lie_in_the_month_of_their_run() -> None:
    run = make_run(new_actor())
    record_something(run)
    month = Month.of_id(run.id)
    assert month is not None
    assert tables_of(run) == {month.table(table) for table in TABLES}


def test_rows_that_fit_no_month_are_kept_all_the_same() -> None:
    run = make_run(new_actor(), uuid.uuid4())
    record_something(run)
    assert tables_of(run) == {f"{table}_default" for table in TABLES}
    assert [event["type"] for event in events_after(run.id, 0)] == ["run.started"]


def test_what_is_known_already_is_written_once() -> None:
    run = make_run(new_actor())
    for _ in range(2):
        with transaction.atomic():
            held = hold_run(str(run.id), events=1)
            write_events(held, [Event("run.started", "run.started")])
            recording.write_records(held, [record()])
    assert RunEvent.objects.filter(run=run).count() == 1
    assert NodeRun.objects.filter(run=run).count() == 1


def record() -> Any:
    return {
        "node": "start",
        "type": "input",
        "path": [],
        "status": "succeeded",
        "input": {},
        "output": {},
        "ports": ["out"],
        "error": None,
        "at": timezone.now().isoformat(),
    }


#: The statements of the hot path, with the values that tell PostgreSQL their types.
HOT: dict[str, tuple[str, Any]] = {
    "events": (
        recording._WRITE_EVENTS,
        lambda run: {"run": run, "base": 1, "events": "[]", "channel": "channel", "news": "news"},
    ),
    "records": (recording.INSERT_RECORDS, lambda run: {"run": run, "records": "[]"}),
    "begin": (
        attempts._INSERT,
        lambda run: {
            "id": new_id(),
            "run": run,
            "node": "start",
            "type": "input",
            "path": "[]",
            "attempt": 1,
            "token": "x",
        },
    ),
    "close": (
        results._CLOSE,
        lambda run: (
            dict.fromkeys(
                ("input", "output", "ports", "error"),
            )
            | {
                "status": "succeeded",
                "ends_run": "",
                "model": "",
                "input_tokens": 0,
                "output_tokens": 0,
                "cost": 0,
                "run": run,
                "node": "start",
                "path": "[]",
                "attempt": 1,
            }
        ),
    ),
    "events after": (
        "SELECT * FROM execution_runevent WHERE run_id = %s AND seq > %s ORDER BY seq LIMIT 200",
        lambda run: [run, 0],
    ),
}


def explain_prepared(statement: str, values: Any) -> str:
    """The plan of a prepared statement, as it was carried out with these values."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        name = found[1]
        if name is None or name not in names:
            names.append(name or "")
        return f"${names.index(name) + 1}" if name else f"${len(names)}"

    numbered = re.sub(r"%(?:\((\w+)\))?s", number, statement)
    given = [values[name] for name in names] if isinstance(values, dict) else values
    literals = sql.SQL(", ").join(sql.Literal(value) for value in given)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(f"PREPARE hot AS {numbered}"))
        cursor.execute(sql.SQL("EXPLAIN (ANALYZE, COSTS OFF) EXECUTE hot ({})").format(literals))
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE hot")
    return plan


@pytest.mark.parametrize("name", HOT)
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_a_statement_of_the_hot_path_touches_one_month(name: str, mode: str) -> None:
    statement, values = HOT[name]
    run = make_run(new_actor())
    record_something(run)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL plan_cache_mode = {mode}")
    plan = explain_prepared(statement, values(str(run.id)))
    month = Month.of_id(run.id)
    assert month is not None
    for table in TABLES:
        others = {f"{table}_default", *(one.table(table) for one in existing_months(table))}
        others.discard(month.table(table))
        assert [one for one in others if one in plan] == []


def test_a_month_that_nobody_made_in_time_takes_what_was_written_meanwhile() -> None:
    run = make_run(new_actor(), id_at(datetime(2031, 5, 17, tzinfo=UTC)))
    record_something(run)
    assert tables_of(run) == {f"{table}_default" for table in TABLES}
    assert partitions.make_months_ahead(datetime(2031, 5, 20, tzinfo=UTC)) == 2 * (1 + AHEAD)
    assert tables_of(run) == {Month(2031, 5).table(table) for table in TABLES}
    assert partitions.make_months_ahead(datetime(2031, 5, 20, tzinfo=UTC)) == 0


def test_a_past_month_goes_when_its_last_row_is_gone() -> None:
    now = datetime(2031, 5, 20, tzinfo=UTC)
    partitions.make_months_ahead(now)
    run = make_run(new_actor(), id_at(now))
    record_something(run)
    partitions.drop_empty_months(datetime(2031, 6, 30, tzinfo=UTC))
    assert existing_months("execution_noderun")[0] == Month(2031, 5)
    later = datetime(2031, 7, 2, tzinfo=UTC)
    partitions.drop_empty_months(later)
    assert Month(2031, 5) in existing_months("execution_noderun")
    run.delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # As after a commit.
    assert partitions.drop_empty_months(later) == 2
    assert Month(2031, 5) not in existing_months("execution_noderun")
    assert Month(2031, 6) in existing_months("execution_noderun")


@pytest.fixture
def whole_database(transactional_db: None) -> Iterator[None]:
    """What is done to the tables is undone."""
    yield
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS {Month(2031, 5).table(table)}")


@pytest.mark.usefixtures("whole_database")
def test_making_a_month_waits_for_nobody_who_holds_the_tables() -> None:
    run = make_run(new_actor())
    holding, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE execution_runevent_default IN ROW EXCLUSIVE MODE")
                cursor.execute("LOCK TABLE execution_noderun_default IN ROW EXCLUSIVE MODE")
                holding.set()
                over.wait(10)
        finally:
            connection.close()

    other = threading.Thread(target=hold)
    other.start()
    holding.wait(10)
    try:
        assert partitions.make_months_ahead(datetime(2031, 5, 20, tzinfo=UTC)) == 0
        record_something(run)
    finally:
        over.set()
        other.join(10)
    assert Month(2031, 5) not in existing_months("execution_noderun")


@pytest.mark.usefixtures("whole_database")
def test_the_migration_keeps_every_row_on_the_way_there_and_back() -> None:
    module = importlib.import_module("execution.migrations.0003_partitions")
    run, odd = make_run(new_actor()), make_run(new_actor(), uuid.uuid4())
    record_something(run)
    record_something(odd)

    def rows() -> list[Any]:
        kept = NodeRun.objects.order_by("run_id", "id").values_list()
        return [*kept, *RunEvent.objects.order_by("run_id", "seq").values_list()]

    before = rows()
    for step in (module.into_one_table, module.into_months):
        with connection.schema_editor(atomic=True) as editor:
            step(None, editor)
        assert rows() == before
    assert tables_of(odd) == {f"{table}_default" for table in TABLES}
