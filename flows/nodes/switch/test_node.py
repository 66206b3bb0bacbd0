"""The switch node takes the first case that matches."""

from typing import Any

import pytest

from flows.engine.errors import NodeError
from flows.engine.tests.support import call, node_type

CASES = [{"name": "low", "when": "{{ a.n < 3 }}"}, {"name": "seven", "when": 7}]


@pytest.mark.parametrize(
    ("number", "port"), [(1, "low"), (7, "seven"), (7.0, "seven"), (5, "default")]
)
def test_conditions_and_values_match_in_order(number: float, port: str) -> None:
    result = call("switch", {"value": "{{ a.n }}", "cases": CASES}, {"a": {"n": number}})
    assert (result.output, result.ports) == ({"case": port}, (port,))


@pytest.mark.parametrize(("value", "port"), [(True, "yes"), (False, "no"), ("true", "default")])
def test_booleans_are_compared_when_the_value_is_one(value: Any, port: str) -> None:
    cases = [{"name": "yes", "when": True}, {"name": "no", "when": False}]
    cases = cases if isinstance(value, bool) else [{"name": "no", "when": False}]
    assert call("switch", {"value": value, "cases": cases}).ports == (port,)


def test_a_number_is_not_equal_to_true() -> None:
    cases = [{"name": "one", "when": 1}]
    assert call("switch", {"value": True, "cases": cases}).ports == ("default",)


def test_ports_follow_the_cases_and_survive_half_written_configs() -> None:
    kind = node_type("switch")
    assert kind.port_names({"cases": CASES}) == ("low", "seven", "default")
    assert kind.port_names({"cases": [{"name": None}, "x", {"name": "a"}, {"name": "a"}]}) == (
        "a",
        "default",
    )


@pytest.mark.parametrize("name", ["default", "error", "Not a name"])
def test_names_that_cannot_be_ports_are_refused(name: str) -> None:
    with pytest.raises(NodeError) as caught:
        call("switch", {"value": 1, "cases": [{"name": name, "when": 1}]})
    assert caught.value.code == "config_invalid"


def test_braces_in_a_value_are_compared_as_text() -> None:
    cases = [{"name": "two", "when": 2}, {"name": "same", "when": "{{ a }}"}]
    config = {"value": "{{ a }}", "cases": cases}
    assert call("switch", config, {"a": "{{ 1+1 }}"}).ports == ("same",)


def test_white_space_around_an_expression_does_not_count() -> None:
    cases = [{"name": "few", "when": "{{ a < 3 }}\n"}, {"name": "same", "when": " {{ b }}"}]
    config = {"value": "\n{{ a }}\n", "cases": cases}
    assert call("switch", config, {"a": 1, "b": 7}).ports == ("few",)
    assert call("switch", config, {"a": 7, "b": 7}).ports == ("same",)
    assert call("switch", config, {"a": 8, "b": 7}).ports == ("default",)


def test_white_space_of_a_text_counts() -> None:
    cases = [{"name": "spaced", "when": "x {{ a }} "}]
    assert call("switch", {"value": "x 1 ", "cases": cases}, {"a": 1}).ports == ("spaced",)
    assert call("switch", {"value": "x 1", "cases": cases}, {"a": 1}).ports == ("default",)
