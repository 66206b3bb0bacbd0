"""The output node hands its value on unchanged."""

from typing import Any

import pytest

from flows.engine.tests.support import call


@pytest.mark.parametrize("value", [None, 0, False, "", [1, {"a": None}], {"x": 1.5}])
def test_a_value_keeps_its_type(value: Any) -> None:
    assert call("output", {"value": "{{ a.b }}"}, {"a": {"b": value}}).output == {"value": value}


def test_expressions_inside_a_structure_are_evaluated() -> None:
    config = {"value": {"list": ["{{ a.n }}", "n is {{ a.n }}"], "fixed": True}}
    result = call("output", config, {"a": {"n": 2}})
    assert result.output == {"value": {"list": [2, "n is 2"], "fixed": True}}


def test_a_large_value_passes_as_a_reference_without_being_loaded() -> None:
    reference = {"$blob": "f" * 64, "kind": "text", "size": 40_000, "preview": "…"}
    result = call("output", {"value": {"text": "{{ a.text }}"}}, {"a": {"text": reference}})
    assert result.output == {"value": {"text": reference}}
