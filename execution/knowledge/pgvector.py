"""The database's own part of knowledge: the pgvector extension, at a version that serves."""

from typing import Any

from django.db import DatabaseError, transaction

#: Half-precision vectors came with 0.7, scans that go on until enough is found with 0.8.
LEAST_VERSION = (0, 8)
_MISSING = """
The database lacks the extension "vector" (pgvector), which knowledge collections need, and it could
not be created: {error}
Install pgvector 0.8 or newer on the database server (most hosts offer it; on Debian the package is
postgresql-<version>-pgvector), then run as a superuser in this database

    CREATE EXTENSION vector;

and migrate again. Without DATABASE_URL, FluxPrompt brings a PostgreSQL that has it."""
_OLD = """
The database's extension "vector" (pgvector) is {found}; knowledge collections need 0.8 or newer.
Update pgvector on the database server, then run as a superuser in this database

    ALTER EXTENSION vector UPDATE;

and migrate again."""


class VectorsMissing(Exception):
    """pgvector is not there, or too old; the message says what to do."""


def ensure_vectors(connection: Any) -> None:
    """Make the extension where it is not there. Raises VectorsMissing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = cursor.fetchone()
        if row is None:
            try:
                with transaction.atomic(using=connection.alias):
                    cursor.execute("CREATE EXTENSION vector")
            except DatabaseError as error:
                raise VectorsMissing(_MISSING.format(error=str(error).strip())) from error
            cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
            row = cursor.fetchone()
    check_version(row[0])


def check_version(found: str) -> None:
    """Raises VectorsMissing where this version does not serve."""
    if tuple(int(part) for part in found.split(".")[:2]) < LEAST_VERSION:
        raise VectorsMissing(_OLD.format(found=found))
