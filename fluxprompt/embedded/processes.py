"""Child processes that never outlive the process that started them."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pwd import struct_passwd
from typing import Any

_PR_SET_PDEATHSIG = 1
# Resolved here, before any fork: a child that has changed its user may be unable to read libc.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
#: A log that has grown beyond this is set aside as `<name>.1` when its process starts.
LOG_LIMIT_BYTES = 10_000_000


def open_log(path: Path) -> int:
    """A file descriptor that appends to the log, rotated first if it has grown too large.

    Children write to files, never to pipes: a pipe that nobody reads would freeze them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


def tied_to_parent(death_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn` after which the kernel sends `death_signal` when the parent's thread ends.

    It has to run after a change of user, which clears the setting; `Popen(user=…)` does that.
    """
    parent = os.getpid()

    def tie() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            # The parent went away between the fork and the line above.
            os._exit(1)

    return tie


def spawn_arguments(
    account: struct_passwd | None = None, death_signal: signal.Signals = signal.SIGKILL
) -> dict[str, Any]:
    """Keywords of `subprocess.Popen` for a tied child in a session of its own.

    Its own session keeps a terminal's Ctrl-C from reaching it before its turn to stop.
    """
    arguments: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,
        "preexec_fn": tied_to_parent(death_signal),
    }
    if account is not None:
        arguments |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return arguments


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: struct_passwd | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> "subprocess.Popen[bytes]":
    """Start a tied child that writes to `log`. Call it from a thread that lives on."""
    handle = open_log(log)
    try:
        return subprocess.Popen(
            argv,
            stdout=handle,
            stderr=handle,
            env=None if env is None else dict(env),
            cwd=cwd,
            **spawn_arguments(account, death_signal),
        )
    finally:
        os.close(handle)


def last_lines(path: Path, count: int = 1) -> str:
    """The last lines of a log that say something."""
    try:
        text = path.read_text(errors="replace")[-8000:]
    except FileNotFoundError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-count:])
