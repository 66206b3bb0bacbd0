"""Finds a Chromium for the browser tests, or says how to get one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

#: Chromium without a browser's window around its pages: the browser tests take half the time.
LIGHT = "chromium-headless-shell"
NAMES = (LIGHT, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
VARIABLES = ("FLUX_CHROMIUM", "PLAYWRIGHT_CHROMIUM_EXECUTABLE_PATH", "CHROME_PATH", "CHROME")
HINT = (
    "No Chromium was found, so the browser tests are left out. Install one (Debian and Ubuntu: "
    "`apt install chromium`; elsewhere: `.venv/bin/playwright install chromium`), or name one in "
    "FLUX_CHROMIUM."
)


def find() -> str | None:
    """The path of a Chromium on this machine."""
    for candidate in _candidates():
        if candidate and os.access(candidate, os.X_OK) and Path(candidate).is_file():
            return candidate
    return None


def find_or_install() -> str | None:
    """As `find`; where there is none, root on Debian gets it from the distribution.

    On a machine for tests (`CI` is set) also where there is only the larger one.
    """
    if find() is not None and not _wants_light():
        return find()
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return find()
    print("  installing Chromium with apt-get …", flush=True)
    # A failed update may leave lists that are good enough, so only the outcome counts.
    _apt("update")
    for package in (LIGHT, "chromium"):
        _apt("install", "-y", "--no-install-recommends", package)
        if find() is not None:
            break
    return find()


def _wants_light() -> bool:
    named = any(os.environ.get(name) for name in VARIABLES)
    return bool(os.environ.get("CI")) and not named and shutil.which(LIGHT) is None


def _apt(*words: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = subprocess.DEVNULL
    command = ["apt-get", "-qq", *words]
    subprocess.run(command, env=environment, check=False, stdout=quiet, stderr=quiet)


def _candidates() -> Iterator[str | None]:
    yield from (os.environ.get(name) for name in VARIABLES)
    yield from (shutil.which(name) for name in NAMES)
    caches = (Path.home() / ".cache", Path.home() / "Library" / "Caches")
    for cache in caches:
        for pattern in ("chrome-linux*/chrome", "chrome-mac*/*.app/Contents/MacOS/*"):
            yield from map(str, sorted(cache.glob(f"ms-playwright/chromium-*/{pattern}")))
