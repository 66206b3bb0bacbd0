"""The if node takes one of two ways."""

from typing import Any

import pytest

from flows.engine.document import parse
from flows.engine.tests.support import call


@pytest.mark.parametrize("value", [True, 1, "yes", "x", [0], {"a": 1}, "0.0"])
def test_what_counts_as_true_goes_the_true_way(value: Any) -> None:
    result = call("if", {"condition": "{{ a }}"}, {"a": value})
    assert (result.output, result.ports) == ({"result": True}, ("true",))


@pytest.mark.parametrize(
    "value", [False, 0, "", " ", "\n" * 200, None, [], {}, "false", " No\n", "0"]
)
def test_what_counts_as_false_goes_the_false_way(value: Any) -> None:
    result = call("if", {"condition": "{{ a }}"}, {"a": value})
    assert (result.output, result.ports) == ({"result": False}, ("false",))


@pytest.mark.parametrize("value", [[], {}, 0, None, False])
@pytest.mark.parametrize("condition", ["{{ a }}\n", "  {{ a }} ", "\n{{ a }}\n\n"])
def test_white_space_around_the_expression_does_not_count(condition: str, value: Any) -> None:
    assert call("if", {"condition": condition}, {"a": value}).ports == ("false",)


def test_a_condition_may_stand_in_a_yaml_block() -> None:
    node = "{id: x, type: if}\n- id: way\n  type: if\n  config:\n    condition: |\n      {{ a }}\n"
    (_, way) = parse(f"name: Block\nnodes:\n- {node}").nodes
    assert way.config == {"condition": "{{ a }}\n"}
    assert call("if", way.config, {"a": []}).ports == ("false",)
    assert call("if", way.config, {"a": [0]}).ports == ("true",)


@pytest.mark.parametrize(
    ("condition", "port"),
    [("false", "false"), ("0 ", "false"), ("", "false"), ("yes", "true"), ("{{ a }}!", "true")],
)
def test_a_text_holds_unless_it_is_empty_or_says_no(condition: str, port: str) -> None:
    assert call("if", {"condition": condition}, {"a": []}).ports == (port,)


def test_a_large_value_is_true_without_being_loaded() -> None:
    reference = {"$blob": "a" * 64, "kind": "json", "size": 40_000, "preview": "["}
    assert call("if", {"condition": "{{ a }}"}, {"a": reference}).ports == ("true",)
    assert call("if", {"condition": "{{ not a }}"}, {"a": reference}).ports == ("false",)


def test_braces_in_a_value_are_not_evaluated() -> None:
    assert call("if", {"condition": "{{ a }}"}, {"a": "{{ false }}"}).ports == ("true",)
