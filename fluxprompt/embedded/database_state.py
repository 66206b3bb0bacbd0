"""Quick looks into the database, without the second and a half that loading Django takes."""

import hashlib
from pathlib import Path

import psycopg

from fluxprompt.embedded.errors import StackError
from fluxprompt.paths import ROOT

APPS = ("accounts", "flows", "billing", "execution")
#: The table that carries the fingerprint of the last preparation as its comment.
MARKED = "flux_cache"


def fingerprint() -> str:
    """Changes with the pinned packages (their migrations, the prices of models) and our own table
    of what models can do: then the database is prepared again.
    """
    settings = (ROOT / "fluxprompt" / "settings.py").read_bytes()
    pinned = (ROOT / "requirements.txt").read_bytes()
    models = (ROOT / "billing" / "model_facts.py").read_bytes()
    return hashlib.sha256(pinned + settings + models).hexdigest()


def is_prepared(url: str) -> bool:
    """Whether all migrations of this checkout were applied to the database."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            query = "select obj_description(to_regclass(%s), 'pg_class')"
            found = connection.execute(query, [MARKED]).fetchone()
            if found is None or found[0] != fingerprint():
                return False
            applied = set(connection.execute("select app, name from django_migrations").fetchall())
    except psycopg.Error:
        return False
    return all((path.parent.parent.name, path.stem) in applied for path in _migrations())


def mark_prepared(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Write the fingerprint down."""
    # COMMENT takes no parameters; the fingerprint is hexadecimal.
    connection.execute(f"comment on table {MARKED} is '{fingerprint()}'".encode())


def has_users(url: str) -> bool:
    """Whether anybody can sign in yet."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        found = connection.execute("select exists (select 1 from accounts_user)").fetchone()
    return bool(found and found[0])


def require_reachable(url: str) -> None:
    """A StackError unless the given database answers."""
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or ["no answer"])[0]
        raise StackError(f"The database of DATABASE_URL cannot be reached: {reason}.") from error


def _migrations() -> list[Path]:
    """Of the apps and those within them, whose folders have their labels."""
    found = [
        path
        for app in APPS
        for pattern in ("migrations/[0-9]*.py", "*/migrations/[0-9]*.py")
        for path in (ROOT / app).glob(pattern)
    ]
    return sorted(found)
