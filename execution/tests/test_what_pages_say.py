"""What a page says on its socket costs little, whatever it says."""

import asyncio
import json
from typing import Any

import pytest

from execution.live.consumers import RunConsumer
from execution.live.followed import Followed
from execution.live.hub import Reader
from execution.live.said import SAID_LIMIT, TOO_MUCH

JSON = Any


class Said:
    """A socket that has its run, and the codes it was closed with."""

    def __init__(self) -> None:
        self.closed: list[int] = []
        self.socket: Any = RunConsumer()
        self.socket.reader = Reader("run", 0, lambda _: None)
        self.socket.followed = Followed()
        self.socket.close = self._close

    async def _close(self, code: int = 1000) -> None:
        self.closed.append(code)

    @property
    def opened(self) -> set[str]:
        found: set[str] = self.socket.followed._opened
        return found


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"opened":' * 9_000,
        "9" * 99_000,
        "{",
        "[]",
        '{"opened": {}}',
        json.dumps({"opened": ["x" * 100_000]}),
    ],
)
def test_what_is_no_list_of_places_changes_nothing(text: str) -> None:
    said = Said()
    said.socket.followed.open(["ask:rows.1"])
    asyncio.run(said.socket.receive(text))
    assert said.opened == {"ask:rows.1"}


def test_only_words_are_places() -> None:
    said = Said()
    nested = "[" * 900 + "]" * 900
    asyncio.run(said.socket.receive(f'{{"opened": ["ask:rows.1", 7, null, {nested}]}}'))
    assert said.opened == {"ask:rows.1"}


def test_a_page_that_never_stops_talking_is_closed_once_and_not_read_any_more() -> None:
    said = Said()

    async def talk() -> None:
        for number in range(SAID_LIMIT + 50):
            await said.socket.receive(json.dumps({"opened": [f"ask:rows.{number}"]}))

    asyncio.run(talk())
    assert said.closed == [TOO_MUCH]
    assert said.opened == {f"ask:rows.{SAID_LIMIT - 1}"}


def test_a_page_may_go_on_talking_for_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Said()

    async def talk() -> None:
        loop, now = asyncio.get_running_loop(), [0.0]
        monkeypatch.setattr(loop, "time", lambda: now[0])
        for _ in range(3 * SAID_LIMIT):
            now[0] += 0.2
            await said.socket.receive("{}")

    asyncio.run(talk())
    assert said.closed == []
