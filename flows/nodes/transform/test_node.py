"""The transform node makes the fields it is told to make."""

import pytest

from flows.engine.errors import NodeError
from flows.engine.tests.support import call, node_type


def test_fields_keep_the_types_of_their_expressions() -> None:
    config = {"fields": {"n": "{{ a.list | length }}", "up": "{{ a.t | upper }}!", "c": 1}}
    result = call("transform", config, {"a": {"list": [1, 2], "t": "x"}})
    assert result.output == {"n": 2, "up": "X!", "c": 1}


def test_all_fields_may_come_from_one_expression() -> None:
    result = call("transform", {"fields": "{{ a }}"}, {"a": {"x": 1}})
    assert result.output == {"x": 1}
    assert node_type("transform").output_fields({"fields": "{{ a }}"}) is None


def test_something_else_than_an_object_is_refused_with_the_field() -> None:
    with pytest.raises(NodeError) as caught:
        call("transform", {"fields": "{{ a }}"}, {"a": [1]})
    assert (caught.value.code, caught.value.field) == ("config_invalid", "fields")


def test_braces_in_values_stay_text() -> None:
    result = call("transform", {"fields": {"a": "{{ x }}", "b": "<{{ x }}>"}}, {"x": "{{ 1+1 }}"})
    assert result.output == {"a": "{{ 1+1 }}", "b": "<{{ 1+1 }}>"}


def test_a_made_up_reference_cannot_be_smuggled_in() -> None:
    with pytest.raises(NodeError):
        call("transform", {"fields": {"$blob": "abc", "kind": "text"}})


def test_white_space_around_an_expression_makes_text() -> None:
    result = call("transform", {"fields": {"x": "{{ a }}\n", "y": " {{ a }}"}}, {"a": [1]})
    assert result.output == {"x": "[1]\n", "y": " [1]"}
