"""Logs that grow while their process runs, and failures on a full disk."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from fluxprompt.embedded import logs
from fluxprompt.embedded.terminal import LoudLines


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOG_LIMIT_BYTES", 10)


def test_a_large_log_is_cut_while_its_process_writes_on(tmp_path: Path) -> None:
    (tmp_path / "small.log").write_text("short")
    log = tmp_path / "web.log"
    loud = LoudLines({"web": log})
    with log.open("a") as file:
        file.write("what was said before\n")
        file.flush()
        assert loud.new() == []
        logs.cut_large(tmp_path)
        file.write("ERROR after\n")
    assert log.read_text() == "ERROR after\n"
    assert loud.new() == ["web: ERROR after"]
    aside = tmp_path / "web.log.1"
    assert aside.read_text() == "what was said before\n"
    assert aside.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"small.log", "web.log", "web.log.1"}


def test_a_log_without_room_for_its_copy_is_cut_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "web.log"
    log.write_text("what was said before")

    def full(*files: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        logs.cut_large(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["web.log"]
    assert log.read_text() == ""


def test_a_full_disk_is_the_reason_of_whatever_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "static.log"
    log.write_text("")
    assert logs.reason(log) == "it says nothing"
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1))
    assert "the disk is full" in logs.reason(log)


def test_the_reason_of_a_refused_setting_is_told_with_its_hint(tmp_path: Path) -> None:
    log = tmp_path / "setup-link.log"
    log.write_text(
        "SystemCheckError: System check identified some issues:\n\nERRORS:\n"
        "?: (accounts.E008) FLUX_RATE_LIMITS names 'x'.\n\tHINT: There are: codec.\n"
    )
    assert logs.reason(log) == (
        "(accounts.E008) FLUX_RATE_LIMITS names 'x'. HINT: There are: codec"
    )
    log.write_text("Traceback\n  File\nValueError: no such port.\n")
    assert logs.reason(log) == "ValueError: no such port"
