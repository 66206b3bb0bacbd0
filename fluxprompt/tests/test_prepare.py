"""`manage.py prepare static`: what pages need is built before it is collected."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from fluxprompt import assets
from fluxprompt.management.commands import prepare


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done, in its order."""
    names: list[str] = []

    def build(say: Callable[[str], None]) -> bool:
        names.append("build")
        return True

    monkeypatch.setattr(assets, "build", build)
    monkeypatch.setattr(prepare, "call_command", lambda name, **options: names.append(name))
    return names


def fail(say: Callable[[str], None]) -> bool:
    raise assets.AssetsError("The npm registry cannot be reached.")


def test_the_front_end_is_built_before_it_is_collected(done: list[str]) -> None:
    call_command("prepare", "static")
    assert done == ["build", "collectstatic"]


def test_a_front_end_that_was_never_built_and_cannot_be_is_an_error(
    done: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "build", fail)
    monkeypatch.setattr(assets, "BUILT", tmp_path / "none")
    with pytest.raises(CommandError, match="not built: The npm registry cannot be reached"):
        call_command("prepare", "static", stderr=io.StringIO())
    assert done == []


def test_an_older_build_is_collected_where_a_new_one_cannot_be_made(
    done: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "build", fail)
    monkeypatch.setattr(assets, "BUILT", tmp_path)
    said = io.StringIO()
    call_command("prepare", "static", stderr=said)
    assert done == ["collectstatic"]
    assert "stays as it was built before" in said.getvalue()
