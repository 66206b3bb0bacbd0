"""Building the front end: one at a time in a checkout."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fluxprompt import assets
from fluxprompt.paths import ROOT

BUILDER = """
import pathlib, sys
from fluxprompt import assets
assets.FRONTEND = pathlib.Path(sys.argv[1])
with assets._only_one(print):
    assets.run_node("-e", "require('fs').writeFileSync('runs', ''); setTimeout(() => {}, 60000)")
"""


def test_a_build_whose_parent_was_killed_still_holds_the_lock(tmp_path: Path) -> None:
    # A group of its own, so that its node can be ended.
    command = [sys.executable, "-c", BUILDER, str(tmp_path)]
    builder = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        end = time.monotonic() + 20
        while not (tmp_path / "runs").exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        builder.kill()
        builder.wait()
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.killpg(builder.pid, signal.SIGKILL)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.close(handle)


def test_a_second_build_says_that_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "FRONTEND", tmp_path)
    said: list[str] = []
    first = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)

    def say(text: str) -> None:
        said.append(text)
        os.close(first)

    with assets._only_one(say):
        assert "waiting" in said[0]
