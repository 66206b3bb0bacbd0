"""Expressions in configs: `{{ ticket.subject | upper }}`, computed on JSON data only.

`evaluate` keeps the type of a text that is exactly one expression, `render` is template mode with
`{% if %}` and `{% for %}`, `resolve` walks a whole config. All are pure and bounded; what they
return is data and is never evaluated again.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flows.engine.expressions import compiler, values
from flows.engine.expressions.budget import Budget, ExpressionError, over_budget, weight, wrong_type
from flows.engine.expressions.static import (
    Mention,
    Reference,
    mentions_in,
    references,
    roots_in,
    texts_in,
)
from flows.engine.expressions.syntax import MAX_EXPRESSION, Code, Text, split
from flows.engine.json_values import KEY
from flows.engine.references import Load

__all__ = [
    "Budget",
    "ExpressionError",
    "Mention",
    "Reference",
    "code_lengths",
    "compile_check",
    "evaluate",
    "has_expression",
    "is_expression",
    "mentions_in",
    "references",
    "render",
    "render_with",
    "resolve",
    "resolve_with",
    "roots_in",
    "text_of",
    "texts_in",
    "trimmed",
    "values_equal",
]


def has_expression(text: str) -> bool:
    """Whether a text holds an expression (outside template mode)."""
    return "{{" in text


def is_expression(text: str) -> bool:
    """Whether a text is exactly one expression, whose value keeps its type."""
    if not text.startswith("{{"):
        return False
    try:
        parts = _parts(text)
    except ExpressionError:
        return False
    return len(parts) == 1 and isinstance(parts[0], Code)


def trimmed(value: Any) -> Any:
    """The value without white space around its single expressions; other texts stay as they are."""
    if isinstance(value, str):
        bare = value.strip()
        return bare if is_expression(bare) else value
    if isinstance(value, dict):
        return {key: trimmed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trimmed(item) for item in value]
    return value


def evaluate(text: str, context: Mapping[str, Any], *, load: Load | None = None) -> Any:
    """The value of a text: typed when it is exactly one expression, else text.

    Raises ExpressionError; NeedsLoad when a reference is touched and `load` is not given.
    """
    return _evaluate(text, context, Budget(load))


def render(text: str, context: Mapping[str, Any], *, load: Load | None = None) -> str:
    """Template mode: text with expressions, `{% if %}` and `{% for %}`."""
    return _render(text, context, Budget(load))


def resolve(value: Any, context: Mapping[str, Any], *, load: Load | None = None) -> Any:
    """The value with every expression in its texts evaluated, on one budget. Keys stay."""
    return resolve_with(value, context, Budget(load))


def resolve_with(value: Any, context: Mapping[str, Any], budget: Budget) -> Any:
    """As `resolve`, charging a budget that is shared with other fields."""
    try:
        if isinstance(value, str):
            return _evaluate(value, context, budget)
        if isinstance(value, dict):
            if KEY in value:
                # Only the engine makes references: a written one could name another's value.
                raise wrong_type(f"'{KEY}' cannot be used as a key.")
            return {key: resolve_with(item, context, budget) for key, item in value.items()}
        if isinstance(value, list):
            return [resolve_with(item, context, budget) for item in value]
    except RecursionError as error:
        raise over_budget("the value is nested too deeply.") from error
    return value


def render_with(text: str, context: Mapping[str, Any], budget: Budget) -> str:
    """As `render`, charging a budget that is shared with other fields."""
    return _render(text, context, budget)


def text_of(value: Any, *, load: Load | None = None) -> str:
    """A value as it would stand in a text: null is empty, lists and objects are JSON."""
    return values.text_of(Budget(load), value)


def values_equal(left: Any, right: Any) -> bool:
    """Equality as in expressions: 1 equals 1.0 but not true. Raises ExpressionError."""
    return values.equal(Budget(), left, right)


def compile_check(text: str, *, template: bool = False) -> ExpressionError | None:
    """What is wrong with a text's expressions, without evaluating them."""
    try:
        if template:
            compiler.template(text)
        else:
            for part in _parts(text):
                if isinstance(part, Code):
                    _compiled(part)
    except ExpressionError as error:
        return error
    return None


def code_lengths(text: str) -> list[int]:
    """Characters of each expression in a text; a text that cannot be read counts as one."""
    try:
        return [len(part.code) for part in _parts(text) if isinstance(part, Code)]
    except ExpressionError:
        return [MAX_EXPRESSION]


@lru_cache(4096)
def _parts_of_short(text: str) -> tuple[Text | Code, ...]:
    return split(text)


def _parts(text: str) -> tuple[Text | Code, ...]:
    # Long texts are seldom and would fill the cache.
    return _parts_of_short(text) if len(text) <= 2_000 else split(text)


def _compiled(part: Code) -> compiler.Compute:
    try:
        return compiler.expression(part.code)
    except ExpressionError as error:
        error.inside("{{" + part.code + "}}")
        raise


def _evaluate(text: str, context: Mapping[str, Any], budget: Budget) -> Any:
    if "{{" not in text:
        return text
    parts = _parts(text)
    if len(parts) == 1 and isinstance(parts[0], Code):
        value = _value(parts[0], context, budget)
        with_source = "{{" + parts[0].code + "}}"
        try:
            values.measure(budget, value)
        except ExpressionError as error:
            error.inside(with_source)
            raise
        return value
    texts = []
    for part in parts:
        made = part.text if isinstance(part, Text) else _text(part, context, budget)
        budget.work((len(made) >> 8) + 1)
        budget.keep(weight(made))
        texts.append(made)
    return "".join(texts)


def _value(part: Code, context: Mapping[str, Any], budget: Budget) -> Any:
    compute = _compiled(part)
    # Compiling costs about four times as much as evaluating; charged always, cached or not.
    budget.work(2 * len(part.code))
    try:
        return compute(compiler.Frame(context, budget))
    except ExpressionError as error:
        error.inside("{{" + part.code + "}}")
        raise
    except RecursionError as error:
        raise over_budget("a value is nested too deeply.") from error


def _text(part: Code, context: Mapping[str, Any], budget: Budget) -> str:
    value = _value(part, context, budget)
    try:
        return values.text_of(budget, value)
    except ExpressionError as error:
        error.inside("{{" + part.code + "}}")
        raise
    except RecursionError as error:
        raise over_budget("a value is nested too deeply.") from error


def _render(text: str, context: Mapping[str, Any], budget: Budget) -> str:
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return text
    emit = compiler.template(text)
    budget.work(len(text) >> 4)
    out: list[str] = []
    try:
        emit(compiler.Frame(context, budget), out)
    except RecursionError as error:
        raise over_budget("a value is nested too deeply.") from error
    return "".join(out)
