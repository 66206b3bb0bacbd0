"""Turn checked trees into closures that compute on JSON data and charge for what they do."""

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import nodes

from flows.engine.expressions import values
from flows.engine.expressions.budget import Budget, UnknownName, weight, wrong_type
from flows.engine.expressions.filters import FILTERS
from flows.engine.expressions.syntax import parse_expression, parse_template, syntax_error
from flows.engine.json_values import KEY, storable_text
from flows.engine.names import suggestion


class Frame:
    """One evaluation: the names it sees, and its budget."""

    __slots__ = ("budget", "context", "own")

    def __init__(self, context: Mapping[str, Any], budget: Budget) -> None:
        self.context = context
        self.budget = budget
        self.own: dict[str, Any] = {}  # names of {% for %}


type Compute = Callable[[Frame], Any]
type Emit = Callable[[Frame, list[str]], None]

_SIGNS: dict[type[nodes.Node], str] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
}


def expression(code: str) -> Compute:
    """The compiled expression; long ones are kept in a small cache of their own."""
    return _short(code) if len(code) <= 400 else _long(code)


@lru_cache(2048)
def _short(code: str) -> Compute:
    return _compute(parse_expression(code))


@lru_cache(64)
def _long(code: str) -> Compute:
    return _compute(parse_expression(code))


@lru_cache(128)
def template(source: str) -> Emit:
    """The compiled template."""
    return _body(parse_template(source).body)


def _compute(node: nodes.Node) -> Compute:
    if isinstance(node, nodes.BinExpr) and type(node) in _SIGNS:
        return _binary(_SIGNS[type(node)], _compute(node.left), _compute(node.right))
    return _COMPILERS[type(node)](node)


def _binary(sign: str, left: Compute, right: Compute) -> Compute:
    def compute(frame: Frame) -> Any:
        return values.arithmetic(frame.budget, sign, left(frame), right(frame))

    return compute


def _constant(node: nodes.Const) -> Compute:
    value = node.value
    if values.is_number(value):
        values.checked_number(value)
    elif not isinstance(value, (str, bool, type(None))):
        raise syntax_error("this kind of literal is not available.")
    if isinstance(value, str):
        # Here and where Base64 is decoded is all that could make text nobody can store.
        value = storable_text(value)
    return lambda frame: value


def _name(node: nodes.Name) -> Compute:
    name = node.name
    if name == "null":
        return lambda frame: None

    def compute(frame: Frame) -> Any:
        frame.budget.work(1)
        if name in frame.own:
            return frame.own[name]
        if name in frame.context:
            return frame.context[name]
        frame.budget.work(values.MISS)
        own, context = frame.own, frame.context
        raise UnknownName(f"there is no '{name[:60]}' here.", name, lambda: (*own, *context))

    return compute


def _attribute(node: nodes.Getattr) -> Compute:
    owner, key = _compute(node.node), node.attr
    return lambda frame: values.member(frame.budget, owner(frame), key)


def _index(node: nodes.Getitem) -> Compute:
    owner, index = _compute(node.node), _compute(node.arg)

    def compute(frame: Frame) -> Any:
        value = owner(frame)
        key = frame.budget.deref(index(frame))
        if not isinstance(key, str) and type(key) is not int:
            raise wrong_type(f"[…] needs text or a whole number, but got {values.kind(key)}.")
        return values.member(frame.budget, value, key)

    return compute


def _list(node: nodes.List | nodes.Tuple) -> Compute:
    parts = [_compute(item) for item in node.items]

    def compute(frame: Frame) -> list[Any]:
        frame.budget.work(len(parts) + 1)
        frame.budget.keep(64 + 8 * len(parts))
        return [part(frame) for part in parts]

    return compute


def _dict(node: nodes.Dict) -> Compute:
    parts = [(_compute(pair.key), _compute(pair.value)) for pair in node.items]

    def compute(frame: Frame) -> dict[str, Any]:
        frame.budget.work(2 * len(parts) + 1)
        frame.budget.keep(64 + 100 * len(parts))
        made: dict[str, Any] = {}
        for key, value in parts:
            made[values.text_of(frame.budget, key(frame))] = value(frame)
        if KEY in made:
            # Only the engine makes references: a made-up one could name another run's value.
            raise wrong_type(f"'{KEY}' cannot be used as a key.")
        return made

    return compute


def _concat(node: nodes.Concat) -> Compute:
    parts = [_compute(item) for item in node.nodes]

    def compute(frame: Frame) -> str:
        texts = [values.text_of(frame.budget, part(frame)) for part in parts]
        frame.budget.work(len(texts))
        frame.budget.keep(sum(weight(text) for text in texts))
        return "".join(texts)

    return compute


def _sign(node: nodes.Neg | nodes.Pos) -> Compute:
    inner, negative = _compute(node.node), isinstance(node, nodes.Neg)

    def compute(frame: Frame) -> Any:
        frame.budget.work(1)
        value = frame.budget.deref(inner(frame))
        if not values.is_number(value):
            raise wrong_type(f"a sign needs a number, but got {values.kind(value)}.")
        return -values.checked_number(value) if negative else value

    return compute


def _and(node: nodes.And) -> Compute:
    left, right = _compute(node.left), _compute(node.right)

    def compute(frame: Frame) -> Any:
        frame.budget.work(1)
        value = left(frame)
        return right(frame) if values.truth(value) else value

    return compute


def _or(node: nodes.Or) -> Compute:
    left, right = _compute(node.left), _compute(node.right)

    def compute(frame: Frame) -> Any:
        frame.budget.work(1)
        value = left(frame)
        return value if values.truth(value) else right(frame)

    return compute


def _not(node: nodes.Not) -> Compute:
    inner = _compute(node.node)
    return lambda frame: not values.truth(inner(frame))


def _condition(node: nodes.CondExpr) -> Compute:
    test, yes = _compute(node.test), _compute(node.expr1)
    no: Compute = _compute(node.expr2) if node.expr2 is not None else lambda frame: None
    return lambda frame: yes(frame) if values.truth(test(frame)) else no(frame)


_COMPARISONS: dict[str, Callable[[Budget, Any, Any], bool]] = {
    "eq": lambda b, left, right: values.equal(b, left, right),
    "ne": lambda b, left, right: not values.equal(b, left, right),
    "lt": lambda b, left, right: values.before(b, left, right),
    "gt": lambda b, left, right: values.before(b, right, left),
    "lteq": lambda b, left, right: not values.before(b, right, left),
    "gteq": lambda b, left, right: not values.before(b, left, right),
    "in": lambda b, left, right: values.contains(b, right, left),
    "notin": lambda b, left, right: not values.contains(b, right, left),
}


def _compare(node: nodes.Compare) -> Compute:
    first = _compute(node.expr)
    steps = [(_COMPARISONS[operand.op], _compute(operand.expr)) for operand in node.ops]

    def compute(frame: Frame) -> bool:
        left = first(frame)
        for holds, operand in steps:
            frame.budget.work(1)
            right = operand(frame)
            if not holds(frame.budget, left, right):
                return False
            left = right
        return True

    return compute


def _filter(node: nodes.Filter) -> Compute:
    name = node.name
    function = FILTERS.get(name)
    if function is None:
        raise syntax_error(f"there is no filter '{name[:60]}'.{suggestion(name, FILTERS)}")
    if node.node is None:
        raise syntax_error(f"the filter '{name}' needs a value before it.")
    source = _compute(node.node)
    positional = [_compute(argument) for argument in node.args]
    named = {str(k.key): _compute(k.value) for k in node.kwargs if isinstance(k, nodes.Keyword)}
    try:
        inspect.signature(function).bind(None, None, *positional, **named)
    except TypeError as error:
        raise syntax_error(f"the filter '{name}' does not take these arguments.") from error

    def arguments(frame: Frame) -> tuple[list[Any], dict[str, Any]]:
        deref = frame.budget.deref
        return [deref(a(frame)) for a in positional], {k: deref(a(frame)) for k, a in named.items()}

    def compute(frame: Frame) -> Any:
        frame.budget.work(3)
        value = frame.budget.deref(source(frame))
        args, kwargs = arguments(frame)
        return function(frame.budget, value, *args, **kwargs)

    def compute_default(frame: Frame) -> Any:
        frame.budget.work(3)
        try:
            value = source(frame)
        except UnknownName:
            value = None
        args, kwargs = arguments(frame)
        return function(frame.budget, value, *args, **kwargs)

    return compute_default if name == "default" else compute


_COMPILERS: dict[type[nodes.Node], Callable[[Any], Compute]] = {
    nodes.Const: _constant,
    nodes.Name: _name,
    nodes.Getattr: _attribute,
    nodes.Getitem: _index,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Dict: _dict,
    nodes.Concat: _concat,
    nodes.Neg: _sign,
    nodes.Pos: _sign,
    nodes.And: _and,
    nodes.Or: _or,
    nodes.Not: _not,
    nodes.Compare: _compare,
    nodes.CondExpr: _condition,
    nodes.Filter: _filter,
}


def _body(statements: list[nodes.Node]) -> Emit:
    # Imported late: blocks.py compiles the expressions inside blocks with this module.
    from flows.engine.expressions.blocks import body

    return body(statements, _compute)
