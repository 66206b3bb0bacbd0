"""What `up` says when folders, ports or settings are not as they should be."""

import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from fluxprompt.embedded import up
from fluxprompt.embedded.configuration import Configuration
from fluxprompt.embedded.data_folder import DataFolder
from fluxprompt.embedded.errors import StackError
from fluxprompt.embedded.ports import require_free
from fluxprompt.embedded.postgres import Postgres
from fluxprompt.embedded.processes import spawn
from fluxprompt.testing.throw_away import throw_away_folder


def test_two_copies_cannot_share_a_data_folder(tmp_path: Path) -> None:
    first = DataFolder(tmp_path)
    with pytest.raises(StackError, match=rf"Another .* \(process {os.getpid()}\).*FLUX_DATA_DIR"):
        DataFolder(tmp_path)
    first.release()
    DataFolder(tmp_path).release()


def test_a_file_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="which is not a folder"):
        DataFolder(tmp_path / "file")
    with pytest.raises(StackError, match="which is not a folder"):
        DataFolder(tmp_path / "file" / "var")


def test_a_nearly_full_disk_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    folder = DataFolder(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 10**8, 10**8))
    assert "Only 100 MB are free" in str(folder.warning())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 0, 10**12))
    assert folder.warning() is None
    folder.release()


@pytest.mark.parametrize(
    ("number", "sentence"), [(28, "The disk is full"), (30, "cannot be written to")]
)
def test_an_unwritable_disk_is_one_sentence_and_code_1(
    number: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(local_model: bool | None) -> int:
        raise OSError(number, "no", "/data")

    monkeypatch.setattr(up, "_run", fail)
    assert up.main([]) == 1
    assert sentence in capsys.readouterr().err


def test_a_busy_port_is_named_with_the_variable_to_set() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(StackError, match=rf"Port {port} for the web server.*FLUX_PORT=\d+"):
            require_free("127.0.0.1", port, "FLUX_PORT", "the web server", patience=0)
    require_free("127.0.0.1", port, "FLUX_PORT", "the web server", patience=0)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StackError, match=r"FLUX_HOST is “192\.0\.2\.1”"):
        require_free("192.0.2.1", 8000, "FLUX_PORT", "the web server", patience=0)


@pytest.mark.parametrize("value", ["eighty", "0", "70000", "-1", "80.5"])
def test_a_port_that_is_none_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUX_PORT", value)
    with pytest.raises(StackError, match=f"FLUX_PORT must be a number .* not “{value}”"):
        Configuration()


def test_a_database_folder_without_its_version_is_not_overwritten() -> None:
    with throw_away_folder() as folder:
        (folder / "postgres").mkdir()
        (folder / "postgres" / "precious").touch()
        with pytest.raises(StackError, match="is not a PostgreSQL data folder: restore it"):
            Postgres(folder, throw_away=True).prepare()
        assert (folder / "postgres" / "precious").exists()


def test_a_database_of_another_version_is_refused() -> None:
    with throw_away_folder() as folder:
        (folder / "postgres").mkdir()
        (folder / "postgres" / "PG_VERSION").write_text("16\n")
        with pytest.raises(StackError, match="was written by PostgreSQL 16 and this is 18"):
            Postgres(folder, throw_away=True).prepare()


def test_a_damaged_database_is_reported_in_its_own_words() -> None:
    with throw_away_folder() as folder:
        server = Postgres(folder, throw_away=True)
        server.prepare()
        (server.folder / "global" / "pg_control").unlink()
        process = spawn(server.program())
        with pytest.raises(
            StackError, match=r"does not start on .*could not open file .*pg_control"
        ):
            server.wait_until_ready(process)
        shutil.rmtree(server.sockets)


def test_the_database_takes_no_connection_from_outside_and_waits_for_its_disk() -> None:
    with throw_away_folder() as folder:
        arguments = Postgres(folder).program().argv
        assert "listen_addresses=" in arguments
        assert not [word for word in arguments if word.startswith(("fsync", "synchronous_commit"))]
        assert (Postgres(folder).sockets.parent) == Path("/tmp")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that nobody cannot enter")
def test_root_in_a_private_home_gets_a_database_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr("fluxprompt.embedded.accounts.SHARED", shared)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    server = Postgres(home)
    assert server.folder.parent == shared
    # The next start finds the same one.
    assert Postgres(home).folder == server.folder
