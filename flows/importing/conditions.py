"""Comparisons of other products' condition forms as our expressions."""

from collections.abc import Callable

from flows.importing.code import (
    Code,
    Untranslatable,
    guarded,
    literal,
    negated,
    operation,
)
from flows.importing.js_methods import ends_with, starts_with

type Test = Callable[[Code, Code], Code]


def _sign(sign: str) -> Test:
    return lambda left, right: operation(sign, left, right, "boolean")


def _length(sign: str) -> Test:
    return lambda left, right: operation(sign, left.filtered("length"), right, "boolean")


def _is_empty(left: Code, right: Code) -> Code:
    return operation("in", guarded(left), Code("[null, '', [], {} ]"), "boolean")


def _exists(left: Code, right: Code) -> Code:
    return operation("!=", guarded(left), literal(None), "boolean")


def _contains(left: Code, right: Code) -> Code:
    return operation("in", right, Code(f"{left.safe} | default('')", False), "boolean")


def _is(value: bool) -> Test:
    return lambda left, right: operation("==", left, literal(value), "boolean")


def _not(test: Test) -> Test:
    return lambda left, right: negated(test(left, right))


TESTS: dict[str, Test] = {
    "equal": _sign("=="),
    "not_equal": _sign("!="),
    "larger": _sign(">"),
    "smaller": _sign("<"),
    "at_least": _sign(">="),
    "at_most": _sign("<="),
    "contains": _contains,
    "not_contains": _not(_contains),
    "in": _sign("in"),
    "not_in": _not(_sign("in")),
    "starts": lambda left, right: starts_with(left, [right]),
    "not_starts": lambda left, right: negated(starts_with(left, [right])),
    "ends": lambda left, right: ends_with(left, [right]),
    "not_ends": lambda left, right: negated(ends_with(left, [right])),
    "empty": _is_empty,
    "not_empty": _not(_is_empty),
    "exists": _exists,
    "not_exists": _not(_exists),
    "true": _is(True),
    "false": _is(False),
    "length_equal": _length("=="),
    "length_not_equal": _length("!="),
    "length_larger": _length(">"),
    "length_smaller": _length("<"),
    "length_at_least": _length(">="),
    "length_at_most": _length("<="),
}


def test(name: str, left: Code, right: Code) -> Code:
    """`left name right`; the names are the keys of TESTS. Raises Untranslatable."""
    if name not in TESTS:
        raise Untranslatable(f"the comparison '{name}' has no like here")
    return TESTS[name](left, right)


def as_number(code: Code) -> Code:
    """The value as a number; a constant text such as '5' becomes the number itself."""
    if code.literal:
        try:
            value = float(code.value)
        except (TypeError, ValueError):
            return code
        return literal(int(value) if value.is_integer() else value)
    return code if code.kind == "number" else code.filtered("float", kind="number")


def as_boolean(code: Code) -> Code:
    """A constant 'true' or 'false' as the boolean; what is computed stays."""
    if code.literal and isinstance(code.value, str):
        return literal(code.value.strip().lower() == "true")
    return code


def as_words(code: Code) -> Code:
    """The value as text, where it is not known to be one."""
    if code.kind == "text":
        return code
    if code.literal:
        return literal("" if code.value is None else str(code.value))
    return code.filtered("string", kind="text")
