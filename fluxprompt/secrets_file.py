"""The keys of this copy: from the environment, else made once and kept in the data folder."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Secrets:
    """`django` signs sessions; `keys` (URL-safe base64, 32 bytes each, newest first) encrypt."""

    django: str
    keys: list[str]


def load_secrets(data_dir: Path) -> Secrets:
    """DJANGO_SECRET_KEY and FLUX_SECRET_KEYS, or those of `<data dir>/secrets.json` (made 0600)."""
    django = os.environ.get("DJANGO_SECRET_KEY", "")
    keys = [key for key in os.environ.get("FLUX_SECRET_KEYS", "").split(",") if key]
    if django and keys:
        return Secrets(django, keys)
    kept = _kept(data_dir)
    return Secrets(django or kept.django, keys or kept.keys)


def _kept(data_dir: Path) -> Secrets:
    path = data_dir / "secrets.json"
    try:
        stored = json.loads(path.read_text())
        return Secrets(stored["django"], stored["keys"])
    except FileNotFoundError:
        made = Secrets(
            secrets.token_urlsafe(48), [base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()]
        )
    data_dir.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: two processes that start together agree on one file.
    aside = path.with_name(f".secrets-{os.getpid()}.json")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"django": made.django, "keys": made.keys}, file)
    try:
        os.link(aside, path)
    except FileExistsError:
        return _kept(data_dir)
    finally:
        aside.unlink()
    return made
