"""Which Chromium the browser tests take, and what is installed for them."""

from pathlib import Path

import pytest

from fluxprompt.testing import chromium

#: `apt-get` that notes what it was asked for and has only these packages.
_APT = """#!/bin/sh
echo "$@" >> {log}
for word; do package=$word; done
case " {has} " in
*" $package "*) printf '#!/bin/sh\\n' > {bin}/$package; {chmod} +x {bin}/$package;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds all programs of a Debian machine on which nobody named a Chromium."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    for name in (*chromium.VARIABLES, "CI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _program(folder: Path, name: str, text: str = "#!/bin/sh\n") -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def _apt(folder: Path, *packages: str) -> Path:
    log = folder / "asked"
    log.touch()
    words = {"log": log, "bin": folder, "has": " ".join(packages), "chmod": "/bin/chmod"}
    _program(folder, "apt-get", _APT.format(**words))
    return log


def test_the_light_one_is_taken_where_both_are(machine: Path) -> None:
    _program(machine, "chromium")
    _program(machine, chromium.LIGHT)
    assert chromium.find() == str(machine / chromium.LIGHT)


def test_a_bare_machine_gets_the_light_one(machine: Path) -> None:
    log = _apt(machine, "chromium", chromium.LIGHT)
    assert chromium.find_or_install() == str(machine / chromium.LIGHT)
    assert (
        log.read_text()
        .splitlines()[-1]
        .endswith(f"install -y --no-install-recommends {chromium.LIGHT}")
    )


def test_where_there_is_no_light_one_the_other_is_installed(machine: Path) -> None:
    _apt(machine, "chromium")
    assert chromium.find_or_install() == str(machine / "chromium")


def test_a_developers_machine_is_left_as_it_is(machine: Path) -> None:
    _program(machine, "chromium")
    log = _apt(machine, chromium.LIGHT)
    assert chromium.find_or_install() == str(machine / "chromium")
    assert log.read_text() == ""


def test_a_machine_for_tests_gets_the_light_one_beside_the_other(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    _program(machine, "chromium")
    _apt(machine, chromium.LIGHT)
    assert chromium.find_or_install() == str(machine / chromium.LIGHT)
