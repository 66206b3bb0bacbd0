"""The input node hands on what the run was given."""

import pytest

from flows.engine.errors import NodeError
from flows.engine.node_type import PureInputs
from flows.engine.tests.support import call, node_type

FIELDS = [
    {"name": "subject", "required": True},
    {"name": "count", "type": "number", "default": 3},
]


def test_inputs_become_the_output_with_defaults_filled_in() -> None:
    result = call("input", {"fields": FIELDS}, inputs=PureInputs(run_inputs={"subject": "Hi"}))
    assert result.output == {"subject": "Hi", "count": 3}


def test_a_missing_required_input_fails_with_its_name() -> None:
    with pytest.raises(NodeError) as caught:
        call("input", {"fields": FIELDS})
    assert caught.value.code == "inputs_invalid"
    assert caught.value.field == "subject"


def test_braces_in_an_input_stay_text() -> None:
    given = {"subject": "{{ 1+1 }}"}
    result = call("input", {"fields": FIELDS}, inputs=PureInputs(run_inputs=given))
    assert result.output["subject"] == "{{ 1+1 }}"


def test_a_default_is_data_not_an_expression() -> None:
    result = call("input", {"fields": [{"name": "a", "default": "{{ 1+1 }}"}]})
    assert result.output == {"a": "{{ 1+1 }}"}


def test_two_fields_of_one_name_are_refused() -> None:
    with pytest.raises(NodeError, match="two fields are named 'a'"):
        call("input", {"fields": [{"name": "a"}, {"name": "a"}]})


def test_its_output_fields_are_its_input_fields() -> None:
    assert node_type("input").output_fields({"fields": FIELDS}) == {
        "subject": "string",
        "count": "number",
    }
    assert node_type("input").output_fields({"fields": "{{ x }}"}) is None
