"""The names that a node's expressions can use, as the editor's completion lists them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from flows.engine.attempts import RETRY_IF
from flows.engine.document import Document
from flows.engine.expressions.filters import FILTERS
from flows.engine.graph import Graph
from flows.engine.node_call import mode_of
from flows.engine.registry import registry
from flows.engine.sight_names import Name, filter_help, names_for

#: Headings of names that no node gives.
_HEADINGS = {"run": "Run", "vars": "Variables", "error": "Failure of the attempt"}
_INNER = ("item", "index", "state")
#: Fields of nodes that are listed for one field, those of the nearest nodes first.
MOST_FIELDS = 3_000


@dataclass(frozen=True)
class Listed:
    """One name, as expressions write it (`ask.text`), and what is known of its value.

    `node` is the node that gives it; empty for run, vars, error, item, index and state. `title` is
    the heading it stands under. `open`: fields of it that are not listed may exist.
    """

    path: str
    node: str
    title: str
    type: str
    open: bool = False


@dataclass(frozen=True)
class NodeScope:
    """What every field of a node sees, and what only some see, by field.

    Every node is named. Of fields there are MOST_FIELDS at most; a node that has more is `open`.
    """

    names: list[Listed]
    fields: Mapping[str, list[Listed]]


def scope_of(document: Document, node: str, variables: Sequence[str]) -> NodeScope:
    """What the node's expressions may name. Raises KeyError for a node that is not there."""
    open_nodes = set(_open_nodes(document))
    names = list(_listed(names_for(document, node, variables), open_nodes))
    known = {_told(name) for name in names}
    fields = {}
    for field in _own_sight(document, node):
        seen = _listed(names_for(document, node, variables, field=field), open_nodes)
        fields[field] = [name for name in seen if _told(name) not in known]
    return NodeScope(names, fields)


def _told(name: Listed) -> tuple[str, str, str, str]:
    """What makes a name another one; where the list was cut makes it `open` and no other."""
    return name.path, name.node, name.title, name.type


def _own_sight(document: Document, node: str) -> Iterator[str]:
    """Fields that see other names than the rest of the node."""
    node_type = registry().get(next(one.type for one in document.nodes if one.id == node))
    if node_type is None:
        return
    yield RETRY_IF
    for field in node_type.config.model_fields:
        if mode_of(node_type, field) == "inside":
            yield field


def _open_nodes(document: Document) -> Iterator[str]:
    """Nodes whose outputs nobody can tell."""
    for node in document.nodes:
        node_type = registry().get(node.type)
        if node_type is None or node_type.output_fields(node.config) is None:
            yield node.id


def _listed(names: Iterable[Name], open_nodes: set[str]) -> Iterator[Listed]:
    room = MOST_FIELDS
    for name in names:
        if name.kind == "filter":
            continue
        is_inner = name.kind == "container" and name.name in _INNER
        of_node = name.kind in ("node", "container")
        title = "Item and round" if is_inner else _HEADINGS.get(name.kind, name.help)
        node = name.name if of_node and not is_inner else ""
        fields = name.fields[:room] if of_node else name.fields
        room -= len(fields) if of_node else 0
        may_have_more = name.name in open_nodes or name.type == "any" or is_inner
        may_have_more = may_have_more or len(fields) < len(name.fields)
        yield Listed(name.name, node, title, name.type, open=may_have_more)
        for field in fields:
            dot = "" if field.path.startswith("[") else "."
            more = field.type in ("object", "any")
            yield Listed(f"{name.name}{dot}{field.path}", node, title, field.type, open=more)


def readable(graph: Graph, node_id: str) -> list[str]:
    """The nodes whose outputs a node sees, the nearest first."""
    return list(_seen(graph, node_id)) if node_id in graph.nodes else []


def _seen(graph: Graph, node_id: str) -> Iterator[str]:
    # The fields of a container that are evaluated inside of it see what runs there.
    yield from reversed(graph.children.get(node_id, ()))
    yield from reversed(graph.ancestors(node_id))
    for holder in graph.holders(node_id):
        yield from reversed(graph.ancestors(holder))


@dataclass(frozen=True)
class FilterHelp:
    """A filter: how it is called, and what it gives."""

    name: str
    call: str
    help: str


@cache
def filters() -> tuple[FilterHelp, ...]:
    """Every filter of expressions."""
    return tuple(FilterHelp(name, *filter_help(name, one)) for name, one in FILTERS.items())
