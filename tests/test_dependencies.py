"""What FluxPrompt runs on: pinned exactly, and with its licence on docs/dependencies.md."""

import importlib.metadata
import re

import pytest

from fluxprompt.paths import ROOT

FILES = ("requirements.txt", "tests/requirements.txt")
_PIN = re.compile(r"([a-z0-9][a-z0-9._-]*)(\[[a-z0-9,]+\])?==([0-9][0-9A-Za-z.]*)( ; .+)?")
#: Licences whose terms reach the whole program.
_NOT_WANTED = re.compile(r"\bA?GPL", re.IGNORECASE)


def lines(name: str) -> list[str]:
    found = (line.strip() for line in (ROOT / name).read_text().splitlines())
    return [line for line in found if line and not line.startswith("#")]


def packages() -> list[str]:
    return [found[1] for name in FILES for line in lines(name) if (found := _PIN.fullmatch(line))]


def licence_of(package: str) -> str:
    """As the package itself says, in a few words."""
    said = importlib.metadata.metadata(package)
    if expression := said.get("License-Expression"):
        return str(expression)
    classified = [
        kind.rsplit(" :: ", 1)[1]
        for kind in said.get_all("Classifier") or []
        if kind.startswith("License :: ") and kind.count(" :: ") > 1
    ]
    named = str(said.get("License") or "").strip().splitlines()
    return ", ".join(classified) or (named[0][:60] if named else "") or "see its files"


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_is_pinned_to_one_version(name: str) -> None:
    loose = [line for line in lines(name) if not _PIN.fullmatch(line)]
    assert loose == [], "Write package==1.2.3"
    assert len(lines(name)) == len({_PIN.fullmatch(line)[1] for line in lines(name)})  # type: ignore[index]


def test_every_requirement_is_on_the_page_with_its_licence() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    rows = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|$", page, re.MULTILINE))
    missing = [
        f"| `{name}` | {licence_of(name)} |"
        for name in packages()
        if rows.get(name, "").strip() != licence_of(name)
    ]
    assert missing == [], "Write into docs/dependencies.md:\n" + "\n".join(missing)
    assert sorted(rows.keys() - set(packages())) == []
    assert [name for name, licence in rows.items() if _NOT_WANTED.search(licence)] == []
