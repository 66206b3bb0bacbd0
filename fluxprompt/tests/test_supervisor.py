"""A start that fails, and a supervisor that takes everything down in any case."""

import asyncio
import errno
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
import pytest

from fluxprompt.embedded.configuration import Configuration
from fluxprompt.embedded.errors import StackError
from fluxprompt.embedded.supervisor import Supervisor


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    """One whose parts do nothing; `down` tells whether it took them down."""
    made = Supervisor(Configuration(data=tmp_path, given_database="", given_temporal=""))

    async def nothing(*arguments: object) -> None:
        return

    parts = "_prepare_database _start_temporal _prepare_static _start_model _start_web"
    for name in (*parts.split(), "_start_workers", "_setup_link", "_announce", "_watch"):
        monkeypatch.setattr(made, name, nothing)
    monkeypatch.setattr(made, "_check_ports", lambda: None)
    return made


@pytest.fixture
def down(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ended: list[str] = []

    async def note() -> None:
        ended.append("down")

    monkeypatch.setattr(supervisor, "_down", note)
    return ended


def failing(error: Exception) -> Callable[..., Awaitable[None]]:
    async def fail(*arguments: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OSError, "No space left"),
        (psycopg.OperationalError("gone\nmore"), StackError, "The database failed .*: gone.$"),
        (StackError("Do this."), StackError, "Do this."),
    ],
)
async def test_any_error_of_the_start_is_one_and_everything_is_taken_down(
    error: Exception,
    kind: type[Exception],
    sentence: str,
    supervisor: Supervisor,
    down: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_prepare_static", failing(error))
    with pytest.raises(kind, match=sentence):
        await supervisor.run()
    assert down == ["down"]


async def test_a_sentence_of_ours_goes_before_other_errors(
    supervisor: Supervisor, down: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_prepare_database", failing(OSError("connection reset")))
    monkeypatch.setattr(supervisor, "_start_temporal", failing(StackError("Do this.")))
    with pytest.raises(StackError, match="Do this"):
        await supervisor.run()
    assert down == ["down"]


@pytest.mark.parametrize("ignored", [True, False])
async def test_a_closed_terminal_stops_it_unless_nohup_was_asked_for(
    ignored: bool, supervisor: Supervisor, down: list[str]
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        supervisor._listen_for_signals()
        ours = asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        assert ours is not ignored
    finally:
        signal.signal(signal.SIGHUP, before)
