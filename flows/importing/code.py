"""Pieces of our own expressions, put together so that their meaning cannot shift."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.engine.expressions import compile_check

#: The name that stands where an expression could not be translated. No node has it (ids of nodes
#: are made here), so validation points at each place, and nothing is evaluated.
TO_BE_WRITTEN = "to_be_written"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset(
    {
        *("and", "or", "not", "in", "is", "if", "else", "elif", "for", "set"),
        *("true", "false", "none", "null", "True", "False", "None"),
    }
)
#: Characters of an expression of ours; the engine's own limit is 4,000.
MAX_CODE = 3_900


class Untranslatable(Exception):
    """An expression of another product that has no like here; the message says what is missing."""


@dataclass(frozen=True)
class Code:
    """An expression without its braces. `atom`: needs no brackets; `kind`: text, number, any…

    `literal` marks a constant, whose value is in `value`.
    """

    text: str
    atom: bool = True
    kind: str = "any"
    literal: bool = False
    value: Any = None

    @property
    def safe(self) -> str:
        """The text so that any operator or filter may follow."""
        return self.text if self.atom else f"({self.text})"

    def filtered(self, name: str, *arguments: "Code", kind: str = "any") -> "Code":
        """`self | name(arguments)`."""
        given = f"({', '.join(argument.text for argument in arguments)})" if arguments else ""
        return Code(f"{self.safe} | {name}{given}", False, kind)

    def get(self, key: Any) -> "Code":
        """`self.key` or `self[key]`."""
        return Code(self.safe + step(key))


def step(key: Any) -> str:
    """A key as it follows a value."""
    if isinstance(key, str) and _NAME.fullmatch(key) and key not in _WORDS:
        return f".{key}"
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 9:
        return f"[{int(key)}]"
    return f"[{literal(key).text}]"


def literal(value: Any) -> Code:
    """A constant: text, number, boolean, null, or a list or object of them."""
    if value is None or isinstance(value, bool):
        words = {None: "null", True: "true", False: "false"}
        return Code(words[value], literal=True, value=value)
    if isinstance(value, int | float):
        return Code(repr(value), value >= 0, "number", True, value)
    if isinstance(value, list):
        return Code(f"[{', '.join(literal(item).text for item in value)}]", kind="list")
    if isinstance(value, dict):
        pairs = (f"{quoted(str(key))}: {literal(item).text}" for key, item in value.items())
        return Code("{" + ", ".join(pairs) + " }", kind="object")
    return Code(quoted(str(value)), kind="text", literal=True, value=str(value))


def quoted(text: str) -> str:
    """A text in quotes as Jinja reads it."""
    made = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{made}'"


def operation(sign: str, left: Code, right: Code, kind: str = "any") -> Code:
    """`left sign right`, in brackets when it becomes a part of something."""
    return Code(f"{left.safe} {sign} {right.safe}", False, kind)


def choice(condition: Code, yes: Code, no: Code) -> Code:
    kind = yes.kind if yes.kind == no.kind else "any"
    return Code(f"{yes.safe} if {condition.safe} else {no.safe}", False, kind)


def negated(code: Code) -> Code:
    return Code(f"not {code.safe}", False, "boolean")


def all_of(codes: Sequence[Code], word: str = "and") -> Code:
    """The conditions joined by `and` or `or`; true where there are none."""
    if not codes:
        return literal(True)
    if len(codes) == 1:
        return codes[0]
    return Code(f" {word} ".join(code.safe for code in codes), False, "boolean")


def joined(codes: Sequence[Code]) -> Code:
    """One text of several values."""
    if len(codes) == 1:
        return codes[0]
    return Code(" ~ ".join(code.safe for code in codes) or "''", len(codes) == 0, "text")


def or_else(codes: Sequence[Code]) -> Code:
    """The first of the values that is there and not null."""
    made = codes[0]
    for code in codes[1:]:
        made = Code(f"{made.safe} | default({code.text})", False)
    return made


def guarded(code: Code) -> Code:
    """The value, or null where it is not there."""
    return code if code.literal or "default(" in code.text else or_else([code, literal(None)])


def unwritten(source: str) -> Code:
    """What stands in the place of an expression that could not be translated: its own text."""
    return Code(f"{TO_BE_WRITTEN}[{quoted(source.strip()[:1_500])}]")


def checked(code: Code) -> Code:
    """The code where the engine can read it. Raises Untranslatable."""
    if len(code.text) > MAX_CODE:
        raise Untranslatable("it is too long for one expression here")
    error = compile_check("{{ " + code.text + " }}")
    if error is not None:
        raise Untranslatable(str(error))
    return code


def braced(code: Code) -> str:
    """The code as it stands in a config."""
    return "{{ " + code.text + " }}"


def plain(text: str, *, template: bool = False) -> str:
    """A text in which no braces mean anything."""
    pattern = r"\{\{|\{%|\{#" if template else r"\{\{"
    return re.sub(pattern, lambda found: "{{ '" + found[0] + "' }}", text)


def as_text(parts: Sequence[str | Code], *, template: bool = False) -> str:
    """Parts of a text as a config holds them; one single expression keeps its type."""
    return "".join(
        plain(part, template=template) if isinstance(part, str) else braced(part) for part in parts
    )


def as_code(parts: Sequence[str | Code]) -> Code:
    """Parts of a text as one expression."""
    kept = [part for part in parts if part != ""]
    if not kept:
        return literal("")
    return joined([literal(part) if isinstance(part, str) else part for part in kept])
