"""`manage.py test`: every check of the project, each named with its time."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fluxprompt.embedded.errors import StackError
from fluxprompt.paths import ROOT
from fluxprompt.testing import chromium
from fluxprompt.testing.throw_away import throw_away_folder, throw_away_postgres

PACKAGES = ("fluxprompt", "accounts", "flows", "billing", "execution", "tests", "benchmarks")

#: Much of the tests' time is waiting for programs to start, so several share them, one by one
#: in the order they were collected in: those that leave rows come after those that count them, and
#: browser tests are the last of a process. See fluxprompt/testing/sharing.py.
SIDE_BY_SIDE = ["-n", "3", "--dist", "loadscope", "--no-loadscope-reorder"]


@dataclass
class Suite:
    """The checks that were run: name, whether it passed, seconds."""

    results: list[tuple[str, bool, float]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def check(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        """Run a command; its words are shown when it fails."""

        def run() -> bool:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                print(f"{done.stdout}{done.stderr}".rstrip(), flush=True)
            return done.returncode == 0

        self.timed(name, run)

    def timed(self, name: str, run: Callable[[], bool]) -> None:
        """Run a check and say how it went."""
        began = time.monotonic()
        passed = run()
        took = time.monotonic() - began
        self.results.append((name, passed, took))
        print(f"{'ok    ' if passed else 'FAILED'} {name} ({took:.1f} s)", flush=True)

    def summary(self) -> int:
        """The last lines; the exit code."""
        failed = [name for name, passed, _ in self.results if not passed]
        total = time.monotonic() - self.began
        what = f"failed: {', '.join(failed)}" if failed else "all passed"
        print(f"{len(self.results)} checks in {total:.0f} s, {what}.", flush=True)
        return 1 if failed else 0


def main(arguments: list[str]) -> int:
    """All checks; with arguments only pytest, which gets them. The exit code."""
    environment = {**os.environ, "FLUX_BOOTSTRAP": "0"}
    # Hundreds of processes are started: a worker takes 4.5 s without bytecode, with it 1.4.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    _browser(environment)
    if arguments:
        return _pytest(arguments, environment)
    suite = Suite()
    try:
        # Types take a minute of one processor, while the rest waits for programs often enough.
        with _database(environment), ThreadPoolExecutor(1) as beside:
            types = beside.submit(_types, suite, environment)
            _static_checks(suite, environment)
            _project_checks(suite, environment)
            _front_end(suite)
            suite.timed("pytest", lambda: _pytest(SIDE_BY_SIDE, environment) == 0)
            types.result()
    except StackError as error:
        print(f"fluxprompt: {error}", file=sys.stderr)
        return 1
    if environment.get("FLUX_NO_BROWSER"):
        print(chromium.HINT)
    return suite.summary()


def _static_checks(suite: Suite, environment: dict[str, str]) -> None:
    suite.check("ruff check", [_tool("ruff"), "check", "."], environment)
    suite.check("ruff format", [_tool("ruff"), "format", "--check", "."], environment)
    suite.check("import contracts", [_tool("lint-imports")], environment)


def _types(suite: Suite, environment: dict[str, str]) -> None:
    folders = [name for name in PACKAGES if any((ROOT / name).rglob("*.py"))]
    with tempfile.TemporaryDirectory() as folder:
        # The plugin of django-stubs loads the settings, which make a data folder.
        own = {**environment, "FLUX_DATA_DIR": folder}
        suite.check("mypy", [_tool("mypy"), *folders], own)


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _project_checks(suite: Suite, environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        manage = [sys.executable, "manage.py"]
        own = {
            **environment,
            "FLUX_DATA_DIR": folder,
            "DATABASE_URL": environment["FLUX_TEST_DATABASE_URL"],
            # As it is deployed: behind https, with a mail server.
            "FLUX_PUBLIC_URL": "https://fluxprompt.example",
            "EMAIL_URL": "smtp://mail.fluxprompt.example:587",
        }
        missing = [*manage, "makemigrations", "--check", "--dry-run"]
        suite.check("missing migrations", missing, own)
        deploy = [*manage, "check", "--deploy", "--fail-level", "ERROR"]
        suite.check("deployment checks", deploy, own)


def _front_end(suite: Suite) -> None:
    from fluxprompt import assets

    def build() -> bool:
        try:
            assets.build()
        except assets.AssetsError as error:
            print(error)
            return False
        return True

    def types() -> bool:
        done = assets.run_node("run", "typecheck", npm=True)
        if done.returncode != 0:
            print(done.stdout + done.stderr)
        return done.returncode == 0

    suite.timed("front end build", build)
    suite.timed("front end types", types)


def _pytest(arguments: list[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _browser(environment: dict[str, str]) -> None:
    """Tell pytest which Chromium to use, or that there is none."""
    if environment.get("FLUX_NO_BROWSER"):
        return
    found = chromium.find_or_install()
    if found is None:
        environment["FLUX_NO_BROWSER"] = "1"
    else:
        environment["FLUX_CHROMIUM"] = found


@contextmanager
def _database(environment: dict[str, str]) -> Iterator[None]:
    """One throw-away server for all checks, unless one is given."""
    if environment.get("FLUX_TEST_DATABASE_URL"):
        yield
        return
    with throw_away_folder() as folder, throw_away_postgres(folder) as url:
        environment["FLUX_TEST_DATABASE_URL"] = url
        yield
