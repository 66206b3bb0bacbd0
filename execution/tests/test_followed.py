"""Of a thousand texts that stream inside a container a page is sent those it shows."""

from typing import Any

from execution.live.followed import MOST_OPENED, QUIET, Followed
from execution.live.hub import Frame

JSON = Any


class Clock:
    """Seconds that a test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def delta(number: int | None, node: str = "sum") -> dict[str, JSON]:
    path = [] if number is None else ["rows", number]
    return {"type": "node.delta", "node": node, "path": path, "offset": 0, "text": "x"}


def numbers(frame: Frame) -> list[tuple[int, bool]]:
    """Item and whether it is the one its step is followed in, of each text of a frame."""
    return [(shown["path"][1], bool(shown.get("latest"))) for shown in frame.deltas]


def test_of_many_items_of_a_step_one_is_followed() -> None:
    followed = Followed()
    shown = followed.of(Frame(deltas=[delta(number) for number in range(1_000)]))
    assert numbers(shown) == [(0, True)]
    assert numbers(followed.of(Frame(deltas=[delta(5), delta(0)]))) == [(0, True)]


def test_each_step_is_followed_in_an_item_of_its_own() -> None:
    shown = Followed().of(Frame(deltas=[delta(1), delta(2, "grade"), delta(2)]))
    assert numbers(shown) == [(1, True), (2, True)]


def test_another_item_is_followed_when_the_first_is_over_or_silent() -> None:
    clock = Clock()
    followed = Followed(clock)
    followed.of(Frame(deltas=[delta(0)]))
    over = {"type": "node.finished", "node": "sum", "path": ["rows", 0]}
    assert followed.of(Frame(events=[over])).events == [over]
    assert numbers(followed.of(Frame(deltas=[delta(3)]))) == [(3, True)]
    clock.seconds = QUIET + 1
    assert numbers(followed.of(Frame(deltas=[delta(4)]))) == [(4, True)]


def test_what_the_page_has_opened_comes_too() -> None:
    followed = Followed()
    followed.open(["sum:rows.7", 9, None])
    shown = followed.of(Frame(deltas=[delta(0), delta(7), delta(8)]))
    assert numbers(shown) == [(0, True), (7, False)]
    followed.open({"not": "a list"})
    followed.open([f"sum:rows.{number}" for number in range(100, 100 + 2 * MOST_OPENED)])
    last = 100 + 2 * MOST_OPENED - 1
    assert numbers(followed.of(Frame(deltas=[delta(last), delta(100)]))) == [(100, False)]


def test_texts_outside_of_containers_and_other_events_are_not_touched() -> None:
    skipped = {"type": "node.skipped", "node": "sum", "path": ["rows", 4]}
    frame = Frame(events=[skipped, delta(None)], deltas=[delta(None)])
    assert Followed().of(frame) == frame
