"""Whether the collected static files are those of this checkout and its packages."""

import hashlib
from pathlib import Path

from fluxprompt.paths import ROOT

#: Where static files come from, beside the pinned packages.
_FOLDERS = ("static", "fluxprompt/static", "accounts/static", "flows/static", "execution/static")
_DECIDING = ("requirements.txt", "fluxprompt/settings.py", "fluxprompt/staticfiles.py")


def fingerprint() -> str:
    """Of names, sizes and times: files are not read."""
    digest = hashlib.sha256()
    for name in _DECIDING:
        digest.update((ROOT / name).read_bytes())
    for folder in _FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file():
                found = path.stat()
                digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def is_current(data: Path) -> bool:
    """Whether `collectstatic` would change nothing."""
    try:
        noted = (data / "static.collected").read_text()
    except FileNotFoundError:
        return False
    return (data / "static" / "staticfiles.json").exists() and noted == fingerprint()


def note(data: Path, collected: str) -> None:
    """Remember what was collected."""
    (data / "static.collected").write_text(collected)
