"""What a source is, read without running it: its syntax, its imports, and what its result is."""

import ast
import warnings
from collections.abc import Iterator
from functools import lru_cache

from flows.engine.names import nearest

#: Characters of a source.
MAX_SOURCE = 100_000
#: How the parser calls the source. Its warnings (of odd escapes in texts) concern nobody here.
_FILE = "<code node>"
warnings.filterwarnings("ignore", category=SyntaxWarning, module="<code node>")
#: What the sandbox's Python has of the standard library; execution/tests holds the list to it.
_MODULES = (
    "asyncio base64 binascii bisect collections copy csv dataclasses datetime decimal functools "
    "hashlib itertools json math os pathlib posixpath random re sys time tomllib typing unicodedata"
)
MODULES = frozenset(_MODULES.split(" "))
# Syntax that the sandbox's Python does not have, and what to write instead.
_LACKING: dict[type[ast.AST], str] = {
    ast.Yield: "`yield`; build a list and return it",
    ast.YieldFrom: "`yield from`; build a list and return it",
    ast.Delete: "`del`; use pop(), or assign None",
    ast.AsyncFor: "`async for`; use a plain loop",
    ast.AsyncWith: "`async with`; use a plain block",
    ast.TryStar: "`except*`; use `except`",
    ast.TypeAlias: "`type`; assign the type to a name",
}


class SourceInvalid(ValueError):
    """The source cannot be run; the text says on which line and what to do, without a full stop."""


def read_source(written: str) -> str:
    """The source as the sandbox runs it: its result is in the variable `result` at the end.

    Raises SourceInvalid.
    """
    text, wrong = _read(written)
    if wrong:
        raise SourceInvalid(wrong)
    return text


@lru_cache(maxsize=32)
def _read(written: str) -> tuple[str, str]:
    """The source, and what is wrong with it."""
    if len(written) > MAX_SOURCE:
        message = f"the source is longer than {MAX_SOURCE:,} characters"
        return "", f"{message}; split it into several nodes"
    text = written.replace("\r\n", "\n").replace("\r", "\n")
    try:
        tree = ast.parse(text, _FILE)
    except SyntaxError as error:
        return "", f"line {error.lineno or 1}: {error.msg}"
    except (RecursionError, MemoryError):
        return "", "the source is nested too deeply; split it into statements"
    except ValueError as error:
        return "", f"the source cannot be read: {error}"
    wrong = _wrong(tree)
    return ("", wrong) if wrong else (_with_result(text, tree), "")


def _wrong(tree: ast.Module) -> str:
    """The first thing in it that the sandbox would refuse."""
    for node in ast.walk(tree):
        said = _refused(node)
        if said:
            return f"line {getattr(node, 'lineno', 1)}: {said}"
    for node in _outside_of_functions(tree):
        if isinstance(node, ast.Return):
            said = "`return` works only in a function; assign to `result` instead"
            return f"line {node.lineno}: {said}"
    return ""


def _refused(node: ast.AST) -> str:
    lacking = _LACKING.get(type(node))
    if lacking:
        return f"the sandbox has no {lacking}"
    if isinstance(node, ast.ClassDef):
        return _refused_class(node)
    if isinstance(node, ast.Import):
        return next(filter(None, (_unknown(alias.name) for alias in node.names)), "")
    if isinstance(node, ast.ImportFrom):
        if node.level:
            return "there are no modules beside the source; write all of it here"
        if any(alias.name == "*" for alias in node.names):
            return "import names one by one, not `*`"
        return _unknown(node.module or "")
    if isinstance(node, ast.comprehension) and node.is_async:
        return "the sandbox has no asynchronous comprehensions; use a plain loop"
    return ""


def _refused_class(node: ast.ClassDef) -> str:
    if node.bases or node.keywords:
        return f"the sandbox has no inheritance; write '{node.name}' without a base class"
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.decorator_list:
            return "the sandbox has no decorators of methods; use plain methods and functions"
    return ""


def _unknown(module: str) -> str:
    name = module.partition(".")[0]
    if name in MODULES:
        return ""
    near = nearest(name, MODULES)
    cure = f"did you mean '{near}'?" if near else f"there are {', '.join(sorted(MODULES))}"
    return f"the sandbox has no module '{name[:50]}'; {cure}"


_APART = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def _outside_of_functions(tree: ast.Module) -> Iterator[ast.AST]:
    """What belongs to the source's own scope; of functions and the like only themselves."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, _APART):
            left.extend(ast.iter_child_nodes(node))


def _with_result(text: str, tree: ast.Module) -> str:
    """The source; what its last line gives is the result, where it does not name one itself."""
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or _sets_result(tree):
        return text
    assert last.end_lineno is not None
    assert last.end_col_offset is not None
    # Places are counted in bytes. The lines stay where they are, so that errors name the right one.
    lines = [line.encode() for line in text.split("\n")]
    _insert(lines, last.end_lineno, last.end_col_offset, b")")
    _insert(lines, last.lineno, last.col_offset, b"result = (")
    return b"\n".join(lines).decode()


def _insert(lines: list[bytes], line: int, column: int, what: bytes) -> None:
    before = lines[line - 1]
    lines[line - 1] = before[:column] + what + before[column:]


def _sets_result(tree: ast.Module) -> bool:
    if any(map(_names_result, _outside_of_functions(tree))):
        return True
    return any(isinstance(node, ast.Global) and "result" in node.names for node in ast.walk(tree))


def _names_result(node: ast.AST) -> bool:
    match node:
        case ast.Name(id="result", ctx=ast.Store()) | ast.alias(asname="result"):
            return True
        case ast.FunctionDef(name="result") | ast.AsyncFunctionDef(name="result"):
            return True
        case ast.ClassDef(name="result") | ast.alias(name="result", asname=None):
            return True
    return False
