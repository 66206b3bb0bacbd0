"""Check a node's raw config: against its Config, and each expression's syntax."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from flows.engine.attempts import RETRY_IF, evaluated_of, retry_is_asked_for
from flows.engine.conditions import is_word
from flows.engine.document import Document, NodeSpec
from flows.engine.document_problems import dotted
from flows.engine.errors import Problem
from flows.engine.expressions import (
    code_lengths,
    compile_check,
    has_expression,
    is_expression,
    texts_in,
)
from flows.engine.names import Suggestions
from flows.engine.node_call import is_condition, mode_of, placed_sentence
from flows.engine.node_type import NodeType
from flows.engine.registry import Registry

#: Expressions of a whole document, and their characters.
MAX_EXPRESSIONS = 20_000
MAX_CODE = 300_000
#: What holds steps; a sub-flow's are inside of it as well.
HOLDING = ("map", "loop", "subflow")
_BLOCK = re.compile(r"\{%[-+]?\s*(?:if|for)\b")


def excess_problems(doc: Document) -> list[Problem]:
    """A problem when a document holds more expressions than can be checked in seconds."""
    count = size = 0
    for node in doc.nodes:
        for _, text in texts_in(evaluated_of(node)):
            codes = code_lengths(text)
            count += len(codes)
            size += sum(codes)
        if count > MAX_EXPRESSIONS or size > MAX_CODE:
            message = (
                f"A flow may hold {MAX_EXPRESSIONS:,} expressions with {MAX_CODE:,} characters; "
                f"at '{node.id}' there are more. Split it into sub-flows."
            )
            return [Problem("too_many_expressions", message, node.id)]
    return []


def config_problems(node: NodeSpec, registry: Registry, suggest: Suggestions) -> list[Problem]:
    """Problems of one node's config. Values that are still expressions are not judged."""
    node_type = registry.get(node.type)
    if node_type is None:
        return []
    return [
        *_shape_problems(node, node_type, suggest),
        *_expression_problems(node, node_type),
        *_condition_problems(node, node_type),
        *_retry_problems(node, node_type),
    ]


def _shape_problems(node: NodeSpec, node_type: NodeType, suggest: Suggestions) -> Iterator[Problem]:
    try:
        node_type.config.model_validate(node.config)
    except ValidationError as error:
        for finding in error.errors(include_url=False, include_input=False):
            loc = finding["loc"]
            if _is_open(node, node_type, loc):
                continue
            code = "config_invalid"
            sentence = placed_sentence(finding)
            if finding["type"] == "missing":
                code = "config_missing"
            elif finding["type"] == "extra_forbidden":
                code = "config_unknown"
                if len(loc) == 1:
                    known = node_type.config.model_fields
                    sentence += suggest(str(loc[0]), known)
            yield Problem(code, sentence, node.id, dotted(loc) or None)


def _is_open(node: NodeSpec, node_type: NodeType, loc: tuple[int | str, ...]) -> bool:
    """Whether the place of a finding holds an expression, whose value is not known yet."""
    # What is evaluated inside is checked as it is written when the node runs, too.
    if not loc or mode_of(node_type, str(loc[0])) in ("never", "inside"):
        return False
    value: Any = node.config
    for part in loc:
        if isinstance(value, str):
            break
        # Pydantic adds words of its own to the place of a finding (names of union members).
        value = _below(value, part, value)
    return isinstance(value, str) and (has_expression(value) or "{%" in value)


def _below(value: Any, part: int | str, otherwise: Any) -> Any:
    if isinstance(value, dict):
        return value.get(part, otherwise)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return otherwise


def _expression_problems(node: NodeSpec, node_type: NodeType) -> Iterator[Problem]:
    for field, value in node.config.items():
        mode = mode_of(node_type, field)
        if mode == "never":
            continue
        for location, text in texts_in(value, field):
            template = mode == "template" and location == field
            error = compile_check(text, template=template)
            if error is not None:
                message = f"'{location}': {error.message}"
                yield Problem(error.code, message, node.id, location)
            elif not template and _BLOCK.search(text):
                message = (
                    f"'{location}': blocks like {{% if %}} work only in a template node; here they "
                    "stay text. Put the text into a template node and use its {{ id.text }}."
                )
                yield Problem("block_is_text", message, node.id, location, "warning")


def _condition_problems(node: NodeSpec, node_type: NodeType) -> Iterator[Problem]:
    """A warning for a condition that is text, which hardly anybody means."""
    for field, value in node.config.items():
        if not isinstance(value, str) or not is_condition(node_type, field):
            continue
        if not value.strip():
            message = f"'{field}' is empty, so it never holds. Write an expression: {{{{ … }}}}."
            yield Problem("condition_empty", message, node.id, field, "warning")
        elif not (is_expression(value.strip()) or is_word(value) or compile_check(value)):
            message = (
                f"'{field}' is text and not one expression; a text holds unless it is empty or "
                "says false, no or 0. Put all of it between one pair of braces, such as "
                "{{ a.score > 3 and b.text }}."
            )
            yield Problem("condition_is_text", message, node.id, field, "warning")


def _retry_problems(node: NodeSpec, node_type: NodeType) -> Iterator[Problem]:
    """What is wrong with a retry, and with its condition."""
    if node_type.control is not None and retry_is_asked_for(node):
        inside = "the steps inside it" if node_type.control in HOLDING else "steps that call"
        message = f"'{node.id}' is tried once, as a whole. Give the retry to {inside}."
        yield Problem("retry_without_effect", message, node.id, "retry", "warning")
    condition = None if node.retry is None else node.retry.condition
    if condition is None:
        return
    error = compile_check(condition)
    if error is not None:
        yield Problem(error.code, f"'{RETRY_IF}': {error.message}", node.id, RETRY_IF)
    elif not is_expression(condition.strip()):
        message = (
            f"'{RETRY_IF}' has to be one expression, such as {{{{ error.status == 500 }}}}. "
            "It may use what the config may, and error (code, message, status, attempt, retryable)."
        )
        yield Problem("retry_if_invalid", message, node.id, RETRY_IF)
    elif node_type.io is None and node_type.control is None:
        message = (
            f"'{node.id}' gives the same with every attempt, so it is never tried again. "
            "Remove its retry."
        )
        yield Problem("retry_without_effect", message, node.id, RETRY_IF, "warning")
