"""A PostgreSQL that lives as long as a block of code."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fluxprompt.embedded.postgres import Postgres
from fluxprompt.embedded.processes import spawn
from fluxprompt.paths import forget_other_databases


@contextmanager
def throw_away_folder() -> Iterator[Path]:
    """A temporary folder that the database's own account can pass through."""
    with tempfile.TemporaryDirectory(prefix="fluxtest-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@contextmanager
def throw_away_postgres(folder: Path) -> Iterator[str]:
    """Start a server that keeps nothing; yields its address. StackError when it cannot."""
    forget_other_databases()
    server = Postgres(folder, throw_away=True)
    try:
        server.prepare()
        process = spawn(server.program())
        try:
            server.wait_until_ready(process)
            server.create_database()
            yield server.url()
        finally:
            server.stop(process)
    finally:
        shutil.rmtree(server.sockets, ignore_errors=True)
