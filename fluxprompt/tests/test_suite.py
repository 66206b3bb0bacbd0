"""`manage.py test` itself, the search for a browser and the build of the front end."""

import sys
import time
from pathlib import Path

import pytest

from fluxprompt import assets
from fluxprompt.embedded import local_model, temporal, wishes
from fluxprompt.embedded.processes import last_lines, spawn
from fluxprompt.testing import chromium, plugin, suite
from fluxprompt.testing.plugin import free_ports

pytest_plugins = ["pytester"]


def test_a_failed_check_fails_the_suite_and_the_later_ones_still_run(
    capfd: pytest.CaptureFixture[str],
) -> None:
    checks = suite.Suite()
    checks.check("first", [sys.executable, "-c", "raise SystemExit('because')"], {})
    checks.check("second", [sys.executable, "-c", "print('quiet')"], {})
    assert checks.summary() == 1
    said = capfd.readouterr().out
    assert "because\nFAILED first (" in said
    assert "ok     second (" in said
    assert "quiet" not in said
    assert said.rstrip().endswith("failed: first.")


def test_arguments_go_to_pytest_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setenv("FLUX_NO_BROWSER", "1")

    def run(arguments: list[str], environment: dict[str, str]) -> int:
        ran.append(arguments)
        return 3

    monkeypatch.setattr(suite, "_pytest", run)
    assert suite.main(["-k", "one", "tests"]) == 3
    assert ran == [["-k", "one", "tests"]]


def test_without_a_browser_the_tests_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in chromium.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    environment: dict[str, str] = {}
    suite._browser(environment)
    assert environment == {"FLUX_NO_BROWSER": "1"}
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    environment = {}
    suite._browser(environment)
    assert environment == {"FLUX_CHROMIUM": str(browser)}


def test_a_browser_test_is_left_out_and_named_where_there_is_none(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_NO_BROWSER", "1")
    # What the inner session leaves out is not told by the outer one.
    monkeypatch.setattr(plugin, "_left_out", [])
    pytester.makeconftest(
        """
        from fluxprompt.testing.plugin import (
            pytest_collection_modifyitems, pytest_terminal_summary,
        )
        """
    )
    pytester.makepyfile("def test_a_page(page): assert False\ndef test_other(): pass")
    others = [word for name in ("django", "playwright", "asyncio") for word in ("-p", f"no:{name}")]
    result = pytester.runpytest_inprocess(*others)
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines(["*left out: no Chromium*", "*::test_a_page"])


def test_the_front_end_is_built_again_only_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontend = tmp_path / "frontend"
    (frontend / "src").mkdir(parents=True)
    (frontend / "package-lock.json").write_text("{}")
    (frontend / "src" / "app.ts").write_text("one")
    (tmp_path / "templates").mkdir()
    built = tmp_path / "static" / "build"
    for name, value in {
        "ROOT": tmp_path,
        "FRONTEND": frontend,
        "BUILT": built,
        "_LOCK": frontend / "package-lock.json",
        "_INSTALLED": frontend / "node_modules" / ".fluxprompt-lock",
        "_STAMP": built / ".fluxprompt-stamp",
    }.items():
        monkeypatch.setattr(assets, name, value)
    ran: list[str] = []

    def run_node(*arguments: str, npm: bool = False) -> object:
        ran.append(arguments[0])
        (frontend / "node_modules").mkdir(exist_ok=True)
        built.mkdir(parents=True, exist_ok=True)
        return assets.subprocess.CompletedProcess(arguments, 0, "", "")

    monkeypatch.setattr(assets, "run_node", run_node)
    said: list[str] = []
    assert assets.build(said.append)
    assert not assets.build(said.append)
    assert ran == ["ci", "build.mjs"]
    (tmp_path / "templates" / "page.html").write_text("<p class='new'>")
    assert assets.build(said.append)
    assert ran == ["ci", "build.mjs", "build.mjs"]
    (frontend / "package-lock.json").write_text("{ }")
    assert assets.build(said.append)
    assert ran[3:] == ["ci", "build.mjs"]


def test_a_registry_that_cannot_be_reached_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = assets.subprocess.CompletedProcess(["npm"], 1, "", "npm error code ENOTFOUND")
    with pytest.raises(assets.AssetsError, match="npm registry cannot be reached"):
        assets._require(done, "No packages")


def test_temporal_and_its_pages_listen_on_loopback_only(tmp_path: Path) -> None:
    program = temporal.server(
        port=1, ui_port=2, database=tmp_path / "db", log=tmp_path / "log", codec_endpoint="http://x"
    )
    words = " ".join(program.argv)
    assert "--ip 127.0.0.1 --port 1 " in words
    assert "--ui-ip 127.0.0.1 --ui-port 2 --ui-disable-news-fetch --ui-codec-endpoint" in words
    assert 'history.timerProcessorMaxTimeShift="10ms"' in program.argv


def test_temporals_database_stays_in_its_folder_whatever_that_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "50% #1 a?b"
    folder.mkdir()
    database = folder / "temporal.db"
    program = temporal.server(
        port=free_ports(1)[0], ui_port=None, database=database, log=tmp_path / "log"
    )
    server = spawn(program)
    try:
        end = time.monotonic() + 20
        while not database.exists():
            assert server.poll() is None, last_lines(program.log, 5)
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        server.kill()
        server.wait()


def test_the_wish_for_the_local_model_is_remembered_and_never_stops_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.setattr(wishes, "installed", lambda: False)
    monkeypatch.setattr(
        wishes, "run", lambda program: assets.subprocess.CompletedProcess([], 1, "", "no network\n")
    )
    wishes.keep_wish(tmp_path, True)
    assert "going on without it: no network" in capsys.readouterr().out
    assert not wishes.local_model_wished(tmp_path)
    monkeypatch.setattr(wishes, "installed", lambda: True)
    wishes.keep_wish(tmp_path, None)
    assert wishes.local_model_wished(tmp_path)
    wishes.keep_wish(tmp_path, False)
    assert not wishes.local_model_wished(tmp_path)


def test_the_local_model_is_pinned() -> None:
    assert "==" in local_model.MODEL_PACKAGE
    assert "==" in local_model.SERVER_PACKAGE
