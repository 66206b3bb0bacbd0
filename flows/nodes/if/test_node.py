"""The if node takes one of two ways."""

from typing import Any

import pytest

from flows.engine.tests.support import call


@pytest.mark.parametrize("value", [True, 1, "yes", "x", [0], {"a": 1}, "0.0"])
def test_what_counts_as_true_goes_the_true_way(value: Any) -> None:
    result = call("if", {"condition": "{{ a }}"}, {"a": value})
    assert (result.output, result.ports) == ({"result": True}, ("true",))


@pytest.mark.parametrize("value", [False, 0, "", " ", None, [], {}, "false", "No", "0"])
def test_what_counts_as_false_goes_the_false_way(value: Any) -> None:
    result = call("if", {"condition": "{{ a }}"}, {"a": value})
    assert (result.output, result.ports) == ({"result": False}, ("false",))


def test_a_large_value_is_true_without_being_loaded() -> None:
    reference = {"$blob": "a" * 64, "kind": "json", "size": 40_000, "preview": "["}
    assert call("if", {"condition": "{{ a }}"}, {"a": reference}).ports == ("true",)
    assert call("if", {"condition": "{{ not a }}"}, {"a": reference}).ports == ("false",)


def test_braces_in_a_value_are_not_evaluated() -> None:
    assert call("if", {"condition": "{{ a }}"}, {"a": "{{ false }}"}).ports == ("true",)
