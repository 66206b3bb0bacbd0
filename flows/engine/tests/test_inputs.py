"""What a run is given is converted, completed and refused by field."""

from typing import Any

import pytest

from flows.engine.document import parse
from flows.engine.inputs import input_fields, validate_inputs


def value_of(word: str, given: Any) -> Any:
    values, problems = validate_inputs([{"name": "x", "type": word}], {"x": given})
    return problems[0]["code"] if problems else values["x"]


@pytest.mark.parametrize(
    ("word", "given", "value"),
    [
        ("string", "a", "a"),
        ("string", 5, "5"),
        ("text", True, "true"),
        ("string", [], "wrong_type"),
        ("number", "12", 12),
        ("number", " -1.5 ", -1.5),
        ("number", 3, 3),
        ("number", "x", "wrong_type"),
        ("number", "", "wrong_type"),
        ("number", True, "wrong_type"),
        ("number", "inf", "wrong_type"),
        ("number", "9" * 5_000, "wrong_type"),
        ("number", "²", "wrong_type"),
        ("boolean", "on", True),
        ("boolean", 0, False),
        ("boolean", "maybe", "wrong_type"),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", "{bad", "wrong_type"),
        ("json", "plain", "plain"),
        ("json", {"a": 1}, {"a": 1}),
        ("json", "[" * 100_000, "wrong_type"),
        ("list", "a\n\nb", ["a", "b"]),
        ("list", "[1, 2]", [1, 2]),
        ("list", [1], [1]),
        ("list", {"a": 1}, "wrong_type"),
        ("file", "f1", {"file": "f1"}),
        ("file", {"file": "f1"}, {"file": "f1"}),
        ("file", {"name": "x"}, "wrong_type"),
        ("string", "a\x00b", "wrong_type"),
        ("json", {"a": ["\ud800"]}, "wrong_type"),
        ("json", {"a": {"$blob": "x", "kind": "text"}}, "wrong_type"),
        ("json", '{"\\u0024blob": "x", "kind": "text"}', {"_$blob": "x", "kind": "text"}),
    ],
)
def test_a_value_is_converted_to_its_type_or_refused(word: str, given: Any, value: Any) -> None:
    result = value_of(word, given)
    assert (type(result), result) == (type(value), value)


def test_defaults_are_filled_in_and_optional_fields_are_null() -> None:
    fields = [{"name": "a", "default": "5", "type": "number"}, {"name": "b"}]
    assert validate_inputs(fields, {}) == ({"a": 5, "b": None}, [])
    assert validate_inputs(fields, {"a": None, "b": ""}) == ({"a": 5, "b": ""}, [])


def test_missing_and_unknown_inputs_are_named() -> None:
    fields = [
        {"name": "subject", "required": True},
        {"name": "n", "type": "number", "required": True},
    ]
    _, problems = validate_inputs(fields, {"subjct": "x", "subject": "", "n": None})
    assert [(p["path"], p["code"]) for p in problems] == [
        ("subjct", "unknown"),
        ("subject", "missing"),
        ("n", "missing"),
    ]
    assert "Did you mean 'subject'?" in problems[0]["message"]
    assert problems[2]["message"] == "'n' is required; give a number."


def test_braces_in_inputs_stay_text() -> None:
    values, _ = validate_inputs([{"name": "a"}], {"a": "{{ 1+1 }}"})
    assert values == {"a": "{{ 1+1 }}"}


def test_the_fields_are_those_of_the_input_node() -> None:
    node = {"id": "start", "type": "input", "config": {"fields": [{"name": "a"}, "bad"]}}
    assert input_fields(parse({"name": "x", "nodes": [node]}).nodes) == [{"name": "a"}]
    assert input_fields([]) == []
