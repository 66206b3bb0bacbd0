"""Writes a run that is over before it was recorded, all of it in one statement.

Row, steps, words and events: one statement is one transaction without BEGIN and COMMIT, and one
wait for the database instead of six (figures: docs/benchmarks.md).
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from django.db import connection, transaction
from django.db.models import JSONField
from django.db.models.expressions import DatabaseDefault

from execution.blobs import NewBlob, save_blobs
from execution.models import Run
from execution.recording import (
    CHANNEL,
    INSERT_EVENTS,
    INSERT_RECORDS,
    Event,
    HeldRun,
    event_rows,
    in_statements,
    news_of,
    record_rows,
    write_records,
)
from execution.run_limits import count_run, is_counted
from execution.search import INSERT_WORDS, FoundBy
from execution.shapes import NodeRecord

JSON = Any
_FIELDS = tuple(Run._meta.concrete_fields)
_COLUMNS = ", ".join(f'"{field.column}"' for field in _FIELDS)
_WRITE = f"""
WITH run AS (
  INSERT INTO execution_run ({_COLUMNS})
  SELECT {_COLUMNS} FROM jsonb_populate_record(NULL::execution_run, %(row)s::jsonb)),
steps AS ({INSERT_RECORDS}), found_by AS ({INSERT_WORDS}), events AS ({INSERT_EVENTS})
SELECT pg_notify(%(channel)s, %(news)s)
"""


def write_whole_run(
    run: Run, blobs: Sequence[NewBlob], records: Sequence[NodeRecord], events: Sequence[Event]
) -> None:
    """Write a run that has ended, its large inputs, its steps and all of its events, from 1 on.

    Raises IntegrityError, DataError and PlanLimitReached; then nothing of it is written.
    """
    run_id = str(run.id)
    found_by = FoundBy(
        run_id,
        str(run.workspace_id),
        str(run.flow_id),
        run.session_id,
        run.inputs,
        run.outputs,
        run.error,
    )
    steps, ends = in_statements(records)
    values: dict[str, JSON] = {
        "run": run_id,
        "row": _row(run),
        "records": record_rows(steps),
        "words": list(found_by.words()),
        "base": 0,
        "events": event_rows(events),
        "channel": CHANNEL,
        "news": news_of(run_id, ended=True),
    }
    with_others = blobs or ends or connection.in_atomic_block or is_counted(run)
    with transaction.atomic() if with_others else nullcontext():
        count_run(run)
        save_blobs(run.workspace_id, blobs)
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, values)
        write_records(HeldRun.of_new(run), ends)
    run._state.adding = False


def _row(run: Run) -> str:
    """The run's columns as JSON; texts of times, ids and amounts are read by the database."""
    row: dict[str, JSON] = {}
    for field in _FIELDS:
        value = getattr(run, field.attname)
        if isinstance(value, DatabaseDefault):
            value = field.db_default
            setattr(run, field.attname, value)
        if not isinstance(field, JSONField) and not isinstance(value, str | int | None):
            value = str(value)
        row[str(field.column)] = value
    return json.dumps(row)
