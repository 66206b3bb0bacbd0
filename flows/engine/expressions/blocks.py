"""The statements of template mode: text, `{% if %}` and `{% for %}`, each step charged."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from flows.engine.expressions import values
from flows.engine.expressions.budget import weight, wrong_type
from flows.engine.expressions.syntax import syntax_error

if TYPE_CHECKING:
    from flows.engine.expressions.compiler import Compute, Emit, Frame

type Compiler = Callable[[nodes.Node], "Compute"]


def body(statements: list[nodes.Node], compute: Compiler) -> "Emit":
    """One closure for a sequence of statements."""
    emits = [_statement(statement, compute) for statement in statements]

    def emit_all(frame: "Frame", out: list[str]) -> None:
        for emit in emits:
            emit(frame, out)

    return emit_all


def _statement(node: nodes.Node, compute: Compiler) -> "Emit":
    if isinstance(node, nodes.Output):
        return _output(node, compute)
    if isinstance(node, nodes.If):
        return _if(node, compute)
    if isinstance(node, nodes.For):
        return _for(node, compute)
    raise syntax_error("this statement is not available; templates know if and for.")


def _output(node: nodes.Output, compute: Compiler) -> "Emit":
    parts: list[str | Compute] = [
        part.data if isinstance(part, nodes.TemplateData) else compute(part) for part in node.nodes
    ]

    def emit(frame: "Frame", out: list[str]) -> None:
        for part in parts:
            text = part if isinstance(part, str) else values.text_of(frame.budget, part(frame))
            frame.budget.work(1)
            frame.budget.keep(weight(text) + 16)
            out.append(text)

    return emit


def _if(node: nodes.If, compute: Compiler) -> "Emit":
    branches = [(compute(node.test), body(node.body, compute))]
    branches += [(compute(other.test), body(other.body, compute)) for other in node.elif_]
    otherwise = body(node.else_, compute)

    def emit(frame: "Frame", out: list[str]) -> None:
        for test, then in branches:
            frame.budget.work(1)
            if values.truth(test(frame)):
                then(frame, out)
                return
        otherwise(frame, out)

    return emit


def _names(target: nodes.Node) -> list[str]:
    if isinstance(target, nodes.Name):
        return [target.name]
    if isinstance(target, nodes.Tuple) and all(isinstance(t, nodes.Name) for t in target.items):
        return [item.name for item in target.items if isinstance(item, nodes.Name)]
    raise syntax_error("'for' needs one name, or names with commas between them.")


def _unpack(frame: "Frame", names: list[str], item: Any) -> dict[str, Any]:
    if len(names) == 1:
        return {names[0]: item}
    item = frame.budget.deref(item)
    if not isinstance(item, list) or len(item) != len(names):
        raise wrong_type(f"'for' has {len(names)} names, but an item is {values.kind(item)}.")
    return dict(zip(names, item, strict=True))


def _items(frame: "Frame", value: Any) -> list[Any]:
    value = frame.budget.deref(value)
    if value is None:
        return []
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, list):
        return value
    raise wrong_type(f"'for' needs a list, but got {values.kind(value)}.")


def _for(node: nodes.For, compute: Compiler) -> "Emit":
    names = _names(node.target)
    source, inner = compute(node.iter), body(node.body, compute)
    test = compute(node.test) if node.test is not None else None
    otherwise = body(node.else_, compute)

    def emit(frame: "Frame", out: list[str]) -> None:
        items = _items(frame, source(frame))
        outer = frame.own
        if test is not None:
            kept = []
            for item in items:
                frame.budget.work(3)
                frame.own = {**outer, **_unpack(frame, names, item)}
                if values.truth(test(frame)):
                    kept.append(item)
            items = kept
        last = len(items) - 1
        for index, item in enumerate(items):
            frame.budget.work(6)
            loop = {"index": index + 1, "index0": index, "first": index == 0}
            loop |= {"last": index == last, "length": last + 1}
            frame.own = {**outer, **_unpack(frame, names, item), "loop": loop}
            inner(frame, out)
        frame.own = outer
        if not items:
            otherwise(frame, out)

    return emit
