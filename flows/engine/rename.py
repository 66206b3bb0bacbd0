"""Give a node another name in everything that reads it: only its references change, no other text.

Where the names stand is told by Jinja's lexer, which knows texts in quotes, comments and blocks;
names that `{% for %}` gives hide a node's own, as they do when the template is rendered.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

from flows.engine.attempts import RETRY_IF
from flows.engine.expressions import ExpressionError
from flows.engine.expressions.syntax import (
    Code,
    Token,
    parse_expression,
    parse_template,
    split,
    tokens_of,
)
from flows.engine.node_call import mode_of, own_names
from flows.engine.operations import Op
from flows.engine.patch import Entry
from flows.engine.registry import Registry
from flows.engine.validate import RESERVED_IDS

JSON = Any
_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")


class NameHidden(Exception):
    """The new name means something else where the node is read: a loop's name, `error`, or a name
    that a field has of its own.

    `node` and `path` are where, once known.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        self.node = self.path = ""

    def at(self, node: str, path: str) -> "NameHidden":
        """The same, with its place; then `raise`."""
        self.node, self.path = node, path
        return self


def reference_changes(
    nodes: Mapping[str, Entry], old: str, new: str, registry: Registry
) -> list[Op]:
    """The `set` operations that make every expression read `new` where it read `old`.

    `nodes` are entries as documents write them, by the ids they have after the renaming. A text
    that cannot be parsed stays. Raises NameHidden.
    """
    if old in RESERVED_IDS:
        return []  # in expressions this never was the node
    ops: list[Op] = []
    for key, entry in nodes.items():
        for path, value in _rewritten(entry, old, new, registry):
            ops.append({"op": "set", "node": key, "path": path, "value": value})
    return ops


def _rewritten(
    entry: Entry, old: str, new: str, registry: Registry
) -> Iterator[tuple[list[str], JSON]]:
    node_type = registry.get(entry["type"])
    for field, value in entry.get("config", {}).items():
        mode = "expressions" if node_type is None else mode_of(node_type, field)
        own = None if node_type is None else own_names(node_type, field)
        if mode == "never" or (own and old in own):
            continue
        if own and new in own and any(_below(value, [], old, new)):
            raise NameHidden(new).at(entry["id"], field)
        if mode == "template" and isinstance(value, str):
            try:
                text = rename_in_template(value, old, new)
            except NameHidden as hidden:
                raise hidden.at(entry["id"], field) from None
            if text != value:
                yield ["config", field], text
        else:
            yield from _below(value, ["config", field], old, new)
    condition = (entry.get("retry") or {}).get("if")
    # There `error` is what failed, whatever nodes are called.
    if isinstance(condition, str) and old != "error":
        text = rename_in_text(condition, old, new)
        if text != condition:
            if new == "error":
                raise NameHidden(new).at(entry["id"], RETRY_IF)
            yield ["retry", "if"], text


def _below(value: JSON, path: list[str], old: str, new: str) -> Iterator[tuple[list[str], JSON]]:
    """Each object's own texts by themselves, a list as a whole."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _below(item, [*path, key], old, new)
    elif (changed := _changed(value, old, new)) != value:
        yield path, changed


def _changed(value: JSON, old: str, new: str) -> JSON:
    if isinstance(value, str):
        return rename_in_text(value, old, new)
    if isinstance(value, list):
        return [_changed(item, old, new) for item in value]
    if isinstance(value, dict):
        return {key: _changed(item, old, new) for key, item in value.items()}
    return value


def rename_in_text(text: str, old: str, new: str) -> str:
    """A text with expressions (`{{ … }}` only), its references to `old` made ones to `new`."""
    if "{{" not in text or not _has_word(text, old):
        return text
    try:
        parts = split(text)
        for part in parts:
            if isinstance(part, Code):
                parse_expression(part.code)
    except ExpressionError:
        return text
    return "".join(
        "{{" + _replaced(part.code, tokens_of(part.code, inside=True), old, new) + "}}"
        if isinstance(part, Code)
        else part.text
        for part in parts
    )


def rename_in_template(text: str, old: str, new: str) -> str:
    """The same for template mode, with `{% if %}` and `{% for %}`. Raises NameHidden."""
    if not _has_word(text, old):
        return text
    try:
        parse_template(text)
    except ExpressionError:
        return text
    return _replaced(text, tokens_of(text), old, new)


def _has_word(text: str, word: str) -> bool:
    return word in text and re.search(rf"\b{re.escape(word)}\b", text, re.ASCII) is not None


def _replaced(source: str, tokens: list[Token], old: str, new: str) -> str:
    # The lexer makes every end of a line a single `\n`.
    plain, shifts = re.sub("\r\n?", "\n", source), _shifts(source)
    made, done, position = [], 0, 0
    scopes = _Scopes()
    for index, token in enumerate(tokens):
        # White space before a block may be left out of the tokens, and nothing else.
        position = plain.index(token.text, position)
        if token == Token("name", old) and _is_name(tokens, index) and not scopes.hides(old):
            if scopes.hides(new):
                raise NameHidden(new)
            at = position + bisect_right(shifts, position)
            made += [source[done:at], new]
            done = at + len(old)
        scopes.read(token)
        position += len(token.text)
    return "".join([*made, source[done:]])


def _shifts(source: str) -> list[int]:
    """The places, in the text with single line ends, behind which a character was left out."""
    found = [match.start() for match in re.finditer("\r\n", source)]
    return [at - index + 1 for index, at in enumerate(found)]


def _is_name(tokens: list[Token], index: int) -> bool:
    """Whether a word is a name, not a key after a dot, a filter, or the name of an argument."""
    before = tokens[index - 1].text if index else ""
    after = tokens[index + 1].text if index + 1 < len(tokens) else ""
    return before not in (".", "|") and after != "="


class _Scopes:
    """The names that the `{% for %}` around a place have given, told token by token."""

    def __init__(self) -> None:
        self._blocks: list[tuple[str, frozenset[str]]] = []
        self._tag = ""
        self._part = ""
        self._targets: set[str] = set()
        self._depth = 0

    def hides(self, name: str) -> bool:
        if self._part == "targets":
            return True
        if self._part == "test" and name in self._targets:
            return True
        return any(name in names for _, names in self._blocks)

    def read(self, token: Token) -> None:
        if token.kind == "block_begin":
            self._tag, self._part, self._depth = "", "", 0
            self._targets = set()
        elif token.kind == "block_end":
            self._close()
        elif token.text in _OPENING:
            self._depth += 1
        elif token.text in _CLOSING:
            self._depth -= 1
        elif token.kind == "name":
            self._word(token.text)

    def _word(self, word: str) -> None:
        if not self._tag:
            self._tag = word
            self._part = "targets" if word == "for" else ""
        elif self._part == "targets" and word != "in":
            self._targets.add(word)
        elif self._part == "targets":
            self._part = "items"
        elif self._part == "items" and word == "if" and self._depth == 0:
            self._part = "test"

    def _close(self) -> None:
        """The end of a tag: what it opens or closes."""
        if self._tag == "for":
            self._blocks.append(("for", frozenset({*self._targets, "loop"})))
        elif self._tag == "if":
            self._blocks.append(("if", frozenset()))
        elif self._tag in ("endfor", "endif"):
            self._blocks.pop()
        elif self._tag == "else":
            kind, _ = self._blocks.pop()
            self._blocks.append((kind, frozenset()))
        self._tag = self._part = ""
