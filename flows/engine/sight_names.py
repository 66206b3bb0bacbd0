"""What an expression in a node may name, for completion: nodes before it, item, run, filters."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flows.engine.attempts import ERROR_FIELDS, RETRY_IF
from flows.engine.document import Document, NodeSpec
from flows.engine.expressions import ExpressionError, is_expression, mentions_in
from flows.engine.expressions.filters import FILTERS
from flows.engine.graph import Graph
from flows.engine.migrate import migrated
from flows.engine.name_fields import (
    MAX_FIELDS,
    NameField,
    fields_from,
    fields_of_schema,
    joined,
    kind_of_schema,
    schema_at,
    schema_of,
)
from flows.engine.node_call import mode_of, own_names
from flows.engine.registry import registry
from flows.engine.validate_references import RUN_FIELDS, names_inside

JSON = Any
type Kind = Literal["node", "container", "run", "vars", "error", "filter"]


#: Settings that hold a JSON Schema, and the field of the output that it describes.
_SCHEMAS = (("output_schema", "json"), ("schema", "json"), ("schema", "value"))
#: A file as nodes hand it on.
_FILE: Mapping[str, JSON] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "media_type": {"type": "string"},
        "size": {"type": "number"},
        "url": {"type": "string"},
    },
}


@dataclass(frozen=True)
class Name:
    """A name that means something in a node's expressions.

    `type` is a word: text, number, boolean, list, object, any; `filter` for filters. `help` is one
    line; `fields` are in the order in which people look for them, parents before what is in them.
    """

    name: str
    kind: Kind
    type: str
    help: str = ""
    fields: tuple[NameField, ...] = ()

    def as_dict(self) -> dict[str, JSON]:
        """As JSON: `{name, kind, type, help, fields: [{path, type}]}`."""
        fields = [{"path": field.path, "type": field.type} for field in self.fields]
        own = {"name": self.name, "kind": self.kind, "type": self.type, "help": self.help}
        return {**own, "fields": fields}


def names_for(
    document: Document, node_id: str, variables: Sequence[str], *, field: str | None = None
) -> list[Name]:
    """What expressions of this node see, what is nearest first; filters last.

    `variables` are the names of the workspace's variables. `field` is the config field (or
    `retry.if`) where it matters: a container's `result`, `while` and `update` see what is inside.
    Notes see nothing. Raises KeyError for a node that the document does not have.
    """
    document = migrated(document, registry())
    if node_id not in {node.id for node in document.nodes}:
        raise KeyError(node_id)
    graph = Graph(document)
    if node_id not in graph.nodes:
        return []
    names: dict[str, Name] = {}
    for name in _all_names(graph, node_id, variables, field):
        names.setdefault(name.name, name)  # what is nearest hides what is further out
    return [*names.values(), *_filters()]


def _all_names(
    graph: Graph, node: str, variables: Sequence[str], field: str | None
) -> Iterator[Name]:
    if field == RETRY_IF:
        kinds = {**dict.fromkeys(ERROR_FIELDS, "any"), "code": "text", "message": "text"}
        yield Name(
            "error", "error", "object", "The failure of the attempt.", fields_from(kinds, {})
        )
    node_type = registry().get(graph.nodes[node].type)
    own = own_names(node_type, field) if field and node_type is not None else None
    for name, kind in (own or {}).items():
        yield Name(name, "container", kind, "Of the answer that is looked at.")
    if field and own is None and node_type is not None and mode_of(node_type, field) == "inside":
        if field != "while":
            yield from _nodes(graph, graph.children.get(node, ()))
        yield from _inside(graph, node)
    for at in (node, *graph.holders(node)):
        yield from _nodes(graph, graph.ancestors(at))
        if (holder := graph.holder[at]) is not None:
            yield from _inside(graph, holder)
    yield Name(
        "run", "run", "object", "This run.", fields_from(dict.fromkeys(RUN_FIELDS, "text"), {})
    )
    known = tuple(NameField(joined("", name), "any") for name in sorted(variables))
    yield Name("vars", "vars", "object", "The workspace's variables.", known)


def _nodes(graph: Graph, names: Sequence[str]) -> Iterator[Name]:
    """Nodes, the latest to run first."""
    order = {name: index for index, name in enumerate(graph.order)}
    for name in sorted(names, key=lambda name: -order.get(name, -1)):
        yield _node(graph.nodes[name])


def _node(spec: NodeSpec) -> Name:
    node_type = registry().get(spec.type)
    title = spec.label or (node_type.title if node_type else spec.type)
    if spec.disabled:
        return Name(spec.id, "node", "any", f"{title}: disabled, reads as null")
    kinds = dict((node_type.output_fields(spec.config) if node_type else None) or {})
    schemas: dict[str, JSON] = {}
    # What an input is given as a file is as whoever starts the run wrote it.
    if spec.type != "input":
        schemas = {name: _FILE for name, kind in kinds.items() if kind == "file"}
    for setting, name in _SCHEMAS:
        if name in kinds and isinstance(spec.config.get(setting), dict):
            schemas.setdefault(name, spec.config[setting])
    if spec.type == "loop":
        schemas["state"] = schema_of(spec.config.get("state"))
    if spec.on_error == "branch":
        kinds["error"] = "object"
        texts = {"code": {"type": "string"}, "message": {"type": "string"}}
        schemas["error"] = {"type": "object", "properties": texts}
    return Name(spec.id, "node", "object", title, fields_from(kinds, schemas))


def _inside(graph: Graph, container: str) -> Iterator[Name]:
    """The names that hold in a container, and the container itself, which gives them as well."""
    spec = graph.nodes[container]
    title = spec.label or container
    item = _item_schema(graph, spec) if spec.type == "map" else schema_of(spec.config.get("state"))
    helps = {
        "item": f"The item of {title} that is worked on.",
        "index": f"Its number in {title}, from 0.",
        "state": f"The state of {title} in this round.",
    }
    kinds = names_inside(container, graph)
    for name, kind in kinds.items():
        schema = None if name == "index" else item
        told = kind if schema is None or kind != "any" else kind_of_schema(schema)
        fields = tuple(fields_of_schema(schema))[:MAX_FIELDS]
        yield Name(name, "container", told, helps[name], fields)
    schemas = {name: item for name in kinds if name != "index" and item is not None}
    yield Name(container, "container", "object", title, fields_from(kinds, schemas))


def _item_schema(graph: Graph, spec: NodeSpec) -> JSON:
    """What is known of one item of a map: from a list in its config, or a schema it reads from."""
    items = spec.config.get("items")
    if isinstance(items, list):
        return schema_of(items)["items"]
    if not isinstance(items, str) or not is_expression(items.strip()):
        return None
    try:
        mentions = mentions_in(items)
    except ExpressionError:
        return None
    if len(mentions) != 1 or "|" in items:
        return None
    root, path = mentions[0].root, mentions[0].path
    source = graph.nodes.get(root)
    schema = source.config.get("output_schema") if source is not None else None
    if schema is None or not path or path[0] != "json":
        return None
    found = schema_at(schema, path[1:])
    return found.get("items") if isinstance(found, Mapping) else None


def _filters() -> Iterator[Name]:
    for name, function in FILTERS.items():
        yield Name(name, "filter", "filter", ": ".join(filter_help(name, function)))


def filter_help(name: str, function: Callable[..., JSON]) -> tuple[str, str]:
    """How a filter is written, and what it gives, in one line each."""
    parameters = list(inspect.signature(function).parameters)[2:]
    call = f"{name}({', '.join(parameters)})" if parameters else name
    return call, (function.__doc__ or "").strip().partition("\n")[0]
