"""Where a copy of FluxPrompt keeps its data and its sockets. Standard library only."""

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: It names the socket of the embedded PostgreSQL; nothing listens on the port.
SOCKET_PORT = 5432


def data_dir() -> Path:
    """The folder of all stored data (FLUX_DATA_DIR, default var/ in the checkout)."""
    return Path(os.environ.get("FLUX_DATA_DIR") or ROOT / "var").resolve()


def socket_dir(data: Path | None = None) -> Path:
    """A short folder for the embedded PostgreSQL's socket, one per data folder.

    Socket paths may have 107 bytes at most, so the data folder's path is hashed.
    """
    digest = hashlib.sha256(str(data or data_dir()).encode()).hexdigest()[:12]
    return Path("/tmp") / f"fluxprompt-{os.getuid()}-{digest}"


def embedded_database_url(data: Path | None = None) -> str:
    """The address of the embedded database of this data folder."""
    return f"postgres://flux@/fluxprompt?host={socket_dir(data)}&port={SOCKET_PORT}"


def forget_other_databases() -> None:
    """Take PGHOSTADDR, PGOPTIONS, PGSERVICE and the like out of the environment.

    They complete every address of a database, and would lead that of the embedded one elsewhere.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
