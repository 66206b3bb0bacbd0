"""Find expressions in text and parse them with Jinja's parser, then allow only what is listed.

Of Jinja only the lexer and parser are used: nothing is compiled to Python or rendered by it.
"""

import re
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from flows.engine.expressions.budget import ExpressionError

MAX_EXPRESSION = 4_000
MAX_EXPRESSIONS = 2_000
MAX_TEMPLATE = 200_000
#: Characters of code (not of text) in one template.
MAX_CODE = 20_000
MAX_BRACKETS = 20
MAX_BLOCKS = 20
MAX_TREE_DEPTH = 100

_environment = Environment(
    trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
)

_EXPRESSION_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Const,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.List,
    nodes.Tuple,
    nodes.Dict,
    nodes.Pair,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Concat,
    nodes.Neg,
    nodes.Pos,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Keyword,
)
_TEMPLATE_NODES: tuple[type[nodes.Node], ...] = (
    *_EXPRESSION_NODES,
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
)
_REASONS: dict[type[nodes.Node], str] = {
    nodes.Call: "Nothing can be called; use a filter, like {{ name | upper }}.",
    nodes.Test: "'is' is not available; compare with == null, or use the default filter.",
    nodes.Pow: "'**' is not available; multiply instead.",
    nodes.Slice: "[a:b] is not available; use the slice filter.",
}

# Inside an expression: texts in quotes (whose braces do not count), and the braces.
# A text that is not closed runs to the end: trying again at each of its quotes would be quadratic.
STRING = r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|\'(?:[^\'\\]|\\.)*(?:\'|\\?\Z)'
_PIECES = re.compile(STRING + r"|\{|\}\}?", re.DOTALL)
_STRINGS = re.compile(STRING, re.DOTALL)
_TAGS = re.compile(r"\{%[-+]?\s*(if|for|endif|endfor)\b")
_OPENING = re.compile(r"\{[{%]")
# Jinja's lexer gives numbers to Python's parser, which knows fewer digits than Unicode: "1e5١".
_UNREAD = (TemplateSyntaxError, SyntaxError, RecursionError, ValueError, OverflowError)


@dataclass(frozen=True)
class Text:
    """A stretch of plain text."""

    text: str


@dataclass(frozen=True)
class Code:
    """The inside of one `{{ … }}`."""

    code: str


@dataclass(frozen=True)
class Token:
    """A token of Jinja's lexer: its kind is `name`, `operator`, `string`, `data`, `block_begin`."""

    kind: str
    text: str


def syntax_error(message: str) -> ExpressionError:
    return ExpressionError("expression_syntax", message)


def split(source: str) -> tuple[Text | Code, ...]:
    """Text and expressions in turn. Only `{{ }}` counts; `{%` and `{#` are text here."""
    parts: list[Text | Code] = []
    position = 0
    while True:
        start = source.find("{{", position)
        if start < 0:
            if position < len(source):
                parts.append(Text(source[position:]))
            return tuple(parts)
        if len(parts) > 2 * MAX_EXPRESSIONS:
            raise syntax_error(f"a text may hold {MAX_EXPRESSIONS:,} expressions; split it.")
        if start > position:
            parts.append(Text(source[position:start]))
        end = _closing(source, start + 2)
        parts.append(Code(source[start + 2 : end]))
        position = end + 2


def _closing(source: str, start: int) -> int:
    depth = 0
    position = start
    while match := _PIECES.search(source, position, start + MAX_EXPRESSION + 2):
        position = match.end()
        piece = match[0]
        if piece == "{":
            depth += 1
        elif piece[0] == "}":
            if depth:
                depth -= 1
                position = match.start() + 1
            elif piece == "}}":
                return match.start()
    if len(source) > start + MAX_EXPRESSION:
        raise syntax_error(
            f"an expression is not closed by '}}}}' within {MAX_EXPRESSION:,} characters."
        )
    raise syntax_error(
        "'{{' is not closed by '}}'. Close it, or write {{ '{{' }} for two plain braces."
    )


def parse_expression(code: str) -> nodes.Expr:
    """The checked tree of one expression. Raises ExpressionError."""
    if not code.strip():
        raise syntax_error("there is nothing between '{{' and '}}'.")
    if len(code) > MAX_EXPRESSION:
        raise syntax_error(f"an expression may have {MAX_EXPRESSION:,} characters; split it.")
    _check_brackets(code)
    try:
        parser = Parser(_environment, code, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise syntax_error(f"'{str(parser.stream.current)[:40]}' was not expected here.")
    except _UNREAD as error:
        raise _refused(error) from error
    _check_tree(tree, _EXPRESSION_NODES)
    return tree


def parse_template(source: str) -> nodes.Template:
    """The checked tree of a template with `{% if %}` and `{% for %}`. Raises ExpressionError."""
    if len(source) > MAX_TEMPLATE:
        raise syntax_error(f"a template may have {MAX_TEMPLATE:,} characters; split it.")
    if source.count("{{") + source.count("{%") + source.count("{#") > MAX_CODE // 8:
        raise syntax_error("the template has too many expressions; split it.")
    stretches = _code_in(source)
    if sum(len(code) for code in stretches) > MAX_CODE:
        raise syntax_error(f"a template may have {MAX_CODE:,} characters of code; split it.")
    depth = 0
    for tag in _TAGS.finditer(source):
        depth += -1 if tag[1].startswith("end") else 1
        if depth > MAX_BLOCKS:
            raise syntax_error(f"blocks may be nested {MAX_BLOCKS} deep; split the template.")
    for code in stretches:
        _check_brackets(code)
    try:
        tree = Parser(_environment, source).parse()
    except _UNREAD as error:
        raise _refused(error) from error
    _check_tree(tree, _TEMPLATE_NODES)
    return tree


def tokens_of(source: str, *, inside: bool = False) -> list[Token]:
    """The tokens of a template that can be parsed, or (`inside`) of one expression, in order.

    White space between them is left out, line ends are single characters.
    """
    found = _environment.lexer.tokeniter(source, None, state="variable" if inside else None)
    return [Token(kind, text) for _, kind, text in found if kind != "whitespace"]


def _code_in(source: str) -> list[str]:
    """The insides of a template's tags, roughly: enough to bound what the parser will meet."""
    stretches: list[str] = []
    position = 0
    while match := _OPENING.search(source, position):
        end = source.find("}}" if match[0] == "{{" else "%}", match.end())
        position = len(source) if end < 0 else end + 2
        stretches.append(source[match.end() : position])
    return stretches


def _check_brackets(code: str) -> None:
    # The parser takes a dozen stack frames for each bracket: keep far from the stack's end.
    depth = 0
    for sign in _STRINGS.sub("", code):
        if sign in "([{":
            depth += 1
            if depth > MAX_BRACKETS:
                raise syntax_error(f"brackets may be nested {MAX_BRACKETS} deep; simplify it.")
        elif sign in ")]}":
            depth -= 1


def _refused(error: Exception) -> ExpressionError:
    if isinstance(error, TemplateSyntaxError):
        message = (error.message or "it cannot be read").rstrip(".")
        return syntax_error(message[0].lower() + message[1:200] + ".")
    if isinstance(error, RecursionError):
        return syntax_error("it is nested too deeply; simplify it.")
    return syntax_error("a number or text in it cannot be read.")


def _check_tree(tree: nodes.Node, allowed: tuple[type[nodes.Node], ...]) -> None:
    todo: list[tuple[nodes.Node, int]] = [(tree, 1)]
    while todo:
        node, depth = todo.pop()
        if depth > MAX_TREE_DEPTH:
            raise syntax_error("it has too many operations in one; split it.")
        if type(node) not in allowed:
            raise syntax_error(_reason(node))
        if isinstance(node, nodes.Filter) and (node.dyn_args or node.dyn_kwargs):
            raise syntax_error("'*' and '**' are not available in a filter's arguments.")
        if isinstance(node, nodes.For) and node.recursive:
            raise syntax_error("'recursive' is not available.")
        todo.extend((child, depth + 1) for child in node.iter_child_nodes())


def _reason(node: nodes.Node) -> str:
    known = _REASONS.get(type(node))
    if known:
        return known
    if isinstance(node, nodes.Stmt):
        name = type(node).__name__.lower()
        return f"'{name}' is not available; templates know {{% if %}} and {{% for %}}."
    return f"'{type(node).__name__.lower()}' is not available in an expression."
