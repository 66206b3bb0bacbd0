"""The rows of a draft that some operations name, as plain data, and their way back.

A drag in a flow of a thousand nodes reads and writes the one row it is about.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Func, IntegerField, Max, Sum, TextField
from django.db.models.functions import Cast

from flows.draft import NODE_FIELDS, parts_of, row_of
from flows.engine.difference import touches
from flows.engine.document import SCHEMA
from flows.engine.json_values import same
from flows.engine.migrate import migrated_data
from flows.engine.operations import Op, ends_of
from flows.engine.patch import Draft, EdgeKey, Entry, apply_one
from flows.engine.registry import registry
from flows.measured import PartSizes
from flows.models import Edge, Flow, Node
from flows.row_updates import update_rows

JSON = Any
#: What changes write of a row.
_WRITTEN = ("key", "pinned", *NODE_FIELDS)
#: What of it is no part of the node's entry in a document.
_BESIDE = ("pinned", "position", *(n for n in NODE_FIELDS if n in ("x", "y", "width", "height")))
#: Operations that have to know all edges: who goes, what leads where, whether it is a circle.
_WITH_EDGES = ("add_edge", "remove_edge", "remove_node", "rename_node")


@dataclass(frozen=True)
class _Wanted:
    """What of a draft has to be read for some operations."""

    names: set[str]
    everything: bool
    outline: bool
    edges: bool
    counts: bool

    @classmethod
    def of(cls, ops: Sequence[Op]) -> "_Wanted":
        names: set[str] = set()
        outline = False
        for op in ops:
            names.update(touches(op))
            parent: JSON = None
            if op["op"] == "add_node":
                parent = op["node"].get("parent")
            elif op["op"] == "set" and op["path"] == ["parent"]:
                parent, outline = op.get("value"), True
            if isinstance(parent, str):
                names.add(parent)
            outline = outline or op["op"] == "remove_node" or "at" in op
        kinds = {op["op"] for op in ops}
        everything = "rename_node" in kinds
        edges = not kinds.isdisjoint(_WITH_EDGES)
        return cls(names, everything, outline or everything, edges, "add_node" in kinds)


@dataclass(frozen=True)
class _Snapshot:
    draft: Draft
    origin: dict[str, UUID]


class DraftRows:
    """The draft as far as operations name it. `draft` holds, by document order, what was read.

    Of nodes that are not named it has at most id and parent. The caller holds the flow's row.
    """

    def __init__(self, flow: Flow, ops: Sequence[Op]) -> None:
        self.flow = flow
        self._wanted = _Wanted.of(ops)
        self.draft = Draft(head=_head(flow))
        #: The row of each node, by the id it has now.
        self._origin: dict[str, UUID] = {}
        self._positions: dict[UUID, int] = {}
        self._rows: dict[UUID, Node] = {}
        self._others = self._last = 0
        self._read_nodes()
        self._edges: dict[EdgeKey, tuple[UUID, int]] = {}
        if self._wanted.edges:
            self._read_edges()
        self._before = self.draft.copy()
        self._sizes = PartSizes()

    def _read_nodes(self) -> None:
        wanted = self._wanted
        if wanted.outline:
            outline = self.flow.nodes.values_list("id", "key", "position", "parent")
            for pk, key, position, parent in outline:
                self._origin[key], self._positions[pk] = pk, position
                self.draft.nodes[key] = {"id": key, **({"parent": parent} if parent else {})}
        rows = self.flow.nodes.all()
        named = list(rows if wanted.everything else rows.filter(key__in=wanted.names))
        if wanted.counts and not wanted.outline:
            found = rows.aggregate(count=Count("id"), last=Max("position"))
            self._others = found["count"] - len(named)
            self._last = -1 if found["last"] is None else found["last"]
        for row, entry in zip(named, _entries(named), strict=True):
            self._rows[row.pk] = row
            self._origin[row.key], self._positions[row.pk] = row.pk, row.position
            self.draft.nodes[row.key] = entry
            if (place := parts_of(row)[1]) is not None:
                self.draft.places[row.key] = place
            if row.pinned is not None:
                self.draft.pins[row.key] = row.pinned

    def _read_edges(self) -> None:
        edges = self.flow.edges.values_list("id", "position", "source", "port", "target")
        for pk, position, source, port, target in edges:
            key = _edge_key(source, port, target)
            self._edges[key] = (pk, position)
            self.draft.edges[key] = None

    @property
    def node_count(self) -> int:
        """Nodes of the whole draft; right where one is added."""
        return len(self.draft.nodes) + self._others

    def apply(self, op: Op) -> None:
        """Raises OperationRefused, with nothing changed."""
        apply_one(self.draft, op)
        if op["op"] == "remove_node":
            self._origin.pop(op["node"], None)
        elif op["op"] == "rename_node" and op["node"] in self._origin:
            self._origin[op["to"]] = self._origin.pop(op["node"])

    def snapshot(self) -> _Snapshot:
        """What `restore` takes: everything as it is now."""
        return _Snapshot(self.draft.copy(), dict(self._origin))

    def restore(self, snapshot: _Snapshot) -> None:
        """Forget what was applied since."""
        self.draft, self._origin = snapshot.draft, snapshot.origin

    def growth(self) -> int:
        """Bytes by which the document is longer than before (negative: shorter)."""
        old, new = self._before, self.draft
        sizes = self._sizes
        nodes = sizes.of_changed(new.nodes, old.nodes) - sizes.of_changed(old.nodes, new.nodes)
        edges = sizes.of_edges(new.edges.keys() - old.edges.keys())
        return nodes + edges - sizes.of_edges(old.edges.keys() - new.edges.keys())

    def pinned_beside(self) -> int:
        """Bytes of pinned outputs of nodes that were not read."""
        others = self.flow.nodes.exclude(pk__in=self._rows).filter(pinned__isnull=False)
        size = Func(Cast("pinned", TextField()), function="OCTET_LENGTH")
        held = others.aggregate(held=Sum(size, output_field=IntegerField()))["held"]
        return int(held or 0)

    # The way back ---------------------------------------------------------------------------

    def write(self) -> None:
        """Write what was applied; the flow itself (name, revision) is left to the caller."""
        gone = self._positions.keys() - set(self._origin.values())
        if gone:
            self.flow.nodes.filter(pk__in=gone).delete()
        self._write_nodes()
        if self._wanted.edges:
            self._write_edges()

    def _write_nodes(self) -> None:
        order = self._order()
        new: list[Node] = []
        changed: list[Node] = []
        fields: set[str] = set()
        shifted: list[Node] = []
        for key, position in order.items():
            pk = self._origin.get(key)
            old = self._rows.get(pk) if pk is not None else None
            if pk is not None and self._positions[pk] != position:
                shifted.append(Node(pk=pk, position=position))
            if pk is not None and (old is None or not self._is_touched(key)):
                continue
            row = self._row(key, position)
            if old is None:
                new.append(row)
                continue
            row.pk = old.pk
            changed.append(row)
            fields.update(name for name in self._may_differ(key) if not _equal(old, row, name))
        _free_names(changed, self._rows)
        update_rows(Node, changed, sorted(fields))
        update_rows(Node, shifted, ["position"])
        Node.objects.bulk_create(new)

    def _is_touched(self, key: str) -> bool:
        old, new = self._before, self.draft
        return (
            old.nodes.get(key) is not new.nodes[key]
            or old.places.get(key) is not new.places.get(key)
            or old.pins.get(key) is not new.pins.get(key)
        )

    def _may_differ(self, key: str) -> tuple[str, ...]:
        """Columns to compare: of a node that was only dragged, few."""
        moved = self._before.nodes.get(key) is self.draft.nodes[key]
        return _BESIDE if moved else _WRITTEN

    def _row(self, key: str, position: int) -> Node:
        row = row_of(self.flow, self.draft.nodes[key], self.draft.places.get(key))
        row.position = position
        row.pinned = self.draft.pins.get(key)
        return row

    def _order(self) -> dict[str, int]:
        """Where each node stands that was read or is new."""
        known = {key: self._positions[pk] for key, pk in self._origin.items()}
        if self._wanted.outline:
            return _spread(self.draft.nodes, known)
        new = [key for key in self.draft.nodes if key not in known]
        return {**known, **{key: self._last + 1 + index for index, key in enumerate(new)}}

    def _write_edges(self) -> None:
        kept = self.draft.edges
        gone = [pk for key, (pk, _) in self._edges.items() if key not in kept]
        if gone:
            self.flow.edges.filter(pk__in=gone).delete()
        old = {key: position for key, (_, position) in self._edges.items() if key in kept}
        order = _spread(kept, old)
        shifted = [
            Edge(pk=self._edges[key][0], position=order[key])
            for key in old
            if order[key] != old[key]
        ]
        update_rows(Edge, shifted, ["position"])
        Edge.objects.bulk_create(
            _edge_row(self.flow, key, order[key]) for key in kept if key not in old
        )


def _head(flow: Flow) -> Entry:
    said = {"description": flow.description, "settings": flow.settings}
    return {"name": flow.name, **{key: value for key, value in said.items() if value}}


def _entries(rows: Sequence[Node]) -> list[Entry]:
    """The entries of rows, in the form of their types' versions here, as everyone sees them."""
    data = {"schema": SCHEMA, "name": "-", "nodes": [parts_of(row)[0] for row in rows]}
    entries = migrated_data(data, registry())["nodes"]
    return [{key: value for key, value in entry.items() if value != {}} for entry in entries]


def _equal(old: Node, new: Node, name: str) -> bool:
    return same(getattr(old, name), getattr(new, name))


def _edge_key(source: str, port: str, target: str) -> EdgeKey:
    return source if port == "out" else f"{source}.{port}", target


def _edge_row(flow: Flow, key: EdgeKey, position: int) -> Edge:
    source, port, target = ends_of({"from": key[0], "to": key[1]})
    return Edge(flow=flow, position=position, source=source, port=port, target=target)


def _spread[K: Hashable](order: Iterable[K], known: Mapping[K, int]) -> dict[K, int]:
    """A position for each in rising order; those that stand rightly keep theirs."""
    placed: dict[K, int] = {}
    last = -1
    for key in order:
        last = max(last + 1, known.get(key, 0))
        placed[key] = last
    return placed


def size_of_draft(flow: Flow) -> int:
    """Bytes of the draft as a document, or a little more; reads all of it."""
    edges = flow.edges.values_list("source", "port", "target")
    sizes, entries = PartSizes(), _entries(list(flow.nodes.all()))
    nodes = sizes.of_changed({entry["id"]: entry for entry in entries}, {})
    return nodes + sizes.of_edges(_edge_key(*edge) for edge in edges)


def _free_names(changed: Sequence[Node], rows: Mapping[UUID, Node]) -> None:
    """Take the old names from nodes that get new ones: two may change theirs for each other's."""
    for row in changed:
        if rows[row.pk].key != row.key:
            Node.objects.filter(pk=row.pk).update(key=f"~{row.pk.hex}")
