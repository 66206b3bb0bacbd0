"""The keys of a copy are made once, and never silently replaced."""

from pathlib import Path

import pytest

from fluxprompt.embedded import up
from fluxprompt.secrets_file import SecretsError, load_secrets


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DJANGO_SECRET_KEY", "FLUX_SECRET_KEYS", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    made = load_secrets(tmp_path / "var")
    assert load_secrets(tmp_path / "var") == made
    found = list((tmp_path / "var").iterdir())
    assert [path.name for path in found] == ["secrets.json"]
    assert found[0].stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"django": "", "keys": []}', '{"django": "x", "keys": [1]}']
)
def test_damaged_keys_are_one_sentence_before_anything_starts(
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "secrets.json").write_text(text)
    monkeypatch.setenv("FLUX_DATA_DIR", str(tmp_path))
    assert up.main([]) == 1
    said = capsys.readouterr().err
    assert "secrets.json is damaged: restore it from a back-up" in said
    assert said.count("\n") == 1
    assert (tmp_path / "secrets.json").read_text() == text


def test_no_new_keys_are_made_beside_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(SecretsError, match="missing although there is a database: restore"):
        load_secrets(tmp_path)
    assert not (tmp_path / "secrets.json").exists()
    monkeypatch.setenv("DJANGO_SECRET_KEY", "x")
    monkeypatch.setenv("FLUX_SECRET_KEYS", "y,z")
    assert load_secrets(tmp_path).keys == ["y", "z"]
