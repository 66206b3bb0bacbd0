"""The draft of a flow: between the engine's document and the rows that hold it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from flows.engine.document import SCHEMA, Document, dump, parse
from flows.engine.document_values import plain_number
from flows.engine.errors import DocumentInvalid, Problem
from flows.engine.json_values import same
from flows.engine.migrate import migrated
from flows.engine.registry import registry
from flows.models import Edge, Flow, Node
from flows.row_updates import update_rows
from flows.storable import unstorable

NODE_FIELDS = (
    "position",
    "type",
    "version",
    "label",
    "config",
    "parent",
    "retry",
    "timeout_seconds",
    "on_error",
    "disabled",
    "x",
    "y",
    "width",
    "height",
)
#: What a place in a layout says, in the order of the columns.
_SIDES = ("x", "y", "width", "height")


def read_draft(flow: Flow) -> Document:
    """The document that the rows of this flow stand for; two queries.

    Its nodes are in the form of their types' versions here; the rows are as they were saved.
    """
    nodes = list(flow.nodes.all())
    edges = list(flow.edges.all())
    document = parse(
        {
            "schema": SCHEMA,
            "name": flow.name,
            "description": flow.description,
            "settings": flow.settings,
            "nodes": [_node_entry(node) for node in nodes],
            "edges": [{"from": _leaving(edge), "to": edge.target} for edge in edges],
            "layout": {node.key: _place(node) for node in nodes if node.x is not None},
        }
    )
    return migrated(document, registry())


def parts_of(node: Node) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A row as documents write it: the node's entry, and its place where it has one."""
    return _node_entry(node), None if node.x is None else _place(node)


def row_of(flow: Flow, entry: Mapping[str, Any], place: Mapping[str, Any] | None) -> Node:
    """The row, not saved, that holds an entry and its place; `position` is for the caller."""
    layout = {} if place is None else {entry["id"]: place}
    return _wanted_nodes(flow, {"nodes": [entry], "layout": layout})[entry["id"]]


def _leaving(edge: Edge) -> str:
    return edge.source if edge.port == "out" else f"{edge.source}.{edge.port}"


def _place(node: Node) -> dict[str, float]:
    sides = {side: _plain(getattr(node, side)) for side in _SIDES}
    return {side: value for side, value in sides.items() if value is not None}


def _plain(number: float | None) -> float | None:
    return None if number is None else plain_number(number)


def _node_entry(node: Node) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": node.key, "type": node.type, "config": node.config}
    optional = {
        "version": node.version if node.version != 1 else None,
        "label": node.label or None,
        "parent": node.parent or None,
        "retry": node.retry,
        "timeout_seconds": _plain(node.timeout_seconds),
        "on_error": node.on_error if node.on_error != "stop" else None,
        "disabled": node.disabled or None,
    }
    entry.update({name: value for name, value in optional.items() if value is not None})
    return entry


def write_draft(flow: Flow, document: Document, *, name: str | None = None) -> bool:
    """Make the rows equal to the document, writing only what differs; whether anything did.

    `name` wins over the document's.
    The caller holds the flow's row in a transaction. Raises DocumentInvalid for what rows
    cannot hold. The flow itself is changed in memory only.
    """
    flow.draft_bytes = None
    entries = dump(document)
    _refuse_unstorable(entries)
    head = write_head(
        flow,
        name=name or document.name,
        description=document.description,
        settings=entries.get("settings", {}),
    )
    nodes = _write_nodes(flow, _wanted_nodes(flow, entries))
    edges = _write_edges(flow, entries.get("edges", ()))
    return bool(head) or nodes or edges


def _refuse_unstorable(entries: Mapping[str, Any]) -> None:
    if found := unstorable(entries, max_depth=200):
        path, reason = found
        raise DocumentInvalid([Problem("unstorable_value", f"{path} {reason}.", path=path)])


def write_head(flow: Flow, **values: Any) -> list[str]:
    """Set name, description or settings in memory; the names of those that changed."""
    _refuse_unstorable(values)
    changed = [name for name, value in values.items() if not same(getattr(flow, name), value)]
    for name in changed:
        setattr(flow, name, values[name])
    refuse_misfits([flow], changed)
    return changed


def _wanted_nodes(flow: Flow, entries: Mapping[str, Any]) -> dict[str, Node]:
    layout = entries.get("layout", {})
    nodes = {}
    for position, entry in enumerate(entries["nodes"]):
        place = layout.get(entry["id"], {})
        nodes[entry["id"]] = Node(
            flow=flow,
            key=entry["id"],
            position=position,
            type=entry["type"],
            version=entry.get("version", 1),
            label=entry.get("label", ""),
            config=entry.get("config", {}),
            parent=entry.get("parent") or "",
            retry=entry.get("retry"),
            timeout_seconds=_as_stored(entry.get("timeout_seconds")),
            on_error=entry.get("on_error", "stop"),
            disabled=entry.get("disabled", False),
            **{side: _as_stored(place.get(side)) for side in _SIDES},
        )
    return nodes


def _as_stored(number: float | None) -> float | None:
    """As a column of floats gives it back: documents write 60.0 as 60."""
    return None if number is None else float(number)


def _write_nodes(flow: Flow, wanted: dict[str, Node]) -> bool:
    present = {node.key: node for node in flow.nodes.all()}
    gone = [node.pk for key, node in present.items() if key not in wanted]
    new = [node for key, node in wanted.items() if key not in present]
    changed = []
    for key, node in wanted.items():
        if (old := present.get(key)) and not same(_fields(old), _fields(node)):
            node.pk = old.pk
            changed.append(node)
    refuse_misfits([*new, *changed], ("key", *NODE_FIELDS))
    if gone:
        flow.nodes.filter(pk__in=gone).delete()
    Node.objects.bulk_create(new)
    update_rows(Node, changed, NODE_FIELDS)
    return bool(gone or new or changed)


def _fields(node: Node) -> list[Any]:
    return [getattr(node, name) for name in NODE_FIELDS]


def _write_edges(flow: Flow, entries: Iterable[Mapping[str, Any]]) -> bool:
    wanted: dict[tuple[str, str, str], Edge] = {}
    for entry in entries:
        source, _, port = entry["from"].partition(".")
        key = (source, port or "out", entry["to"])
        # The same edge twice says nothing more.
        if key not in wanted:
            wanted[key] = Edge(
                flow=flow, position=len(wanted), source=source, port=key[1], target=entry["to"]
            )
    present = {(edge.source, edge.port, edge.target): edge for edge in flow.edges.all()}
    gone = [edge.pk for key, edge in present.items() if key not in wanted]
    new = [edge for key, edge in wanted.items() if key not in present]
    moved = []
    for key, edge in wanted.items():
        if (old := present.get(key)) and old.position != edge.position:
            edge.pk = old.pk
            moved.append(edge)
    refuse_misfits(new, ("source", "port", "target"))
    if gone:
        flow.edges.filter(pk__in=gone).delete()
    Edge.objects.bulk_create(new)
    update_rows(Edge, moved, ["position"])
    return bool(gone or new or moved)


def refuse_misfits(rows: Iterable[Model], fields: Iterable[str]) -> None:
    """DocumentInvalid where a value does not fit its column (too long, out of range)."""
    kept = set(fields)
    problems = []
    for row in rows:
        try:
            row.clean_fields(exclude={f.name for f in row._meta.fields} - kept)
        except ValidationError as error:
            node = row.key[:63] if isinstance(row, Node) else None
            problems += [
                Problem("value_refused", f"{name}: {' '.join(said)}", node=node, path=name)
                for name, said in error.message_dict.items()
            ]
    if problems:
        raise DocumentInvalid(problems)
