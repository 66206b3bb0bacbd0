"""The folder of all stored data: made, checked and held by one `up` at a time."""

import fcntl
import os
import shutil
from pathlib import Path

from fluxprompt.embedded.errors import StackError

#: Below this a database may be unable to go on within the hour.
LITTLE_SPACE_BYTES = 500_000_000


class DataFolder:
    """Holds the folder while it lives; the kernel lets go of it when the process dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            made = not path.exists()
            path.mkdir(parents=True, exist_ok=True)
            if made:
                # Its secrets are files that only their owner reads; the database's account
                # has to pass through.
                path.chmod(0o755)
            self._lock = os.open(path / "up.lock", os.O_RDWR | os.O_CREAT, 0o644)
            (path / "logs").mkdir(exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise StackError(f"FLUX_DATA_DIR is {path}, which is not a folder.") from None
        except FileNotFoundError:
            raise StackError(f"FLUX_DATA_DIR is {path}, where no folder can be made.") from None
        except PermissionError:
            raise StackError(
                f"The data folder {path} cannot be written to by this user: make it writable, "
                "or choose another with FLUX_DATA_DIR."
            ) from None
        self._hold()

    def _hold(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 20).decode(errors="replace").strip() or "unknown"
            raise StackError(
                f"Another `manage.py up` (process {holder}) runs on {self.path}: stop it, or "
                "start this one with another FLUX_DATA_DIR and other ports."
            ) from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, str(os.getpid()).encode())

    def warning(self) -> str | None:
        """A sentence when the disk is nearly full."""
        free = shutil.disk_usage(self.path).free
        if free >= LITTLE_SPACE_BYTES:
            return None
        return f"Only {free // 1_000_000} MB are free on the disk of {self.path}."

    def release(self) -> None:
        """Let another `up` have the folder."""
        os.close(self._lock)
