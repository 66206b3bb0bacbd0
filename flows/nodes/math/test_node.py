"""The math node calculates with its variables and nothing else."""

from typing import Any

import pytest

from flows.engine.document import parse
from flows.engine.errors import NodeError
from flows.engine.registry import registry
from flows.engine.tests.support import call
from flows.engine.validate import validate


def value(expression: str, **variables: Any) -> Any:
    return call("math", {"expression": expression, "variables": variables}).output["value"]


@pytest.mark.parametrize(
    ("expression", "variables", "wanted"),
    [
        ("1 + 2 * 3", {}, 7),
        ("(net * (1 + tax / 100)) | round(2)", {"net": 100, "tax": 19}, 119.0),
        ("{{ a // b }}", {"a": 7, "b": 2}, 3),
        ("a if a > b else b", {"a": 1, "b": 2.5}, 2.5),
        ("a > b", {"a": 2, "b": 1}, True),
        ("prices | sum", {"prices": [1, 2, 3]}, 6),
        ("a + b", {"a": " 12", "b": "-1.5e1"}, -3.0),
    ],
)
def test_it_calculates(expression: str, variables: dict[str, Any], wanted: Any) -> None:
    found = value(expression, **variables)
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    "text", ["1_000", "nan", "inf", "1e999", "0x10", "12,5", "", "٣", "9" * 99]
)
def test_text_that_is_no_number_stays_text(text: str) -> None:
    with pytest.raises(NodeError) as caught:
        value("a", a=text)
    assert caught.value.code == "not_a_number"


@pytest.mark.parametrize(
    ("expression", "variables", "code"),
    [
        ("a / b", {"a": 1, "b": 0}, "expression_type"),
        ("a * a * a", {"a": 10**60}, "expression_budget"),
        ("a + b", {"a": 1, "b": "x"}, "expression_type"),
        ("a", {"a": [1]}, "not_a_number"),
        ("a", {"a": None}, "not_a_number"),
    ],
)
def test_what_cannot_be_calculated_says_so(
    expression: str, variables: dict[str, Any], code: str
) -> None:
    with pytest.raises(NodeError) as caught:
        value(expression, **variables)
    assert (caught.value.code, caught.value.field) == (code, "expression")


@pytest.mark.parametrize(
    ("expression", "said"),
    [("nett * 2", "did you mean 'net'"), ("1 +", "expression"), ("{{ net }} + {{ net }}", "one")],
)
def test_slips_are_found_before_a_run(expression: str, said: str) -> None:
    start = {"id": "start", "type": "input", "config": {"fields": [{"name": "n"}]}}
    config = {"expression": expression, "variables": {"net": "{{ start.n }}"}}
    nodes = [start, {"id": "sum", "type": "math", "config": config}]
    document = parse({"name": "M", "nodes": nodes, "edges": [{"from": "start", "to": "sum"}]})
    errors = [p for p in validate(document, registry()) if p.severity == "error"]
    assert [said in problem.message for problem in errors] == [True]


def test_what_a_variable_holds_is_not_evaluated_again() -> None:
    config = {"expression": "a | length", "variables": {"a": "{{ text }}"}}
    assert call("math", config, {"text": "{{ 1+1 }}"}).output["value"] == 9
