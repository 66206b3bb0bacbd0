"""manage.py on a machine that has nothing yet."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fluxprompt import bootstrap

ROOT = bootstrap.ROOT
OLD_PYTHONS = [
    found
    for name in ("python3.8", "python3.9", "python3.10", "python3.11")
    for found in [
        shutil.which(name),
        *map(str, Path.home().glob(f".pyenv/versions/{name[6:]}.*/bin/{name}")),
    ]
    if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
]

#: The beginning of a Python that tells its version.
SAYS_3_13 = 'if [ "$1" = -c ]; then echo 3.13; exit; fi\n'


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout that the bootstrap works on."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "requirements.txt").write_text("# why\nfirst==1\nsecond==2\n")
    (tmp_path / "tests" / "requirements.txt").write_text("third==3\n")
    venv = tmp_path / ".venv"
    for name, value in {
        "ROOT": tmp_path,
        "VENV": venv,
        "PYTHON": venv / "bin" / "python",
        "STAMP": venv / "fluxprompt-installed.json",
        "LOG": venv / "install.log",
        "UNFINISHED": venv / "install.unfinished",
    }.items():
        monkeypatch.setattr(bootstrap, name, value)
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been run; installing uv makes its program."""
    ran: list[list[str]] = []

    def execute(command: list[str]) -> tuple[int, str]:
        ran.append(command)
        if bootstrap.UV in command:
            (bootstrap.VENV / "bin" / "uv").touch()
        return 0, ""

    monkeypatch.setattr(bootstrap, "execute", execute)
    return ran


def fake_python(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["manage.py", "fluxprompt/bootstrap.py", "fluxprompt/__init__.py"])
def test_what_runs_before_the_venv_is_python_3_8_and_standard_library(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text(), feature_version=(3, 8))
    later = {"django", "fluxprompt"}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            )
            roots = {str(found).split(".")[0] for found in names}
            assert roots <= sys.stdlib_module_names, roots & later


@pytest.mark.parametrize("python", OLD_PYTHONS)
def test_an_old_python_goes_on_inside_the_venv(python: str, tmp_path: Path) -> None:
    (tmp_path / "fluxprompt").mkdir()
    for name in ("manage.py", "fluxprompt/__init__.py", "fluxprompt/bootstrap.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    fake_python(tmp_path / ".venv" / "bin", "python", SAYS_3_13 + 'echo "inside: $2"')
    stamp = tmp_path / ".venv" / "fluxprompt-installed.json"
    empty = bootstrap.hashlib.sha256(b"").hexdigest()
    stamp.write_text(json.dumps({"python": "3.13", "requirements.txt": empty}))
    environment = {k: v for k, v in os.environ.items() if k != "FLUX_BOOTSTRAP"}
    done = subprocess.run(
        [python, "manage.py", "up"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("inside: up\n", "")


def test_a_python_that_is_there_but_does_not_run_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python(tmp_path, "python3.13", "echo 'pyenv: command not found' >&2; exit 127")
    fake_python(tmp_path, "python3.14", "echo 3.14")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 11, 7))
    found = [path for path in bootstrap.candidates() if path.parent == tmp_path]
    monkeypatch.setattr(bootstrap, "candidates", lambda: found)
    assert bootstrap.find_python() == (str(tmp_path / "python3.14"), "3.14")


def test_without_a_new_enough_python_it_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bootstrap, "candidates", list)
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 11, 7))
    with pytest.raises(bootstrap.SetupError, match=r"3\.12 or newer is needed.*3\.11.*apt install"):
        bootstrap.find_python()


def test_a_python_without_venv_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "candidates", list)
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 13, 0))
    with pytest.raises(bootstrap.SetupError, match="apt install python3-venv"):
        bootstrap.find_python()


def test_installing_is_skipped_until_a_requirements_file_changes(
    checkout: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "make_venv", lambda: _venv(checkout))
    bootstrap.install(["requirements.txt"])
    assert bootstrap.is_current(["requirements.txt"])
    assert not bootstrap.is_current(["requirements.txt", "tests/requirements.txt"])
    count = len(commands)
    bootstrap.install(["requirements.txt"])
    assert len(commands) == count
    (checkout / "requirements.txt").write_text("first==2\n")
    assert not bootstrap.is_current(["requirements.txt"])


def test_an_interrupted_installation_is_taken_up_again(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "make_venv", lambda: _venv(checkout))

    def interrupted(command: list[str]) -> tuple[int, str]:
        raise KeyboardInterrupt

    # `manage.py test` itself runs with it.
    monkeypatch.delenv("FLUX_BOOTSTRAP", raising=False)
    monkeypatch.setattr(bootstrap, "execute", interrupted)
    with pytest.raises(SystemExit, match="the same command goes on from here"):
        bootstrap.ensure(["manage.py", "up"])
    assert not bootstrap.is_current(["requirements.txt"])
    monkeypatch.setattr(bootstrap, "execute", lambda command: (0, ""))
    bootstrap.install(["requirements.txt"])
    assert bootstrap.is_current(["requirements.txt"])


def test_a_venv_in_which_an_installer_was_killed_is_made_anew(
    checkout: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def make() -> None:
        made.append(checkout)
        _venv(checkout)

    monkeypatch.setattr(bootstrap, "make_venv", make)
    bootstrap.install(["requirements.txt"])
    installing = bootstrap.execute

    def killed(command: list[str]) -> tuple[int, str]:
        raise SystemExit("no handler runs after a kill -9")

    monkeypatch.setattr(bootstrap, "execute", killed)
    both = ["requirements.txt", "tests/requirements.txt"]
    with pytest.raises(SystemExit):
        bootstrap.install(both)
    # Also for those who would have been content with what was there before.
    assert not bootstrap.is_current(["requirements.txt"])
    monkeypatch.setattr(bootstrap, "execute", installing)
    bootstrap.install(both)
    assert len(made) == 2
    assert bootstrap.is_current(both)


def test_an_installer_that_outlives_us_holds_the_lock(checkout: Path) -> None:
    said = checkout / "said"
    with bootstrap.only_one():
        child = f"sleep 1; echo done >{said}"
        code, _ = bootstrap.execute(["sh", "-c", f"({child}) >/dev/null 2>&1 &"])
        assert code == 0
    with bootstrap.only_one():
        assert said.read_text() == "done\n"


def test_a_venv_whose_python_became_another_version_is_made_anew(
    checkout: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "make_venv", lambda: _venv(checkout))
    bootstrap.install(["requirements.txt"])
    fake_python(checkout / ".venv" / "bin", "python", SAYS_3_13)
    assert not bootstrap.is_current(["requirements.txt"])
    assert not bootstrap.is_whole()


def test_a_broken_venv_is_made_anew(checkout: Path, commands: list[list[str]]) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("/gone/python3.12")
    (checkout / ".venv" / "half-installed").touch()
    bootstrap.install(["requirements.txt"])
    assert bootstrap.runs(bootstrap.PYTHON, "import pip") == "x"
    assert not (checkout / ".venv" / "half-installed").exists()


def test_pip_takes_over_where_uv_fails(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "make_venv", lambda: _venv(checkout))
    ran: list[str] = []

    def execute(command: list[str]) -> tuple[int, str]:
        ran.append(Path(command[0]).name)
        (bootstrap.VENV / "bin" / "uv").touch()
        return (2, "error: no such option") if ran[-1] == "uv" else (0, "")

    monkeypatch.setattr(bootstrap, "execute", execute)
    bootstrap.install(["requirements.txt"])
    assert ran == ["python", "uv", "python"]
    assert "2 packages and what they need" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("error: Failed to fetch: `https://x`\n dns error", "registry cannot be reached"),
        ("Could not connect: Connection refused", "registry cannot be reached"),
        ("write: No space left on device (os error 28)", "the disk is full"),
        ("error: Permission denied (os error 13)", "make the folder writable"),
        ("error: first==1 is not a version", "installing x failed: error: first==1"),
    ],
)
def test_an_installer_that_fails_is_explained_in_one_sentence(said: str, sentence: str) -> None:
    told = bootstrap.explain(said, "installing x failed")
    assert sentence in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("number", "sentence"), [(28, "disk is full"), (13, "writable"), (30, "writable")]
)
def test_a_disk_that_cannot_be_written_to_is_explained(number: int, sentence: str) -> None:
    assert sentence in bootstrap.sentence(OSError(number, "no", "/checkout/.venv"))


def _venv(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
    fake_python(checkout / ".venv" / "bin", "python", "exit 0")
