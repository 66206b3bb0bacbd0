"""What an hour of `python -m benchmarks.fuzz` was, within a minute: nothing crashes.

The seeds are fixed, but for one of the day. What crashes is told with its own seed, which makes
the same try again: `python -m benchmarks.fuzz --again "expression 12345"`.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from flows.engine.expressions.filters import FILTERS
from tests.support.access_world import access_world
from tests.support.fuzzing import expressions, grammar
from tests.support.fuzzing.fuzz import DOORS, SHARES, Fuzz

#: Tries, and how many of them have the seed of the day.
TRIES, OF_THE_DAY = 48_000, 8_000
SEED = 20_261_126


def test_nonsense_at_every_door_crashes_nothing(
    db: None,
    without_examples: None,
    monkeypatch: pytest.MonkeyPatch,
    counted: Callable[[str], None],
) -> None:
    monkeypatch.setattr("execution.services.dispatch", lambda *args: None)
    day = int(f"{datetime.now(UTC):%Y%m%d}")
    fuzz = Fuzz(access_world(), SEED)
    fuzz.again()
    fuzz.run(TRIES - OF_THE_DAY)
    fuzz.chance.seed(day)
    fuzz.run(TRIES)
    fuzz.doors.close()
    counted(f"nonsense: seed of the day {day}; {told(fuzz)}")
    assert fuzz.crashes == []
    assert fuzz.tries.keys() == SHARES.keys()
    assert fuzz.tries.total() >= TRIES
    # It gets further than the first check, and not everything is right either.
    assert 0.4 < share(fuzz, "expression", "value") < 0.9
    assert share(fuzz, "document", "valid", "problems") > 0.3
    assert share(fuzz, "call", "200", "201", "202", "204") > 0.3
    assert expressions.unchanged()


def share(fuzz: Fuzz, kind: str, *said: str) -> float:
    """Which part of the tries of a kind was answered so."""
    return sum(fuzz.answers[f"{kind} {word}"] for word in said) / fuzz.tries[kind]


def told(fuzz: Fuzz) -> str:
    """Tries, crashes and shares in one line."""
    spent = sum(fuzz.seconds.values())
    asked = sum(fuzz.tries[kind] for kind in DOORS)
    return (
        f"{fuzz.tries.total():,} tries in {spent:.0f} s, {asked:,} of them asked the site, "
        f"{len(fuzz.crashes)} crashes, slowest {fuzz.slowest[0]:.1f} s; "
        f"expressions with a value {share(fuzz, 'expression', 'value'):.0%}, "
        f"documents read {share(fuzz, 'document', 'valid', 'problems'):.0%}, "
        f"calls past validation {share(fuzz, 'call', '200', '201', '202', '204'):.0%}"
    )


def test_the_grammar_knows_every_filter() -> None:
    assert grammar.FILTERS.keys() == FILTERS.keys()
