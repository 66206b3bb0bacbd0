"""The logs of the children: kept from growing for ever, and asked for the reason of a failure."""

import os
import shutil
from pathlib import Path

from fluxprompt.embedded.processes import LOG_LIMIT_BYTES, last_lines

#: A server cannot go on with less: PostgreSQL writes its log of changes in pieces of 16 MB.
NEEDED_BYTES = 16_000_000


def is_full(folder: Path) -> bool:
    """Whether the folder's disk has no room to work in."""
    return shutil.disk_usage(folder).free < NEEDED_BYTES


def reason(log: Path) -> str:
    """Why a program failed. A full disk first: then its log may be cut off or empty."""
    if is_full(log.parent):
        return "the disk is full, free some space and start again"
    said = last_lines(log, 40)
    # What Django's checks refuse stands above its hint: both are needed.
    _, refused, checks = said.rpartition("ERRORS:\n")
    told = checks if refused else said.rpartition("\n")[2]
    return " ".join(told.split()).removeprefix("?: ").rstrip(".") or "it says nothing"


def cut_large(folder: Path) -> None:
    """Set what large logs hold aside as `<name>.log.1`, for processes that go on writing.

    They append, so a log that is emptied under their hands grows from its beginning again. What is
    said between the copy and the cut is lost.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size <= LOG_LIMIT_BYTES:
            continue
        aside = log.with_name(f"{log.name}.1.new")
        try:
            with log.open("rb") as said, os.fdopen(_private(aside), "wb") as copy:
                shutil.copyfileobj(said, copy)
            aside.replace(log.with_name(f"{log.name}.1"))
        finally:
            # On a full disk an old copy is worth less than the room for the next lines.
            aside.unlink(missing_ok=True)
            os.truncate(log, 0)


def _private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
