"""Attempts and events move into one table per month; see execution/partitions.py.

The tables keep their names. Rows are copied in the migration's transaction: a few minutes for
every ten million of them, during which nothing can be recorded.
"""

from datetime import UTC, datetime

import django.db.models.deletion
from django.db import migrations, models

from execution.partitions import AHEAD, Month, add_month, months

#: Table, and its keys: name, what it is, columns. Every key of a table in parts holds what parts
#: it, so the id of an attempt is joined by its run; the id comes first, for whoever asks by it.
KEYS = {
    "execution_noderun": (
        ("execution_noderun_pkey", "PRIMARY KEY", "id, run_id", "id"),
        ("node_run_attempt_once", "UNIQUE", *(("run_id, node, path, attempt",) * 2)),
    ),
    "execution_runevent": (
        ("execution_runevent_pkey", "PRIMARY KEY", *(("run_id, seq",) * 2)),
        ("run_event_key_once", "UNIQUE", *(("run_id, key",) * 2)),
    ),
}
FOREIGN_KEY = """
ALTER TABLE {table} ADD CONSTRAINT {table}_run_id_fk FOREIGN KEY (run_id)
  REFERENCES execution_run (id) DEFERRABLE INITIALLY DEFERRED
"""


def into_months(apps, schema_editor):
    for table, keys in KEYS.items():
        _set_aside(schema_editor, table)
        _make_like_the_old(schema_editor, table, "PARTITION BY RANGE (run_id)")
        _add_keys(schema_editor, table, [key[:3] for key in keys])
        schema_editor.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
        current = Month.of(datetime.now(UTC))
        for month in months(min(current, _oldest(schema_editor, current)), current.plus(AHEAD)):
            add_month(table, month)
        _copy_and_drop(schema_editor, table)


def into_one_table(apps, schema_editor):
    for table, keys in KEYS.items():
        _set_aside(schema_editor, table)
        _make_like_the_old(schema_editor, table, "")
        _add_keys(schema_editor, table, [(*key[:2], key[3]) for key in keys])
        _copy_and_drop(schema_editor, table)


def _oldest(schema_editor, current):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT min(created_at) FROM execution_run")
        oldest = cursor.fetchone()[0]
    return Month.of(oldest) if oldest else current


def _set_aside(schema_editor, table):
    """Rename the table and drop its keys, whose names are wanted again."""
    # What is still to be checked at the commit would keep the table from being altered.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    schema_editor.execute(f"ALTER TABLE {table} RENAME TO {table}_old")
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass"
            " AND contype IN ('p', 'u', 'f')",
            [f"{table}_old"],
        )
        names = [row[0] for row in cursor.fetchall()]
    for name in names:
        schema_editor.execute(f'ALTER TABLE {table}_old DROP CONSTRAINT "{name}"')


def _make_like_the_old(schema_editor, table, parts):
    schema_editor.execute(
        f"CREATE TABLE {table} (LIKE {table}_old INCLUDING DEFAULTS INCLUDING CONSTRAINTS) {parts}"
    )


def _add_keys(schema_editor, table, keys):
    for name, kind, columns in keys:
        schema_editor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {kind} ({columns})")


def _copy_and_drop(schema_editor, table):
    schema_editor.execute(f"INSERT INTO {table} SELECT * FROM {table}_old")
    schema_editor.execute(f"DROP TABLE {table}_old")
    # Last: checked in one go, not row by row.
    schema_editor.execute(FOREIGN_KEY.format(table=table))


class Migration(migrations.Migration):

    dependencies = [
        ('execution', '0002_run_kinds'),
    ]

    operations = [
        migrations.RunPython(into_months, into_one_table),
    ]
