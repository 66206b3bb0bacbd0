"""Habits that no other check holds: small files, nothing vendored, one command for everything."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from fluxprompt.paths import ROOT

MOST_LINES = 400
#: Made from the READMEs of all node types, to be looked into and not read at once.
_LOOKED_INTO = {"docs/nodes.md"}
#: Characters of a line beyond which a file was made by a tool.
LONGEST_LINE = 1_000
_APART = {".git", ".venv", "node_modules", "var", "build", "migrations", "__pycache__"}
_SOURCE = {".py", ".ts", ".js", ".mjs", ".css", ".html", ".md", ".yaml", ".yml", ".toml", ".sh"}
_FOREIGN_NAME = re.compile(r"(^|[./_-])(vendor(ed)?|third[_-]?party|bundled)([./_-]|$)|\.min\.")
_FOREIGN_TEXT = re.compile(
    r"@licen[cs]e|SPDX-License-Identifier|Copyright \(c\)|All rights reserved", re.IGNORECASE
)


def files() -> list[Path]:
    """The files of the checkout: what git knows, or all of them in an unpacked archive."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split("\0")
        found = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if path.is_file()]
    apart = [path for path in found if not _APART & set(path.relative_to(ROOT).parts)]
    return [path for path in apart if path.is_file()]


def sources() -> list[Path]:
    return [path for path in files() if path.suffix in _SOURCE]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_source_file_is_short_enough_to_be_read_at_once() -> None:
    long = {
        named(path): lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
        and named(path) not in _LOOKED_INTO
    }
    assert len(sources()) > 300
    assert long == {}


def test_nothing_of_others_lies_in_the_tree() -> None:
    assert [named(path) for path in files() if _FOREIGN_NAME.search(named(path))] == []
    signed = [
        named(path)
        for path in sources()
        if path != Path(__file__) and _FOREIGN_TEXT.search(path.read_text())
    ]
    assert signed == []


def test_nothing_in_the_tree_was_made_by_a_tool() -> None:
    made = [
        named(path)
        for path in sources()
        if max(map(len, path.read_text().splitlines()), default=0) > LONGEST_LINE
    ]
    assert made == []
    archives = {".zip", ".gz", ".whl", ".jar", ".so", ".dll", ".exe", ".gguf", ".onnx", ".woff2"}
    assert [named(path) for path in files() if path.suffix in archives] == []


@pytest.mark.parametrize("name", ["requirements.txt", "tests/requirements.txt"])
def test_every_python_package_is_pinned(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    wanted = [line.partition("#")[0].strip() for line in lines]
    packages = [line for line in wanted if line and not line.startswith("-")]
    assert packages
    assert [line for line in packages if not re.match(r"[\w.-]+(\[[\w,-]+\])?==\d", line)] == []


def test_every_script_package_is_pinned_and_locked() -> None:
    package = json.loads((ROOT / "frontend" / "package.json").read_text())
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text())
    wanted = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
    assert wanted
    assert [name for name, version in wanted.items() if not version[0].isdigit()] == []
    locked = {
        name.removeprefix("node_modules/"): p["version"]
        for name, p in lock["packages"].items()
        if name
    }
    assert {name: locked[name] for name in wanted} == wanted
    # An address in it would tie everybody to one registry.
    assert [name for name, p in lock["packages"].items() if "resolved" in p] == []


def test_continuous_integration_runs_what_people_run() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    commands = [
        line for line in script.read_text().splitlines() if line and not line.startswith("#")
    ]
    assert commands[-1] == "exec python3 manage.py test"
    assert not any("pip" in command or "npm" in command for command in commands)


def test_the_readme_names_both_commands_the_licence_and_what_it_looks_like() -> None:
    readme = (ROOT / "README.md").read_text()
    for command in ("python3 manage.py up", "python3 manage.py test"):
        assert re.search(rf"^\s*{re.escape(command)}\b", readme, re.MULTILINE), command
    pictures = re.findall(r"[\w/.-]+\.png", readme)
    assert pictures
    assert all((ROOT / picture).exists() for picture in pictures)
    assert "MIT" in (ROOT / "LICENSE").read_text()
    assert (ROOT / "CHANGELOG.md").exists()
