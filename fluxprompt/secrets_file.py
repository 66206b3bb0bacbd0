"""The keys of this copy: from the environment, else made once and kept in the data folder."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


class SecretsError(Exception):
    """One sentence on why the keys cannot be used, and what to do."""


@dataclass(frozen=True)
class Secrets:
    """`django` signs sessions; `keys` (URL-safe base64, 32 bytes each, newest first) encrypt."""

    django: str
    keys: list[str]


def load_secrets(data_dir: Path) -> Secrets:
    """DJANGO_SECRET_KEY and FLUX_SECRET_KEYS, or those of `<data dir>/secrets.json` (made 0600).

    Raises SecretsError.
    """
    django = os.environ.get("DJANGO_SECRET_KEY", "").strip()
    keys = [key for key in os.environ.get("FLUX_SECRET_KEYS", "").split(",") if key.strip()]
    if django and keys:
        return Secrets(django, keys)
    kept = _kept(data_dir / "secrets.json")
    return Secrets(django or kept.django, keys or kept.keys)


def _kept(path: Path) -> Secrets:
    try:
        return _read(path)
    except FileNotFoundError:
        if _has_database(path.parent):
            raise SecretsError(
                _what_to_do(path, "is missing although there is a database")
            ) from None
        return _make(path)


def _read(path: Path) -> Secrets:
    try:
        stored = json.loads(path.read_text())
        found = Secrets(stored["django"], stored["keys"])
        usable = bool(found.django and found.keys) and all(
            isinstance(text, str) for text in (found.django, *found.keys)
        )
    except (ValueError, KeyError, TypeError):
        usable = False
    if not usable:
        raise SecretsError(_what_to_do(path, "is damaged"))
    return found


def _make(path: Path) -> Secrets:
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    made = Secrets(secrets.token_urlsafe(48), [key])
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: two processes that start together agree on one file.
    aside = path.with_name(f".secrets-{os.getpid()}.json")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"django": made.django, "keys": made.keys}, file)
        file.flush()
        # What is encrypted with it must not outlive it in a power cut.
        os.fsync(handle)
    try:
        os.link(aside, path)
    except FileExistsError:
        return _read(path)
    finally:
        aside.unlink()
    _sync(path.parent)
    return made


def _sync(folder: Path) -> None:
    """Wait until the folder's entries are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _has_database(data_dir: Path) -> bool:
    """Whether an embedded database is there, which has things that older keys encrypted."""
    if os.environ.get("DATABASE_URL", "").strip():
        return False
    return (data_dir / "postgres").exists() or (data_dir / "postgres.path").exists()


def _what_to_do(path: Path, trouble: str) -> str:
    return (
        f"{path} {trouble}: restore it from a back-up. If there is none, set DJANGO_SECRET_KEY and "
        "FLUX_SECRET_KEYS to new keys (docs/operations.md says how to make one) and enter stored "
        "credentials again."
    )
