"""What the operating system forbids a process of the sandbox, whatever its interpreter does."""

import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

#: Bytes of address space beside what the code may use: the interpreter itself, and its stack.
OVERHEAD = 512_000_000
#: Seconds of CPU beside what the code may use: starting, reading inputs, writing the result.
CPU_MARGIN = 5
#: The priority of what takes long, below the worker, the web server and the databases.
NICE = 15


class SandboxProcess:
    """A running process, known by a handle that never means another one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None

    def confine(self, seconds: float, memory_bytes: int) -> None:
        """Take from it what code never needs. Raises OSError where it has gone already.

        It keeps its three pipes and gets no other descriptor: no file, no socket. Linux only;
        elsewhere the interpreter's own limits are all there is.
        """
        if not hasattr(resource, "prlimit"):
            return
        limits = {
            resource.RLIMIT_NOFILE: 0,
            resource.RLIMIT_NPROC: 0,
            resource.RLIMIT_FSIZE: 0,
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_CPU: int(seconds) + CPU_MARGIN,
            resource.RLIMIT_AS: OVERHEAD + memory_bytes,
        }
        for name, most in limits.items():
            resource.prlimit(self.pid, name, (most, most))
        # Should the machine run out of memory, this goes first. Some systems forbid saying so.
        with suppress(OSError):
            Path(f"/proc/{self.pid}/oom_score_adj").write_text("1000")

    def yield_to_others(self) -> None:
        """Lower its priority, for good."""
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{self.pid}/task"):
                os.setpriority(os.PRIO_PROCESS, int(thread), NICE)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            if self._handle is None:
                os.kill(self.pid, signal.SIGKILL)
            else:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def forget(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
