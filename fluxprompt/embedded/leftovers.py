"""What a PostgreSQL that was killed leaves behind: processes on their way out, and lock files."""

import contextlib
import os
import time
from pathlib import Path

from fluxprompt.embedded.errors import StackError

_PROCESSES = Path("/proc")


def clear_leftovers(folder: Path, sockets: Path, port: int, *, seconds: float = 15) -> None:
    """Wait until no process of a PostgreSQL works in its data folder; then remove its locks.

    The locks hold process numbers. After a crash or a reboot such a number may be another
    program's, which PostgreSQL takes for a running server, and does not start.
    """
    if not (_PROCESSES / "self").exists():
        # No way to tell (macOS): PostgreSQL decides by itself.
        return
    end = time.monotonic() + seconds
    while (pid := process_in(folder)) is not None:
        if time.monotonic() > end:
            raise StackError(f"Another PostgreSQL (process {pid}) runs on {folder}: stop it first.")
        time.sleep(0.02)
    socket = sockets / f".s.PGSQL.{port}"
    for lock in (folder / "postmaster.pid", socket.with_name(f"{socket.name}.lock"), socket):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            lock.unlink()


def process_in(folder: Path) -> int | None:
    """A process that works in this data folder, as all of a PostgreSQL's do."""
    place = os.path.realpath(folder)
    for entry in _PROCESSES.glob("[0-9]*/cwd"):
        try:
            if os.readlink(entry) == place:
                return int(entry.parent.name)
        except OSError:
            # It ended meanwhile, or belongs to somebody else.
            continue
    return None
