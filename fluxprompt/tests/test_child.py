"""A supervised program: started, started again, stopped."""

import asyncio
import sys
import time
from pathlib import Path

import psycopg
import pytest

from fluxprompt.embedded import child as child_module
from fluxprompt.embedded.child import Child
from fluxprompt.embedded.errors import StackError
from fluxprompt.embedded.processes import Program


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "BACK_OFF", (0, 0.05, 0.1))


class Fake:
    """A program that notes each of its starts, then does as the code says."""

    def __init__(self, folder: Path, code: str) -> None:
        self.notes = folder / "starts"
        self.notes.touch()
        text = f"print(open({str(self.notes)!r}, 'a').write('x'), flush=True)\n{code}"
        self.program = Program([sys.executable, "-c", text], folder / "logs" / "fake.log")

        self.launches = 0

    def launch(self) -> Program:
        self.launches += 1
        return self.program

    @property
    def starts(self) -> int:
        return len(self.notes.read_text())

    async def ready(self) -> bool:
        return self.starts > 0

    def child(self) -> Child:
        return Child("Fake", lambda: self.program, self.ready, stop_seconds=0.5)

    async def until(self, starts: int) -> None:
        async with asyncio.timeout(10):
            while self.starts < starts:
                await asyncio.sleep(0.02)


async def test_a_child_that_dies_is_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = Fake(tmp_path, "import time; time.sleep(60)")
    child = fake.child()
    await child.start()
    child.kill()
    await fake.until(2)
    child.kill()
    await fake.until(3)
    await child.stop()
    said = capsys.readouterr().out
    assert "Fake was ended by SIGKILL; it is started again now." in said
    assert "started again in 0.05 s" in said
    assert "Fake is ready again after" in said


async def test_a_child_whose_probe_fails_with_any_error_is_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = Fake(tmp_path, "import time; time.sleep(60)")

    async def ready() -> bool:
        # The second launch is ended before it notes its start.
        if fake.launches == 2:
            raise psycopg.OperationalError("the connection was lost")
        return True

    child = Child("Fake", fake.launch, ready, stop_seconds=0.5)
    await child.start()
    await fake.until(1)
    child.kill()
    await fake.until(2)
    await child.stop()
    said = capsys.readouterr().out
    assert "Fake does not start: the connection was lost; it is started again in 0.05 s." in said


async def test_a_child_that_fails_slowly_waits_ever_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(child_module, "FORGIVEN_AFTER_SECONDS", 0.3)
    fake = Fake(tmp_path, "import time; time.sleep(0.5)")

    async def ready() -> bool:
        return fake.launches == 1

    child = Child("Fake", fake.launch, ready, stop_seconds=0.5)
    await child.start()
    await fake.until(4)
    await child.stop()
    said = capsys.readouterr().out
    # It lived longer than what is forgiven, but did no work meanwhile.
    assert said.count("again now") == 1
    assert said.count("again in 0.05 s") == said.count("again in 0.1 s") == 1


async def test_a_child_that_was_stopped_stays_stopped(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "import time; time.sleep(60)")
    child = fake.child()
    await child.start()
    await child.stop()
    await asyncio.sleep(0.3)
    assert fake.starts == 1


async def test_a_child_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    fake = Fake(
        tmp_path,
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
    )
    child = fake.child()
    await child.start()
    await asyncio.sleep(0.3)
    began = time.monotonic()
    await child.stop()
    assert 0.4 < time.monotonic() - began < 3


async def test_a_child_that_ends_while_starting_is_one_sentence(tmp_path: Path) -> None:
    fake = Fake(tmp_path, "raise SystemExit('the port is taken')")

    async def never() -> bool:
        return False

    child = Child("Fake", lambda: fake.program, never)
    with pytest.raises(
        StackError, match="Fake ended with code 1 while starting: the port is taken"
    ):
        await child.start()


async def test_a_large_log_is_set_aside_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxprompt.embedded.processes.LOG_LIMIT_BYTES", 10)
    fake = Fake(tmp_path, "")
    fake.program.log.parent.mkdir()
    fake.program.log.write_text("what was said before")
    child = fake.child()
    with pytest.raises(StackError):
        # It ends at once, so it is never ready; only its log matters here.
        await Child("Fake", lambda: fake.program, _no).start()
    await child.stop()
    assert fake.program.log.with_name("fake.log.1").read_text() == "what was said before"
    assert "before" not in fake.program.log.read_text()


async def _no() -> bool:
    return False
