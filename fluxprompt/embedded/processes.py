"""Child processes that never outlive the process that started them."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pwd import struct_passwd
from typing import Any

_PR_SET_PDEATHSIG = 1
# Resolved here, before any fork: a child that has changed its user may be unable to read libc.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
#: A log that has grown beyond this is set aside as `<name>.1`.
LOG_LIMIT_BYTES = 10_000_000


@dataclass(frozen=True)
class Program:
    """What to run: `env` None means ours, `account` None means us."""

    argv: list[str]
    log: Path
    env: dict[str, str] | None = None
    cwd: Path | None = None
    account: struct_passwd | None = None
    #: What the kernel sends to the child when the thread that started it ends.
    death_signal: signal.Signals = signal.SIGKILL
    #: What it stores is for its own account only; -1 leaves ours.
    umask: int = 0o077


def spawn(program: Program) -> "subprocess.Popen[bytes]":
    """Start a tied child that writes to its log. Call it from a thread that lives on."""
    handle = _open_log(program.log)
    try:
        return subprocess.Popen(
            program.argv, stdout=handle, stderr=handle, **_popen_arguments(program)
        )
    finally:
        os.close(handle)


async def spawn_async(program: Program) -> asyncio.subprocess.Process:
    """`spawn` for the event loop."""
    handle = _open_log(program.log)
    try:
        return await asyncio.create_subprocess_exec(
            *program.argv, stdout=handle, stderr=handle, **_popen_arguments(program)
        )
    finally:
        os.close(handle)


def run(program: Program) -> "subprocess.CompletedProcess[str]":
    """Run a tied child to its end and return what it said; nothing goes to its log."""
    return subprocess.run(program.argv, capture_output=True, text=True, **_popen_arguments(program))


async def run_async(program: Program) -> int:
    """Run a tied child to its end, its words in its log; killed if the caller is cancelled."""
    process = await spawn_async(program)
    try:
        return await process.wait()
    except asyncio.CancelledError:
        kill_group(process.pid)
        await process.wait()
        raise


def kill_group(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a child of ours and to whatever it has started."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        # It has ended, and its number may be somebody else's by now.
        return


def last_lines(path: Path, count: int = 1) -> str:
    """The last lines of a log that say something."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16_000))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-count:])


def _open_log(path: Path) -> int:
    """A file descriptor that appends to the log, rotated first if it has grown too large.

    Children write to files, never to pipes: a pipe that nobody reads would freeze them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _popen_arguments(program: Program) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "env": program.env,
        "cwd": program.cwd,
        "umask": program.umask,
        # A session of its own keeps a terminal's Ctrl-C from reaching it before its turn.
        "start_new_session": True,
        "preexec_fn": _tied_to_parent(program.death_signal),
    }
    if program.account is not None:
        arguments |= {
            "user": program.account.pw_uid,
            "group": program.account.pw_gid,
            "extra_groups": [],
        }
    return arguments


def _tied_to_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` after which the kernel sends `death_signal` when the parent's thread ends.

    It runs after `Popen(user=…)` has changed the user, which would clear the setting.
    """
    parent = os.getpid()

    def tie() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            # The parent went away between the fork and the line above.
            os._exit(1)

    return tie
