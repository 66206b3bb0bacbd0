"""What expressions mention, found without evaluating them: for validation and for contexts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import nodes

from flows.engine.expressions.budget import ExpressionError
from flows.engine.expressions.syntax import (
    MAX_TEMPLATE,
    STRING,
    Code,
    parse_expression,
    parse_template,
    split,
)

# What follows a dot is a key, what follows a bar a filter; neither is a name.
_WORDS_ANYWHERE = re.compile(r"[.|]\s*+\w+|\w+")
_WORDS = re.compile(f"{STRING}|{_WORDS_ANYWHERE.pattern}", re.DOTALL)


@dataclass(frozen=True)
class Mention:
    """A name in an expression and the constant path after it. `guarded`: has a default."""

    root: str
    path: tuple[str | int, ...]
    guarded: bool


@dataclass(frozen=True)
class Reference:
    """A mention, and where in the config it stands (`fields[0].value`)."""

    root: str
    path: tuple[str | int, ...]
    location: str
    guarded: bool = False


def mentions_in(source: str, *, template: bool = False) -> tuple[Mention, ...]:
    """All mentions in one text, in order. Raises ExpressionError where it cannot be parsed."""
    # Long texts are rare and would fill the cache.
    return (_mentions if len(source) <= 2_000 else _mentions.__wrapped__)(source, template)


@lru_cache(2048)
def _mentions(source: str, template: bool) -> tuple[Mention, ...]:
    found: list[Mention] = []
    if template:
        _walk(parse_template(source), frozenset(), False, found)
    else:
        for part in split(source):
            if isinstance(part, Code):
                try:
                    _walk(parse_expression(part.code), frozenset(), False, found)
                except ExpressionError as error:
                    error.inside("{{" + part.code + "}}")
                    raise
    return tuple(found)


def _chain(node: nodes.Node) -> tuple[nodes.Node, list[str | int], list[nodes.Node]]:
    """The start of `a.b[0].c`, its constant path, and index expressions that are not constant."""
    steps: list[str | int | None] = []
    dynamic: list[nodes.Node] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        if isinstance(node, nodes.Getattr):
            steps.append(node.attr)
        elif isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, (str, int)):
            steps.append(node.arg.value)
        else:
            steps.append(None)
            dynamic.append(node.arg)
        node = node.node
    path: list[str | int] = []
    for step in reversed(steps):
        if step is None:
            break
        path.append(step)
    return node, path, dynamic


def _walk(node: nodes.Node, local: frozenset[str], guarded: bool, found: list[Mention]) -> None:
    if isinstance(node, (nodes.Name, nodes.Getattr, nodes.Getitem)):
        start, path, dynamic = _chain(node)
        if not isinstance(start, nodes.Name):
            _walk(start, local, guarded, found)
        elif start.name not in local and start.name != "null":
            found.append(Mention(start.name, tuple(path), guarded))
        for index in dynamic:
            _walk(index, local, guarded, found)
    elif isinstance(node, nodes.Filter) and node.name == "default" and node.node is not None:
        _walk(node.node, local, True, found)
        for argument in (*node.args, *node.kwargs):
            _walk(argument, local, guarded, found)
    elif isinstance(node, nodes.For):
        _walk(node.iter, local, guarded, found)
        names = {n.name for n in node.target.find_all(nodes.Name)}
        if isinstance(node.target, nodes.Name):
            names.add(node.target.name)
        inner = local | names
        if node.test is not None:
            _walk(node.test, inner, guarded, found)
        for child in node.body:
            _walk(child, inner | {"loop"}, guarded, found)
        for child in node.else_:
            _walk(child, local, guarded, found)
    else:
        for child in node.iter_child_nodes():
            _walk(child, local, guarded, found)


def texts_in(value: Any, location: str = "") -> Iterator[tuple[str, str]]:
    """Every (location, text) in a value that may hold an expression, in order."""
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield location, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts_in(item, f"{location}.{key}" if location else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts_in(item, f"{location}[{index}]")


def references(value: Any, *, template: bool = False) -> tuple[Reference, ...]:
    """All mentions in the texts of a value, with their places. Raises ExpressionError."""
    return tuple(
        Reference(mention.root, mention.path, location, mention.guarded)
        for location, text in texts_in(value)
        for mention in mentions_in(text, template=template)
    )


def roots_in(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Every name that a config's expressions may need, each once, in order; and some more words.

    The texts are scanned, not parsed: this runs where no budget is charged, and parsing what a
    flow may hold takes seconds. So names of loops, words of the language and, in templates with
    blocks, words of the text are among what is found; the caller knows which are nodes.
    """
    found: dict[str, None] = {}
    for field in config.values():
        for _, text in texts_in(field):
            found.update(dict.fromkeys(_words(text, may_be_template=text is field)))
    return tuple(word for word in found if word[0] not in "\"'.|")


def _words(text: str, *, may_be_template: bool) -> Iterator[str]:
    blocks = "{%" in text or "{#" in text
    try:
        codes = [part.code for part in split(text) if isinstance(part, Code)]
    except ExpressionError:
        codes, blocks = [], True
    for code in codes:
        yield from _WORDS.findall(code)
    # Only a whole field is ever a template. Where its code ends, only Jinja's parser knows.
    if blocks and may_be_template and len(text) <= MAX_TEMPLATE:
        yield from _WORDS_ANYWHERE.findall(text)
