"""Reads a SQL statement as written: its placeholders, its first word, where it ends.

Quotes and comments are told apart as the database does, so that a `$1` inside of them is none and
no second statement hides behind one. What it finds is for clear errors and for putting in bound
values; what a statement may do is decided by the database.
"""

import re
from dataclasses import dataclass
from typing import Literal

from flows.engine.errors import NodeError

Dialect = Literal["postgresql", "mysql"]
#: Statements that can only read, by their first word; the transaction is read-only all the same.
READING = frozenset({"select", "with", "values", "table", "show", "explain", "describe", "desc"})
MAX_PARAMETERS = 1_000
# Possessive throughout (`++`, `*+`): a quote that is never closed costs no more than its length.
_PLACEHOLDER = r"\$(?P<number>[0-9]{1,6})(?![0-9A-Za-z_$])"
_WORD = r"(?P<word>[A-Za-z0-9_\x80-\U0010ffff][\w$]*+)"
_POSTGRESQL = re.compile(
    r"(?P<quoted>[eE]'(?:[^'\\]++|\\.|'')*+'|'(?:[^']++|'')*+'|\"(?:[^\"]++|\"\")*+\")|"
    r"(?P<tag>\$(?:[A-Za-z_\x80-\U0010ffff]\w*+)?\$)|"
    rf"(?P<comment>--[^\n]*+)|(?P<block>/\*)|{_PLACEHOLDER}|{_WORD}|(?P<end>;)|(?P<open>['\"])|.",
    re.DOTALL,
)


def _mysql(backslash: bool, ansi_quotes: bool) -> re.Pattern[str]:
    inner = r"[^Q\\]++|\\.|QQ" if backslash else "[^Q]++|QQ"
    single = f"'(?:{inner.replace('Q', chr(39))})*+'"
    double = '"(?:{})*+"'.format('[^"]++|""' if ansi_quotes else inner.replace("Q", '"'))
    return re.compile(
        rf"(?P<quoted>{single}|{double}|`(?:[^`]++|``)*+`)|"
        r"(?P<code>/\*M?!)|(?P<comment>#[^\n]*+|--(?=[\s\x00-\x1f]|\Z)[^\n]*+|/\*.*?\*/)|"
        rf"{_PLACEHOLDER}|{_WORD}|(?P<end>;)|(?P<open>['\"`]|/\*)|.",
        re.DOTALL,
    )


@dataclass(frozen=True)
class SqlText:
    """`pieces` are text and numbers of parameters (from 1), in order; `first_word` is lower case."""

    pieces: tuple[str | int, ...]
    first_word: str

    @property
    def numbers(self) -> set[int]:
        return {piece for piece in self.pieces if isinstance(piece, int)}


def read(
    text: str, dialect: Dialect, *, backslash: bool = True, ansi_quotes: bool = False
) -> SqlText:
    """The statement's parts. Raises NodeError `query_invalid`.

    For MySQL `backslash` says whether one escapes inside quotes, and `ansi_quotes` whether "x" is
    a name.
    """
    pattern = _POSTGRESQL if dialect == "postgresql" else _mysql(backslash, ansi_quotes)
    pieces: list[str | int] = []
    position = begun = 0
    first_word, ended = "", False
    while position < len(text):
        match = pattern.match(text, position)
        assert match is not None  # a dot takes what nothing else does
        kind, position = match.lastgroup, match.end()
        if kind == "block":
            position = _after_block(text, match.start())
        elif kind == "open":
            raise _invalid(f"What begins with {match[0]} is never closed.")
        elif kind == "end":
            ended = True
        elif kind == "comment" or (kind is None and match[0].isspace()):
            continue
        elif ended:
            raise _invalid(
                "There is a second statement after the ';'. Give each a node of its own."
            )
        elif kind == "tag":
            position = _after_tag(text, match[0], position)
        elif kind == "number":
            pieces += [text[begun : match.start()], int(match["number"])]
            begun = position
        first_word = first_word or _word_of(kind, match[0])
    if not first_word:
        raise _invalid("There is no statement in it.")
    return SqlText((*pieces, text[begun:]), first_word)


def _word_of(kind: str | None, token: str) -> str:
    """What a statement opens with: brackets do not count, nor do blocks of comment."""
    if kind in ("block", "end") or token == "(":
        return ""
    return token.lower()


def _after_block(text: str, start: int) -> int:
    """Where a comment of PostgreSQL ends; they nest."""
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(text, start):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    raise _invalid("What begins with /* is never closed.")


def _after_tag(text: str, tag: str, start: int) -> int:
    """Where a text between dollar signs ends."""
    end = text.find(tag, start)
    if end < 0:
        raise _invalid(f"What begins with {tag[:40]} is never closed.")
    return end + len(tag)


def _invalid(problem: str) -> NodeError:
    return NodeError("query_invalid", f"The query cannot be read. {problem}", field="query")


def check_reading(statement: SqlText) -> None:
    """Raises NodeError `sql_read_only` for what is no statement that reads."""
    if statement.first_word not in READING:
        shown = statement.first_word[:30].upper()
        raise NodeError(
            "sql_read_only",
            f"'{shown}' may change data, and this node only reads. Switch 'Read only' off if it is "
            "meant to.",
            field="query",
        )


def check_parameters(statement: SqlText, given: int) -> None:
    """Raises NodeError `parameters_invalid` unless each parameter has its place."""
    numbers = statement.numbers
    if missing := sorted(number for number in numbers if not 1 <= number <= given):
        there = "there is 1 parameter" if given == 1 else f"there are {given} parameters"
        problem = f"The query uses ${missing[0]}, but {there}"
    elif unused := sorted(set(range(1, given + 1)) - numbers):
        problem = f"The query does not use ${unused[0]}"
    else:
        return
    raise NodeError(
        "parameters_invalid",
        f"{problem}. $1 stands for the first parameter, $2 for the second; write them without "
        "quotes.",
        field="parameters",
    )
