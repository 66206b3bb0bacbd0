"""Reads one JavaScript expression into a tree; statements and the like are refused.

Nothing is ever evaluated. Length and depth are bounded before anything is built.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from flows.importing.code import Untranslatable

MAX_LENGTH = 4_000
MAX_DEPTH = 40

_TOKENS = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    |(?P<name>[A-Za-z_$][\w$]*)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<template>`(?:[^`\\]|\\.)*`)
    |(?P<sign>===|!==|\?\?|\?\.(?!\d)|=>|==|!=|<=|>=|&&|\|\||\*\*|\.\.\.|[-+*/%<>!?:.,()\[\]{}=;&|^~])
    """,
    re.VERBOSE | re.DOTALL,
)
#: How tightly the operators bind.
_BINDING = {
    "??": 1, "||": 2, "&&": 3, "==": 4, "!=": 4, "===": 4, "!==": 4,
    "<": 5, ">": 5, "<=": 5, ">=": 5, "in": 5, "+": 6, "-": 6, "*": 7, "/": 7, "%": 7,
}  # fmt: skip
_CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": ""}


@dataclass(frozen=True)
class Constant:
    value: Any


@dataclass(frozen=True)
class Name:
    name: str


@dataclass(frozen=True)
class Member:
    """`owner.key`, `owner[key]`, `owner?.key`."""

    owner: "Tree"
    key: "Tree"
    optional: bool = False


@dataclass(frozen=True)
class Call:
    function: "Tree"
    arguments: tuple["Tree", ...]


@dataclass(frozen=True)
class Prefix:
    sign: str
    value: "Tree"


@dataclass(frozen=True)
class Infix:
    sign: str
    left: "Tree"
    right: "Tree"


@dataclass(frozen=True)
class Choice:
    condition: "Tree"
    yes: "Tree"
    no: "Tree"


@dataclass(frozen=True)
class Pieces:
    """A template string: texts and trees in turn."""

    parts: tuple["str | Tree", ...]


@dataclass(frozen=True)
class Items:
    items: tuple["Tree", ...]


@dataclass(frozen=True)
class Fields:
    fields: tuple[tuple[str, "Tree"], ...]


@dataclass(frozen=True)
class Arrow:
    """`x => body`, of one parameter."""

    parameter: str
    body: "Tree"


type Tree = (
    Constant | Name | Member | Call | Prefix | Infix | Choice | Pieces | Items | Fields | Arrow
)


def parse(source: str, depth: int = 0) -> Tree:
    """The tree of an expression. Raises Untranslatable."""
    if len(source) > MAX_LENGTH:
        raise Untranslatable("it is too long")
    reader = _Reader(_tokens(source), depth)
    tree = reader.expression()
    reader.skip(";")
    if reader.kind != "end":
        raise Untranslatable(f"'{reader.text[:20]}' is more than an expression")
    return tree


def _tokens(source: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(source):
        match = _TOKENS.match(source, position)
        if match is None:
            raise Untranslatable(f"'{source[position : position + 10]}' is not understood")
        position = match.end()
        if match.lastgroup != "space":
            found.append((str(match.lastgroup), match[0]))
    return [*found, ("end", "")]


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]], depth: int) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = depth

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0]

    @property
    def text(self) -> str:
        return self.tokens[self.at][1]

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs

    def skip(self, sign: str) -> bool:
        if self.is_sign(sign):
            self.at += 1
            return True
        return False

    def want(self, sign: str) -> None:
        if not self.skip(sign):
            raise Untranslatable(f"'{sign}' is missing before '{self.text[:20]}'")

    def expression(self) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Untranslatable("it is nested too deeply")
        if arrow := self._arrow():
            tree: Tree = arrow
        else:
            tree = self._infix(0)
            if self.skip("?"):
                yes = self.expression()
                self.want(":")
                tree = Choice(tree, yes, self.expression())
        if self.is_sign("="):
            raise Untranslatable("it assigns something")
        self.depth -= 1
        return tree

    def _arrow(self) -> Arrow | None:
        ahead = [text for _, text in self.tokens[self.at : self.at + 4]]
        if self.kind == "name" and ahead[1:2] == ["=>"]:
            parameter, self.at = ahead[0], self.at + 2
        elif self.is_sign("(") and ahead[2:4] == [")", "=>"]:
            parameter, self.at = ahead[1], self.at + 4
        else:
            return None
        if self.is_sign("{"):
            raise Untranslatable("it is a function of several statements")
        return Arrow(parameter, self.expression())

    def _infix(self, least: int) -> Tree:
        left = self._prefix()
        while self.kind in ("sign", "name") and _BINDING.get(self.text, -1) > least:
            sign = self.take()
            left = Infix(sign, left, self._infix(_BINDING[sign]))
        return left

    def _prefix(self) -> Tree:
        if self.is_sign("!", "-", "+") or (self.kind == "name" and self.text == "typeof"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise Untranslatable("it is nested too deeply")
            made = Prefix(self.take(), self._prefix())
            self.depth -= 1
            return made
        return self._postfix(self._primary())

    def _postfix(self, tree: Tree) -> Tree:
        count = 0
        while self.is_sign(".", "?.", "[", "("):
            count += 1
            if count > 4 * MAX_DEPTH:
                raise Untranslatable("it is nested too deeply")
            sign = self.take()
            if sign == "(":
                tree = Call(tree, self._list(")"))
            elif sign == "[" or (sign == "?." and self.skip("[")):
                key = self.expression()
                self.want("]")
                tree = Member(tree, key, sign == "?.")
            elif self.kind == "name":
                tree = Member(tree, Constant(self.take()), sign == "?.")
            else:
                raise Untranslatable(f"a name is missing before '{self.text[:20]}'")
        return tree

    def _list(self, end: str) -> tuple[Tree, ...]:
        items: list[Tree] = []
        while not self.skip(end):
            items.append(self.expression())
            if not self.skip(","):
                self.want(end)
                break
        return tuple(items)

    def _primary(self) -> Tree:
        kind, text = self.kind, self.take()
        if kind == "number":
            value = float(text.replace("_", ""))
            return Constant(int(value) if value.is_integer() and "e" not in text else value)
        if kind == "text":
            return Constant(_unquoted(text[1:-1]))
        if kind == "template":
            return _pieces(text[1:-1], self.depth)
        if kind == "name":
            if text in _CONSTANTS:
                return Constant(_CONSTANTS[text])
            if text in ("function", "async", "await", "class", "this", "delete", "void"):
                raise Untranslatable(f"'{text}' is not available here")
            return self._new() if text == "new" else Name(text)
        if text == "(":
            tree = self.expression()
            self.want(")")
            return tree
        if text == "[":
            return Items(self._list("]"))
        if text == "{":
            return self._fields()
        raise Untranslatable(f"'{text or 'the end'}' is not understood")

    def _new(self) -> Tree:
        name = self.take()
        arguments = self._list(")") if self.skip("(") else ()
        return Call(Name(f"new {name}"), arguments)

    def _fields(self) -> Tree:
        fields: list[tuple[str, Tree]] = []
        while not self.skip("}"):
            kind, key = self.kind, self.take()
            if kind not in ("name", "text", "number"):
                raise Untranslatable(f"'{key}' is no name of a field")
            if kind == "text":
                key = _unquoted(key[1:-1])
            value = self.expression() if self.skip(":") else Name(key)
            fields.append((key, value))
            if not self.skip(","):
                self.want("}")
                break
        return Fields(tuple(fields))


def _unquoted(text: str) -> str:
    def replaced(found: re.Match[str]) -> str:
        sign = found[1]
        if sign[0] == "u" and len(sign) == 5:
            return str(json.loads(f'"\\{sign}"'))
        return _ESCAPES.get(sign, sign)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", replaced, text, flags=re.DOTALL)


def _pieces(text: str, depth: int) -> Pieces:
    parts: list[str | Tree] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        parts.append(_unquoted(text[position:start]))
        end = _end_of_brace(text, start + 2)
        parts.append(parse(text[start + 2 : end], depth + 1))
        position = end + 1
    parts.append(_unquoted(text[position:]))
    return Pieces(tuple(part for part in parts if part != ""))


def _end_of_brace(text: str, start: int) -> int:
    level = 0
    for index in range(start, len(text)):
        if text[index] == "{":
            level += 1
        elif text[index] == "}":
            if level == 0:
                return index
            level -= 1
    raise Untranslatable("'${' is not closed")
