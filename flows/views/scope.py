"""The names that a node's expressions can use, for completion; and the filters, with their help."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from flows.engine.document import Document, NodeSpec
from flows.engine.expressions.filters import FILTERS
from flows.engine.graph import Graph
from flows.engine.registry import registry
from flows.engine.validate_references import RUN_FIELDS, names_inside


@dataclass(frozen=True)
class Name:
    """One name, as expressions write it (`ask.text`), and what is known of its value.

    `node` is the node that gives it; empty for run, vars, item, index and state. `title` is what
    people call that node. `open`: fields of it that are not listed may exist.
    """

    path: str
    node: str
    title: str
    type: str
    open: bool = False


def names_for(document: Document, node_id: str, variables: Iterable[str]) -> list[Name]:
    """What expressions of a node may name: nodes before it, where it is in, the run, variables."""
    graph = Graph(document)
    if node_id not in graph.nodes:
        return list(_everywhere(variables))
    names: dict[str, Name] = {}
    for found in _seen(graph, node_id):
        for name in _of_node(graph.nodes[found]):
            names.setdefault(name.path, name)
    around = list(graph.holders(node_id))
    if graph.nodes[node_id].type in ("map", "loop"):
        around.insert(0, node_id)
    for holder in around:
        for path, kind in names_inside(holder, graph).items():
            title = _title(graph.nodes[holder])
            names.setdefault(path, Name(path, "", title, kind, open=True))
            if holder != node_id:
                names.setdefault(f"{holder}.{path}", Name(f"{holder}.{path}", holder, title, kind))
    for name in _everywhere(variables):
        names.setdefault(name.path, name)
    return list(names.values())


def readable(graph: Graph, node_id: str) -> list[str]:
    """The nodes whose outputs a node sees, the nearest first."""
    return list(_seen(graph, node_id)) if node_id in graph.nodes else []


def _seen(graph: Graph, node_id: str) -> Iterator[str]:
    # The fields of a container that are evaluated inside of it see what runs there.
    yield from reversed(graph.children.get(node_id, ()))
    yield from reversed(graph.ancestors(node_id))
    for holder in graph.holders(node_id):
        yield from reversed(graph.ancestors(holder))


def _title(node: NodeSpec) -> str:
    node_type = registry().get(node.type)
    return node.label or (node_type.title if node_type else node.type)


def _of_node(node: NodeSpec) -> Iterator[Name]:
    node_type = registry().get(node.type)
    fields = node_type.output_fields(node.config) if node_type else None
    title = _title(node)
    yield Name(node.id, node.id, title, "object", open=fields is None)
    kinds = dict(fields or {})
    if node.on_error == "branch":
        kinds["error"] = "object"
    for field, kind in kinds.items():
        yield Name(f"{node.id}.{field}", node.id, title, kind, open=kind in ("object", "any"))
    schema = node.config.get("output_schema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if isinstance(properties, dict) and "json" in kinds:
        for field, part in properties.items():
            kind = str(part.get("type", "any")) if isinstance(part, Mapping) else "any"
            yield Name(f"{node.id}.json.{field}", node.id, title, kind, open=True)


def _everywhere(variables: Iterable[str]) -> Iterator[Name]:
    yield Name("run", "", "Run", "object")
    for field in RUN_FIELDS:
        yield Name(f"run.{field}", "", "Run", "text")
    yield Name("vars", "", "Variables", "object")
    for name in variables:
        yield Name(f"vars.{name}", "", "Variables", "any", open=True)


@dataclass(frozen=True)
class FilterHelp:
    """A filter: how it is called, and what it gives."""

    name: str
    call: str
    help: str


@cache
def filter_help() -> tuple[FilterHelp, ...]:
    """Every filter of expressions."""
    return tuple(_help(name, function) for name, function in FILTERS.items())


def _help(name: str, function: Any) -> FilterHelp:
    parameters = list(inspect.signature(function).parameters)[2:]
    call = f"{name}({', '.join(parameters)})" if parameters else name
    return FilterHelp(name, call, (function.__doc__ or "").strip().partition("\n")[0])
