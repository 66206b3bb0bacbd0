"""The written word against the code: pages, tables, commands, links and flows in the docs."""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command, get_commands

from flows.engine.document import parse
from flows.engine.registry import Registry
from flows.engine.validate import validate

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Names of environment variables, as opposed to other words in capitals.
VARIABLE = re.compile(
    r"(?:FLUX|TEMPORAL|DJANGO|ANTHROPIC|OPENAI)_[A-Z0-9_]*[A-Z0-9]|DATABASE_URL|EMAIL_URL"
)
#: Read by the Temporal SDK, not by us.
OF_THE_SDK = re.compile(r"TEMPORAL_(API_KEY|TLS.*)$")
#: Between our own processes; nobody has to know them.
INTERNAL = {"DJANGO_SETTINGS_MODULE", "FLUX_BOOTSTRAP"}
READERS = [
    "accounts/authentication/providers.py",
    "fluxprompt/*.py",
    "fluxprompt/embedded/*.py",
    "execution/*.py",
    "execution/providers/*.py",
    "flows/engine/*.py",
]
CODE = {".py", ".ts", ".css", ".html", ".md"}

each_page = pytest.mark.parametrize("written", PAGES, ids=lambda path: path.name)


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _tables_first_cells(page: Path) -> Iterator[str]:
    for line in _text(page).splitlines():
        if line.startswith("| `"):
            yield from re.findall(r"`([^`]+)`", line.split(" | ")[0])


def test_the_page_of_node_types_is_current() -> None:
    call_command("docs", "--check", stdout=io.StringIO())


def test_a_stale_page_of_node_types_is_refused_and_mended(tmp_path: Path) -> None:
    page = tmp_path / "nodes.md"
    page.write_text("# old")
    with pytest.raises(CommandError, match=r"manage\.py docs"):
        call_command("docs", "--check", output=page)
    call_command("docs", output=page, stdout=io.StringIO())
    call_command("docs", "--check", output=page, stdout=io.StringIO())
    assert _text(page) == _text(ROOT / "docs" / "nodes.md")


def test_the_table_of_rooms_lists_the_folders() -> None:
    listed = set(_tables_first_cells(ROOT / "docs" / "architecture.md"))
    missing = [room for room in listed if not (ROOT / room).is_dir()]
    assert missing == []
    unlisted = [folder.name for folder in _folders_of_code() if folder.name not in listed]
    assert unlisted == []


def _folders_of_code() -> Iterator[Path]:
    for folder in sorted(ROOT.iterdir()):
        # var holds data, static what the front end's build wrote.
        if not folder.is_dir() or folder.name.startswith(".") or folder.name in ("var", "static"):
            continue
        if any(path.suffix in CODE for path in folder.rglob("*")):
            yield folder


def test_every_environment_variable_is_on_the_page_of_configuration() -> None:
    read = _variables_in_code() - INTERNAL
    named = set(re.findall(rf"`({VARIABLE.pattern})", _text(ROOT / "docs" / "configuration.md")))
    assert sorted(read - named) == []
    assert sorted(name for name in named - read if not OF_THE_SDK.match(name)) == []


def _variables_in_code() -> set[str]:
    return {
        node.value
        for pattern in READERS
        for path in ROOT.glob(pattern)
        for node in ast.walk(ast.parse(_text(path)))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and VARIABLE.fullmatch(node.value)
    }


@each_page
def test_every_environment_variable_a_page_names_exists(written: Path) -> None:
    known = _variables_in_code()
    for name in re.findall(rf"`({VARIABLE.pattern})", _text(written)):
        assert name in known or OF_THE_SDK.match(name), name


@each_page
def test_every_command_a_page_names_exists(written: Path) -> None:
    for command in re.findall(r"manage\.py ([a-z_]+)", _text(written)):
        assert command in get_commands(), command


@each_page
def test_every_link_leads_somewhere(written: Path) -> None:
    text = _text(written)
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (written.parent / path).resolve() if path else written
        assert linked.exists(), target
        if anchor:
            assert anchor in _anchors(linked), target


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", _text(page), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", line.lower()).replace(" ", "-") for line in headings}


def _yaml_blocks(page: Path) -> list[str]:
    """YAML in blocks of its own, and what shell examples write into files."""
    text = _text(page)
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return blocks + re.findall(r"<<'YAML'\n(.*?)^YAML$", text, re.MULTILINE | re.DOTALL)


def _shortcuts() -> set[tuple[str, str]]:
    """Keys and title of each command of the editor that has keys."""
    table = _text(ROOT / "frontend" / "src" / "editor" / "page" / "shortcuts.ts")
    entries = re.split(r"\{ id: ", table)[1:]
    found = set()
    for entry in entries:
        title = re.search(r'title: "([^"]+)"', entry)
        keys = re.search(r"keys: \[([^\]]+)\]", entry)
        if title and keys:
            written = [key.replace("Mod", "Ctrl") for key in re.findall(r'"([^"]+)"', keys[1])]
            found.add((", ".join(f"`{key}`" for key in written), title[1]))
    return found


def test_the_table_of_shortcuts_is_that_of_the_editor() -> None:
    rows = re.findall(r"^\| (`.+`) \| (.+) \|$", _text(ROOT / "docs" / "editor.md"), re.MULTILINE)
    assert len(rows) > 20
    assert set(rows) == _shortcuts()


@each_page
def test_every_flow_on_a_page_is_valid(written: Path) -> None:
    registry = Registry.read()
    for block in _yaml_blocks(written):
        content = yaml.safe_load(block)
        if isinstance(content, dict) and "nodes" in content:
            problems = validate(parse(block), registry)
            assert [problem.message for problem in problems] == []


def test_the_readme_has_a_flow_and_the_commands_of_a_newcomer() -> None:
    text = _text(ROOT / "README.md")
    assert "schema: fluxprompt.flow/v1" in text
    assert "python3 manage.py up" in text
    assert "python3 manage.py test" in text
