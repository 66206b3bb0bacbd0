"""The page of attacks against the tests that are named after its rows."""

import re
from collections import defaultdict

from fluxprompt.paths import ROOT

PAGE = ROOT / "docs" / "security-tests.md"
_TEST = re.compile(r"^(?:async )?def test_(s\d+)_\w+\(", re.MULTILINE)
_ROW = re.compile(r"^\| (S\d+) \|.*\| ([^|]+) \|$", re.MULTILINE)
_APART = {".venv", "node_modules", "var", "static"}


def written() -> dict[str, set[str]]:
    """The files that the page names for each row."""
    rows = _ROW.findall(PAGE.read_text())
    assert len(rows) == len({row for row, _ in rows})
    return {row: set(re.findall(r"`([^`]+\.py)`", files)) for row, files in rows}


def found() -> dict[str, set[str]]:
    """The files that hold tests of each row, which are named after it."""
    files: dict[str, set[str]] = defaultdict(set)
    for path in ROOT.rglob("test_*.py"):
        if _APART & set(path.relative_to(ROOT).parts):
            continue
        for row in _TEST.findall(path.read_text()):
            files[row.upper()].add(str(path.relative_to(ROOT)))
    return files


def test_the_page_of_attacks_has_each_row_and_names_files_that_hold_its_tests() -> None:
    tests, page = found(), written()
    assert page.keys() == tests.keys()
    for row, files in page.items():
        assert files, row
        assert files - tests[row] == set(), row


def test_what_node_types_are_most_exposed_to_has_tests() -> None:
    assert {"S1", "S2", "S3", "S7", "S8"} <= found().keys()
