"""The embedded PostgreSQL after a crash, and among variables that are meant for others."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fluxprompt import paths
from fluxprompt.embedded.leftovers import clear_leftovers, process_in
from fluxprompt.embedded.postgres import Postgres
from fluxprompt.embedded.processes import Program, kill_group, spawn
from fluxprompt.testing.throw_away import throw_away_folder

FOREIGN = {"PGPORT": "6543", "PGHOSTADDR": "192.0.2.1", "PGSERVICE": "no-such", "PGOPTIONS": "-c x"}


@pytest.fixture
def folder() -> Iterator[Path]:
    with throw_away_folder() as made:
        yield made


def test_it_starts_although_its_old_number_belongs_to_another_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    paths.forget_other_databases()
    server = Postgres(folder, throw_away=True)
    server.prepare()
    # A process that it may not ignore: of its own account.
    other = spawn(Program(["sleep", "60"], folder / "log", account=server.account))
    lines = f"{other.pid}\n{server.folder}\n1700000000\n5432\n{server.sockets}\n\n"
    for lock in (server.folder / "postmaster.pid", server.sockets / ".s.PGSQL.5432.lock"):
        lock.write_text(lines)
        if server.account is not None:
            os.chown(lock, server.account.pw_uid, server.account.pw_gid)
    try:
        server.prepare()
        process = spawn(server.program())
        try:
            server.wait_until_ready(process, 20)
            server.create_database()
            psycopg.connect(paths.embedded_database_url(folder)).close()
        finally:
            server.stop(process)
    finally:
        kill_group(other.pid)
        other.wait()
        shutil.rmtree(server.sockets)


def test_the_locks_of_a_server_that_runs_are_left_alone(tmp_path: Path) -> None:
    lock = tmp_path / "postmaster.pid"
    lock.touch()
    server = spawn(Program(["sleep", "60"], tmp_path / "log", cwd=tmp_path))
    try:
        assert process_in(tmp_path) == server.pid
        with pytest.raises(Exception, match=rf"process {server.pid}\) runs on"):
            clear_leftovers(tmp_path, tmp_path, 5432, seconds=0.1)
        assert lock.exists()
    finally:
        kill_group(server.pid)
        server.wait()
    clear_leftovers(tmp_path, tmp_path, 5432)
    assert not lock.exists()


def test_only_variables_of_postgresql_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FLUX_PORT", "8001")
    paths.forget_other_databases()
    assert not [name for name in os.environ if name.startswith("PG")]
    assert os.environ["FLUX_PORT"] == "8001"
