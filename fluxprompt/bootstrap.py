"""Makes `.venv`, installs the requirements and goes on in there; standard library only.

It is read by whatever `python3` the machine has, so it keeps to syntax that Python 3.8 knows.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Iterable, Iterator  # noqa: UP035 - collections.abc's are not generic on 3.8

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "fluxprompt-installed.json"
LOG = VENV / "install.log"
#: There from the first change of `.venv` until all is installed.
UNFINISHED = VENV / "install.unfinished"
NEEDED = (3, 12)
#: In this order: what the project is developed on comes first.
WANTED = ("3.13", "3.14", "3.12")
UV = "uv==0.13.9"
REQUIREMENTS = "requirements.txt"
TEST_REQUIREMENTS = "tests/requirements.txt"
_VERSION = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
_PROBE = "import venv, ensurepip; " + _VERSION


class SetupError(Exception):
    """One sentence for the person at the terminal."""


def ensure(arguments: list[str]) -> None:
    """Return only inside `.venv` with everything installed; re-executes to get there.

    FLUX_BOOTSTRAP=0 (images that installed everything already) leaves all as it is.
    """
    if os.environ.get("FLUX_BOOTSTRAP") == "0":
        return
    wanted = [REQUIREMENTS]
    if arguments[1:2] == ["test"]:
        wanted.append(TEST_REQUIREMENTS)
    try:
        if not is_current(wanted):
            install(wanted)
    except SetupError as error:
        sys.exit(f"fluxprompt: {error}")
    except OSError as error:
        sys.exit(f"fluxprompt: {sentence(error)}")
    except KeyboardInterrupt:
        sys.exit("\nfluxprompt: interrupted; the same command goes on from here.")
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(str(PYTHON), [str(PYTHON), *arguments])


def sentence(error: OSError) -> str:
    """What an OSError means for the person at the terminal."""
    if error.errno == 28:
        return "the disk is full: free some space (about 1 GB) and start again."
    if error.errno in (13, 30):
        where = error.filename or ROOT
        return f"{where} cannot be written to: make the folder writable for this user."
    return f"{error.strerror or error} ({error.filename or ROOT})."


def digest(name: str) -> str:
    """The fingerprint of a requirements file."""
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def is_current(wanted: list[str]) -> bool:
    """Whether `.venv` holds what the requirements files ask for now, for the Python it has now."""
    installed = noted()
    if UNFINISHED.exists() or not all(installed.get(name) == digest(name) for name in wanted):
        return False
    return PYTHON.exists() and installed.get("python") == version_inside()


def is_whole() -> bool:
    """Whether `.venv` can be added to.

    Not after a kill: a package of which one file is there counts as installed for uv and pip.
    Not under another Python than at first (the system's was upgraded): it looks elsewhere.
    """
    if UNFINISHED.exists():
        say("The last installation was interrupted.")
        return False
    if noted().get("python", version_inside()) != version_inside():
        return False
    return bool(runs(PYTHON, f"import sys, pip; assert sys.version_info >= {NEEDED!r}"))


def noted() -> dict[str, str]:
    """What is installed: the Python's version and the fingerprints of the requirements files."""
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def version_inside() -> str:
    """The version of `.venv`'s Python, such as 3.13; empty when it does not run."""
    if Path(sys.prefix).resolve() == VENV.resolve():
        return ".".join(map(str, sys.version_info[:2]))
    return runs(PYTHON, _VERSION)


def install(wanted: list[str]) -> None:
    """Make or mend `.venv`, install the files' packages and note it."""
    with only_one():
        if is_current(wanted):
            return
        started = time.monotonic()
        whole = is_whole()
        UNFINISHED.touch()
        if not whole:
            make_venv()
        for name in wanted:
            install_file(name)
        note(wanted)
        UNFINISHED.unlink()
        say(f"Packages are ready ({time.monotonic() - started:.0f} s).")


def note(wanted: list[str]) -> None:
    """Write down which files are installed, keeping what is still true of the others."""
    installed = noted()
    installed["python"] = version_inside()
    installed.update((name, digest(name)) for name in wanted)
    aside = STAMP.with_suffix(".new")
    aside.write_text(json.dumps(installed))
    aside.replace(STAMP)


@contextmanager
def only_one() -> Iterator[None]:
    """Hold the lock of this checkout's installation; the kernel frees it when we die.

    The installers hold it too: one that outlives us still changes `.venv`.
    """
    try:
        import fcntl
    except ImportError:
        raise SetupError("FluxPrompt runs on Linux and macOS; on Windows use WSL.") from None
    VENV.mkdir(exist_ok=True)
    with open(str(VENV / "install.lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process installs the packages; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        os.set_inheritable(lock.fileno(), True)
        yield


def make_venv() -> None:
    """Make `.venv` with the best Python of this machine, over the remains of an earlier try."""
    python, version = find_python()
    say(f"Making .venv with Python {version} ({python}) …")
    for left in VENV.iterdir():
        if left.name not in ("install.lock", UNFINISHED.name):
            shutil.rmtree(str(left)) if left.is_dir() and not left.is_symlink() else left.unlink()
    making = [python, "-m", "venv", str(VENV)]
    pipe = subprocess.PIPE
    made = subprocess.run(making, stdout=pipe, stderr=subprocess.STDOUT, close_fds=False)
    if made.returncode != 0:
        raise SetupError(explain(made.stdout.decode(errors="replace"), "making .venv failed"))


def find_python() -> tuple[str, str]:
    """The path and version of a Python that is new enough, can make a venv and really runs."""
    found: dict[str, str] = {}
    for candidate in candidates():
        version = runs(candidate, _PROBE)
        if version and tuple(map(int, version.split("."))) >= NEEDED:
            found.setdefault(version, str(candidate))
            if version == WANTED[0]:
                break
    for version in sorted(found, key=lambda v: (v not in WANTED, v != "3.13", v != "3.14")):
        return found[version], version
    ours = ".".join(map(str, sys.version_info[:2]))
    if sys.version_info >= NEEDED:
        raise SetupError(
            f"this Python ({ours}) cannot make virtual environments: install its venv package "
            "(Debian: apt install python3-venv) and start again."
        )
    raise SetupError(
        f"Python 3.12 or newer is needed and none was found (this is {ours}): install one, for "
        "example `apt install python3.13 python3.13-venv`, `pyenv install 3.13` or "
        "`uv python install 3.13`, and start again."
    )


def candidates() -> Iterable[Path]:
    """Every place where a Python may be, the likeliest first, each once."""
    home = Path.home()
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += [Path("/usr/local/bin"), Path("/usr/bin"), Path("/opt/homebrew/bin")]
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    paths = [sys.executable] if sys.version_info >= NEEDED else []
    for version in WANTED:
        paths += [str(folder / ("python" + version)) for folder in folders]
        paths += sorted(glob(str(pyenv / "versions" / (version + "*") / "bin" / "python3")))
        paths += sorted(glob(str(data / "uv" / "python" / f"*-{version}*" / "bin" / "python3")))
    paths += [str(folder / "python3") for folder in folders]
    return [Path(path) for path in dict.fromkeys(paths) if os.access(path, os.X_OK)]


def runs(python: Path, code: str) -> str:
    """What a Python prints for the code, or "x" for nothing; empty when it does not run.

    Being there is not enough: pyenv's shims exist for versions that are not switched on.
    """
    command, quiet = [str(python), "-c", code], subprocess.DEVNULL
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=quiet, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() or "x" if done.returncode == 0 else ""


def install_file(name: str) -> None:
    """Install a requirements file with uv (five times as fast), or with pip where uv fails."""
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    count = sum(1 for line in (ROOT / name).read_text().splitlines() if line[:1].isalnum())
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        say("Getting uv, which installs quickly …")
        execute([*pip, UV])
    say(f"Installing {name} ({count} packages and what they need) …")
    if uv.exists():
        arguments = ["pip", "install", "--python", str(PYTHON), "-r", str(ROOT / name)]
        code, said = execute([str(uv), *arguments])
        if code == 0:
            return
        if "No space left" in said:
            raise SetupError(explain(said, ""))
        say("uv did not manage; trying pip, which takes longer …")
    code, said = execute([*pip, "-r", str(ROOT / name)])
    if code != 0:
        raise SetupError(explain(said, f"installing {name} failed"))


def execute(command: list[str]) -> tuple[int, str]:
    """Run a command, its lines in the log and the latest on the terminal; code and output."""
    lines = []
    with open(str(LOG), "a") as log:
        log.write(f"$ {' '.join(command)}\n")
        # With the files that children may have, which is the lock.
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, cwd=str(ROOT), stdout=pipe, stderr=subprocess.STDOUT, close_fds=False
        )
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            lines.append(line)
            log.write(line + "\n")
            if sys.stdout.isatty():
                sys.stdout.write(f"\r\033[K  {line.strip()[:90]}")
                sys.stdout.flush()
    if sys.stdout.isatty():
        sys.stdout.write("\r\033[K")
    return process.wait(), "\n".join(lines)


def explain(said: str, otherwise: str) -> str:
    """One sentence for the output of an installer that failed."""
    low = said.lower()
    if "no space left" in low or "os error 28" in low:
        return "the disk is full: free some space (about 1 GB) and start again."
    if "read-only file system" in low or "permission denied" in low:
        return f"{VENV} cannot be written to: make the folder writable for this user."
    network = ("resolve", "connect", "timed out", "network", "dns error", "failed to fetch")
    if any(word in low for word in network):
        return (
            "the package registry cannot be reached: check the network (a mirror is set with "
            f"PIP_INDEX_URL and UV_DEFAULT_INDEX); details are in {LOG}."
        )
    last = [line for line in said.splitlines() if line.strip()][-1:] or ["no reason given"]
    return f"{otherwise}: {last[0].strip()} (details in {LOG})."


def say(text: str) -> None:
    """A line of progress; on stderr, so that a command's own output stays alone on stdout."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
