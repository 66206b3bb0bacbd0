"""Conditions of Dify: cases of if-else, break conditions of loops, filters of lists."""

from typing import Any

from flows.importing import conditions
from flows.importing.code import Code, Untranslatable, all_of, literal
from flows.importing.dify.expressions import selected
from flows.importing.source import mapping, mappings, words
from flows.importing.steps import Step

JSON = Any
TESTS = {
    "contains": "contains", "not contains": "not_contains", "start with": "starts",
    "end with": "ends", "is": "equal", "is not": "not_equal", "empty": "empty",
    "not empty": "not_empty", "=": "equal", "≠": "not_equal", ">": "larger", "<": "smaller",
    "≥": "at_least", "≤": "at_most", ">=": "at_least", "<=": "at_most", "!=": "not_equal",
    "in": "in", "not in": "not_in", "null": "not_exists", "not null": "exists",
    "exists": "exists", "not exists": "not_exists",
}  # fmt: skip
_NUMBERS = ("=", "≠", ">", "<", "≥", "≤", ">=", "<=", "!=")


def of_case(step: Step, case: dict[str, JSON]) -> Code:
    """All the conditions of a case. Raises Untranslatable."""
    codes = [one(step, raw) for raw in mappings(case.get("conditions"))]
    return all_of(codes, "or" if case.get("logical_operator") == "or" else "and")


def one(step: Step, raw: dict[str, JSON]) -> Code:
    """One condition. Raises Untranslatable."""
    if mapping(raw.get("sub_variable_condition")).get("conditions"):
        raise Untranslatable("conditions about parts of files have no like here")
    sign = words(raw.get("comparison_operator"))
    test = TESTS.get(sign)
    if test is None:
        raise Untranslatable(f"the comparison '{sign}' has no like here")
    left = selected(step, raw.get("variable_selector"))
    value = raw.get("value")
    if isinstance(value, list):
        right = literal([words(item) for item in value])
    else:
        right = step.code(value if value is not None else "")
    kind = words(raw.get("varType"))
    if sign in _NUMBERS or kind == "number":
        right = conditions.as_number(right)
    elif kind == "boolean":
        right = conditions.as_boolean(right)
    elif test in ("equal", "not_equal", "in", "not_in") and kind == "string":
        right = right if isinstance(value, list) else conditions.as_words(right)
    return conditions.test(test, left, right)
