"""A short part of `python -m benchmarks.fuzz`, with a fixed seed."""

from collections import Counter

import pytest

from tests.support.access_world import access_world
from tests.support.fuzzing import KINDS, Fuzz

#: Tries of each kind.
TRIES = 40


def test_nonsense_at_every_door_crashes_nothing(
    db: None, without_examples: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution.services.dispatch", lambda *args: None)
    fuzz = Fuzz(access_world(), seed=20_261_126)
    for _ in range(TRIES):
        for kind in KINDS:
            fuzz.once(kind)
    assert fuzz.tries == Counter(dict.fromkeys(KINDS, TRIES))
    assert [crash for crash in fuzz.crashes if ": took " not in crash] == []
    # It gets further than the first check.
    assert fuzz.answers["call 200"] > 0
    # One in a hundred or so has a value.
    assert fuzz.answers["expression value"] + fuzz.answers["expression refused"] == TRIES
