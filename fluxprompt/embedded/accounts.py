"""Which account the embedded PostgreSQL runs as, and what that account can reach."""

import os
import pwd
import stat
from pathlib import Path

from fluxprompt.embedded.errors import StackError

#: Where root keeps what the unprivileged account cannot reach inside a private home folder.
SHARED = Path("/var/lib/fluxprompt")


def postgres_account() -> pwd.struct_passwd | None:
    """`nobody` when we are root (PostgreSQL refuses to run as root), else None: ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise StackError(
            "PostgreSQL does not run as root and this machine has no account `nobody`: "
            "run this as an ordinary user, or set DATABASE_URL."
        ) from None


def reachable(path: Path) -> bool:
    """Whether everybody may pass through the folder and all its parents."""
    return all(
        stat.S_IMODE(folder.stat().st_mode) & stat.S_IXOTH for folder in (path, *path.parents)
    )


def shared_folder() -> Path:
    """The folder for root's copies, made if missing; refused if others could tamper with it."""
    try:
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        found = SHARED.lstat()
    except OSError as error:
        raise StackError(
            f"{SHARED} cannot be made ({error.strerror}), and PostgreSQL cannot run inside a "
            "private home folder: move the checkout and FLUX_DATA_DIR to a folder that every "
            "account can enter, or set DATABASE_URL."
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise StackError(f"{SHARED} must be a folder that only root can write to.")
    return SHARED


def private_folder(path: Path, account: pwd.struct_passwd | None) -> None:
    """Make a folder (0700) that belongs to the account, refusing one that is somebody else's."""
    owner = os.geteuid() if account is None else account.pw_uid
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), owner}:
        raise StackError(
            f"{path} belongs to somebody else: remove it or choose another FLUX_DATA_DIR."
        )
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(0o700)
