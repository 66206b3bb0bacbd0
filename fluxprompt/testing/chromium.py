"""Finds a Chromium for the browser tests, or says how to get one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
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
    """As `find`; where there is none, root on Debian gets it from the distribution."""
    found = find()
    if found is not None or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return found
    print("  installing Chromium with apt-get …", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        # A failed update may leave lists that are good enough, so only the outcome counts.
        subprocess.run(command, env=environment, check=False, **quiet)  # type: ignore[call-overload]
    return find()


def _candidates() -> Iterator[str | None]:
    yield from (os.environ.get(name) for name in VARIABLES)
    yield from (shutil.which(name) for name in NAMES)
    caches = (Path.home() / ".cache", Path.home() / "Library" / "Caches")
    for cache in caches:
        for pattern in ("chrome-linux*/chrome", "chrome-mac*/*.app/Contents/MacOS/*"):
            yield from map(str, sorted(cache.glob(f"ms-playwright/chromium-*/{pattern}")))
