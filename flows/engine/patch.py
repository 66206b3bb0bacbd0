"""Apply operations to a draft that is plain data, and tell what takes them back.

An operation that cannot be applied is left out and told of as a conflict. What a flow may hold
(types, ports, limits) is judged elsewhere: this is only the arithmetic of changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.engine.document import SCHEMA
from flows.engine.operations import Op, edge_entry, ends_of

JSON = Any
type Entry = dict[str, JSON]
#: An edge as the draft keeps it: `from` and `to` as documents write them.
type EdgeKey = tuple[str, str]


class OperationRefused(Exception):
    """The operation cannot be applied to this draft; `code` is as in conflicts."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass
class Draft:
    """A draft in parts, all in document order. Entries are never changed, only replaced.

    `nodes`: id → entry as documents write it; `edges`: (from, to); `places`: id → {x, y, …};
    `pins`: id → pinned output; `head`: name, description and settings.
    """

    nodes: dict[str, Entry] = field(default_factory=dict)
    edges: dict[EdgeKey, None] = field(default_factory=dict)
    places: dict[str, Entry] = field(default_factory=dict)
    pins: dict[str, Entry] = field(default_factory=dict)
    head: Entry = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, JSON], pins: Mapping[str, Entry] | None = None) -> "Draft":
        """The draft of a document as `dump` writes it; places of nodes it lacks are left out."""
        nodes = {node["id"]: node for node in document.get("nodes", ())}
        places = document.get("layout", {}).items()
        return cls(
            nodes=nodes,
            edges={(edge["from"], edge["to"]): None for edge in document.get("edges", ())},
            places={node: place for node, place in places if node in nodes},
            pins=dict(pins or {}),
            head={k: document[k] for k in ("name", "description", "settings") if k in document},
        )

    def document(self) -> dict[str, JSON]:
        """The document, as `Draft.of` took it."""
        data: dict[str, JSON] = {"schema": SCHEMA, **self.head, "nodes": list(self.nodes.values())}
        if self.edges:
            data["edges"] = [{"from": source, "to": target} for source, target in self.edges]
        if self.places:
            data["layout"] = dict(self.places)
        return data

    def copy(self) -> "Draft":
        """A draft that can be changed without this one."""
        return Draft(
            dict(self.nodes), dict(self.edges), dict(self.places), dict(self.pins), dict(self.head)
        )


@dataclass(frozen=True)
class Patched:
    """What came of some operations: those applied, what takes them back (in its order), and of
    those left out the index, code and message.
    """

    applied: list[Op]
    inverse: list[Op]
    conflicts: list[dict[str, JSON]]


def apply(draft: Draft, ops: Iterable[Op]) -> Patched:
    """Apply operations one after another; the draft is changed."""
    applied: list[Op] = []
    steps: list[list[Op]] = []
    conflicts: list[dict[str, JSON]] = []
    for index, op in enumerate(ops):
        try:
            steps.append(apply_one(draft, op))
        except OperationRefused as refused:
            conflict = {"op": index, "code": refused.code, "message": refused.message}
            if isinstance(op.get("node"), str):
                conflict["node"] = op["node"]
            conflicts.append(conflict)
        else:
            applied.append(op)
    inverse = [op for step in reversed(steps) for op in step]
    return Patched(applied, inverse, conflicts)


def apply_one(draft: Draft, op: Op) -> list[Op]:
    """Apply one operation; what takes it back. Raises OperationRefused, the draft as it was."""
    return _APPLY[op["op"]](draft, op)


def _add_node(draft: Draft, op: Op) -> list[Op]:
    key = op["node"]["id"]
    if key in draft.nodes:
        message = f"There is a node '{key}' already. Give the new one another id."
        raise OperationRefused("id_taken", message)
    draft.nodes = _with(draft.nodes, key, op["node"], op.get("at"))
    if op.get("place") is not None:
        draft.places[key] = op["place"]
    return [{"op": "remove_node", "node": key}]


def _remove_node(draft: Draft, op: Op) -> list[Op]:
    key = op["node"]
    entry = _node(draft, key)
    if any(key in (source.partition(".")[0], target) for source, target in draft.edges):
        message = f"'{key}' has wires. Remove its edges first, in the same change."
        raise OperationRefused("invalid", message)
    if any(node.get("parent") == key for node in draft.nodes.values()):
        message = f"There are steps inside '{key}'. Remove them first, or take them out."
        raise OperationRefused("invalid", message)
    back: list[Op] = [{"op": "add_node", "node": entry, "place": draft.places.pop(key, None)}]
    if (at := _index(draft.nodes, key)) is not None:
        back[0]["at"] = at
    if key in draft.pins:
        back.append({"op": "pin", "node": key, "value": draft.pins.pop(key)})
    del draft.nodes[key]
    return back


def _set(draft: Draft, op: Op) -> list[Op]:
    key = op["node"]
    changed, back = with_set(_node(draft, key), op)
    draft.nodes[key] = changed
    return [{"op": "set", "node": key, **back}]


def _set_flow(draft: Draft, op: Op) -> list[Op]:
    draft.head, back = with_set(draft.head, op)
    return [{"op": "set_flow", **back}]


def _place(draft: Draft, op: Op) -> list[Op]:
    key = op["node"]
    _node(draft, key)
    before = draft.places.pop(key, None)
    if op["place"] is not None:
        draft.places[key] = op["place"]
    return [{"op": "place", "node": key, "place": before}]


def _pin(draft: Draft, op: Op) -> list[Op]:
    key = op["node"]
    _node(draft, key)
    before = draft.pins.pop(key, None)
    if op["value"] is not None:
        draft.pins[key] = op["value"]
    return [{"op": "pin", "node": key, "value": before}]


def _add_edge(draft: Draft, op: Op) -> list[Op]:
    edge = op["edge"]
    source, _, target = ends_of(edge)
    _node(draft, source)
    _node(draft, target)
    if _edge_key(edge) in draft.edges:
        message = f"{edge['from']} leads to {edge['to']} already."
        raise OperationRefused("edge_exists", message)
    draft.edges = _with(draft.edges, _edge_key(edge), None, op.get("at"))
    return [{"op": "remove_edge", "edge": edge}]


def _remove_edge(draft: Draft, op: Op) -> list[Op]:
    edge = op["edge"]
    key = _edge_key(edge)
    if key not in draft.edges:
        message = f"There is no edge from {edge['from']} to {edge['to']} any more."
        raise OperationRefused("edge_gone", message)
    back: Op = {"op": "add_edge", "edge": edge}
    if (at := _index(draft.edges, key)) is not None:
        back["at"] = at
    del draft.edges[key]
    return [back]


def _rename_node(draft: Draft, op: Op) -> list[Op]:
    """Everywhere but in expressions; what they name is for `flows.engine.rename`."""
    old, new = op["node"], op["to"]
    _node(draft, old)
    if new in draft.nodes:
        raise OperationRefused("id_taken", f"There is a node '{new}' already. Take another id.")

    def named(name: str) -> str:
        return new if name == old else name

    def end(edge: EdgeKey) -> EdgeKey:
        source, port, target = ends_of({"from": edge[0], "to": edge[1]})
        return _edge_key(edge_entry(named(source), port, named(target)))

    draft.nodes = {named(key): _renamed(node, old, new) for key, node in draft.nodes.items()}
    draft.edges = {end(edge): None for edge in draft.edges}
    draft.places = {named(key): place for key, place in draft.places.items()}
    draft.pins = {named(key): pin for key, pin in draft.pins.items()}
    return [{"op": "rename_node", "node": new, "to": old}]


def _renamed(node: Entry, old: str, new: str) -> Entry:
    if node["id"] == old:
        node = {**node, "id": new}
    return {**node, "parent": new} if node.get("parent") == old else node


_APPLY = {
    "add_node": _add_node,
    "remove_node": _remove_node,
    "set": _set,
    "set_flow": _set_flow,
    "place": _place,
    "pin": _pin,
    "add_edge": _add_edge,
    "remove_edge": _remove_edge,
    "rename_node": _rename_node,
}


def _node(draft: Draft, key: str) -> Entry:
    entry = draft.nodes.get(key)
    if entry is None:
        raise OperationRefused("node_gone", f"There is no node '{key}' any more.")
    return entry


def _edge_key(edge: Mapping[str, str]) -> EdgeKey:
    return edge["from"], edge["to"]


def _with[K, V](items: dict[K, V], key: K, value: V, at: int | None) -> dict[K, V]:
    """The items with one more, at this index or at the end."""
    if at is None or at >= len(items):
        items[key] = value
        return items
    pairs = list(items.items())
    return dict([*pairs[:at], (key, value), *pairs[at:]])


def _index[K](items: Mapping[K, Any], key: K) -> int | None:
    """Where a key stands; None for the last, which needs no saying."""
    if key == next(reversed(items.keys())):  # type: ignore[call-overload]
        return None
    return next(index for index, name in enumerate(items) if name == key)


def with_set(entry: Entry, op: Op) -> tuple[Entry, Op]:
    """The entry as a `set` makes it, and path and value that take it back.

    Without a `value` what is at the path is removed. Raises OperationRefused.
    """
    path: list[str] = op["path"]
    changed = dict(entry)
    at = changed
    back: Op = {}
    for depth, key in enumerate(path[:-1], 1):
        below = at.get(key)
        if key in at and not isinstance(below, dict):
            said = ".".join(path[:depth])
            message = f"'{said}' is not an object, so nothing can be set in it. Set it as a whole."
            raise OperationRefused("invalid", message)
        if key not in at:
            if "value" not in op:
                return entry, {"path": path}
            # What was not there goes again as a whole.
            back = back or {"path": path[:depth]}
        at[key] = dict(below or {})
        at = at[key]
    last = path[-1]
    if not back:
        back = {"path": path, "value": at[last]} if last in at else {"path": path}
    if "value" in op:
        at[last] = op["value"]
    else:
        at.pop(last, None)
    return changed, back


def value_at(entry: Mapping[str, JSON], path: Iterable[str]) -> tuple[bool, JSON]:
    """Whether there is something at a path, and what."""
    value: JSON = entry
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False, None
        value = value[key]
    return True, value
