"""Python of other products as the source of a code node. It is read, never run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from flows.importing.code import Untranslatable

#: Characters of a source; the code node takes no more.
MAX_SOURCE = 100_000


def read(source: str) -> ast.Module:
    """The source as a tree. Raises Untranslatable."""
    if len(source) > MAX_SOURCE:
        raise Untranslatable(f"its Python is longer than {MAX_SOURCE:,} characters")
    try:
        return ast.parse(source, "<imported code>")
    except SyntaxError as error:
        reason = f"line {error.lineno or 1} is no Python 3 ({error.msg})"
        raise Untranslatable(reason) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Untranslatable("its Python cannot be read") from error


@dataclass(frozen=True)
class Signature:
    """What a function takes; `is_open`: any other name as well."""

    names: frozenset[str]
    required: frozenset[str]
    is_open: bool


def signature_of(source: str, function: str) -> Signature:
    """What a function at the top of the source takes. Raises Untranslatable."""
    for node in read(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            given = node.args
            plain = [one.arg for one in (*given.posonlyargs, *given.args)]
            required = plain[: len(plain) - len(given.defaults)]
            named = zip(given.kwonlyargs, given.kw_defaults, strict=True)
            required += [one.arg for one, default in named if default is None]
            names = frozenset([*plain, *(one.arg for one in given.kwonlyargs)])
            return Signature(names, frozenset(required), given.kwarg is not None)
    raise Untranslatable(f"its Python has no function '{function}'")


def as_function(source: str, name: str) -> str:
    """The source, which returns, as the body of a function. Raises Untranslatable."""
    tree = read(source)
    inside = {line for node in ast.walk(tree) for line in _lines_of_text(node)}
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    indented = (
        line if number in inside or not line.strip() else f"    {line}"
        for number, line in enumerate(lines, 1)
    )
    body = "\n".join(indented) if tree.body else "    pass"
    return f"def {name}():\n{body}\n"


def _lines_of_text(node: ast.AST) -> Iterator[int]:
    """The lines that begin within a text of several lines: spaces before them would change it."""
    if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno is not None:
        yield from range(node.lineno + 1, node.end_lineno + 1)
