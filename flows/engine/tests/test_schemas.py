"""Answers are checked against schemas that users wrote, in a time that users cannot stretch."""

import time
from typing import Any

import pytest

from flows.engine.schemas import mismatches

UNIQUE = {"type": "array", "uniqueItems": True}


@pytest.mark.parametrize(
    ("items", "same"),
    [
        ([1, 2, 3], False),
        ([1, 1], True),
        ([1, 1.0], True),
        ([1, True], False),
        ([0, False], False),
        ([{"a": 1, "b": [2.0]}, {"b": [2], "a": 1}], True),
        ([{"a": 1}, {"a": True}], False),
        (["1", 1], False),
        ([None, "null"], False),
    ],
)
def test_items_that_have_to_differ_are_compared_as_json_schema_says(
    items: list[Any], same: bool
) -> None:
    assert bool(mismatches(UNIQUE, items)) is same


def test_thousands_of_objects_that_have_to_differ_take_no_time() -> None:
    items = [{"row": number, "name": "x" * 20, "more": [number]} for number in range(20_000)]
    began = time.process_time()
    assert mismatches(UNIQUE, items) == []
    # Pair by pair these would be 200 million comparisons.
    assert time.process_time() - began < 5
