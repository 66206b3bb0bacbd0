"""What a flow may hold, asked of each operation before it is applied to a draft's rows."""

from typing import Any

from pydantic import ValidationError

from flows.draft_rows import DraftRows
from flows.engine.connecting import connection_refusal, leads_to, parent_refusal
from flows.engine.document import MAX_EDGES, MAX_NODES, Position, dump, parse
from flows.engine.document_values import MAX_DEPTH
from flows.engine.errors import DocumentInvalid
from flows.engine.operations import FLOW_KEYS, Op, ends_of
from flows.engine.patch import Entry, OperationRefused, apply_one, with_set
from flows.engine.registry import registry
from flows.engine.rename import NameHidden, reference_changes
from flows.engine.validate import RESERVED_IDS
from flows.measured import PinSizes

JSON = Any
#: Bytes of one pinned output, and of all of a flow.
MAX_PIN_BYTES, MAX_PINS_BYTES = 1_000_000, 5_000_000
#: Levels of a config: a document has a few above it.
_MAX_DEPTH = MAX_DEPTH - 5


class WholeRefused(Exception):
    """The change is refused as a whole, for this conflict."""

    def __init__(self, conflict: dict[str, JSON]) -> None:
        super().__init__(conflict["message"])
        self.conflict = conflict


class Rules:
    """Applies operations to the rows of a draft, as far as a flow may become what they make it."""

    def __init__(self, rows: DraftRows) -> None:
        self._rows = rows
        self._pins = PinSizes(rows.pinned_beside)

    def steps(self, op: Op) -> list[Op]:
        """What is applied for an operation: with a new name, all that reads the node; with a node,
        the wires that others drew meanwhile. Raises OperationRefused.
        """
        if op["op"] == "rename_node":
            return [op, *self._references(op)]
        if op["op"] == "remove_node":
            return [*self._wires(op["node"]), op]
        if op["op"] == "add_node":
            return [{**op, "node": _canonical(op["node"])}]
        return [op]

    def _wires(self, node: str) -> list[Op]:
        """What removes the wires of a node; OperationRefused where there are steps inside."""
        draft = self._rows.draft
        if any(entry.get("parent") == node for entry in draft.nodes.values()):
            message = f"There are steps inside '{node}'. Remove them first, or take them out."
            raise OperationRefused("invalid", message)
        return [
            {"op": "remove_edge", "edge": {"from": source, "to": target}}
            for source, target in draft.edges
            if node in (source.partition(".")[0], target)
        ]

    def _references(self, op: Op) -> list[Op]:
        old, new = op["node"], op["to"]
        if new in RESERVED_IDS:
            message = f"'{new}' means something else in expressions. Take another id."
            raise OperationRefused("invalid", message)
        renamed = self._rows.draft.copy()
        apply_one(renamed, op)
        try:
            return reference_changes(renamed.nodes, old, new, registry())
        except NameHidden as hidden:
            message = (
                f"'{hidden.path}' of '{hidden.node}' reads '{old}' where '{new}' is already the "
                "name of something else. Take another id."
            )
            raise OperationRefused("invalid", message) from hidden

    def apply(self, op: Op) -> None:
        """Raises OperationRefused, with nothing changed."""
        if op["op"] == "set" and op["node"] in self._rows.draft.nodes:
            self._set(op)
        elif op["op"] == "set_flow":
            self._set_flow(op)
        else:
            if check := _CHECKS.get(op["op"]):
                check(self, op)
            pin = self._pin_of(op)
            self._rows.apply(op)
            self._pins.replaced(pin, self._pin_of(op))

    def _pin_of(self, op: Op) -> JSON:
        """What is pinned of the node that an operation may pin, unpin or remove."""
        if op["op"] not in ("pin", "remove_node"):
            return None
        return self._rows.draft.pins.get(op["node"])

    def _add_node(self, op: Op) -> None:
        entry = op["node"]
        if entry["id"] in self._rows.draft.nodes:
            return  # refused as it is applied
        if self._rows.node_count >= MAX_NODES:
            message = f"A flow may hold {MAX_NODES:,} nodes. Split it into sub-flows."
            raise OperationRefused("limit", message)
        self._place(op)
        self._check_parent(entry)

    def _check_parent(self, entry: Entry) -> None:
        parent = entry.get("parent")
        if parent and (
            why := parent_refusal(entry["id"], parent, self._rows.draft.nodes, registry())
        ):
            raise OperationRefused("invalid", why)

    def _set(self, op: Op) -> None:
        """What comes of it has to be a node that documents can hold."""
        draft, key = self._rows.draft, op["node"]
        entry, _ = with_set(draft.nodes[key], op)
        if op["path"][0] == "config":
            _check_config(op)
        else:
            # The config is as it was; reading it again would cost as much as it is large.
            rest = _canonical({name: v for name, v in entry.items() if name != "config"})
            entry = rest | {name: v for name, v in entry.items() if name == "config"}
        if op["path"] == ["parent"]:
            self._check_parent(entry)
        draft.nodes[key] = entry

    def _place(self, op: Op) -> None:
        if op.get("place") is not None:
            _check_place(op["place"])

    def _add_edge(self, op: Op) -> None:
        draft = self._rows.draft
        edge = op["edge"]
        source, port, target = ends_of(edge)
        key = (edge["from"], edge["to"])
        if source not in draft.nodes or target not in draft.nodes or key in draft.edges:
            return  # refused as it is applied
        if len(draft.edges) >= MAX_EDGES:
            message = f"A flow may hold {MAX_EDGES:,} edges. Split it into sub-flows."
            raise OperationRefused("limit", message)
        why = connection_refusal(draft.nodes[source], port, draft.nodes[target], registry())
        if why is None and leads_to(draft.edges, target, source):
            why = "That would be a circle. Use a loop node to repeat steps."
        if why is not None:
            raise OperationRefused("not_connectable", why)

    def _set_flow(self, op: Op) -> None:
        head, _ = with_set(self._rows.draft.head, op)
        try:
            document = dump(parse({**head, "nodes": []}))
        except DocumentInvalid as invalid:
            raise OperationRefused("invalid", invalid.problems[0].message) from invalid
        self._rows.draft.head = {key: document[key] for key in FLOW_KEYS if key in document}

    def _pin(self, op: Op) -> None:
        if op["value"] is None:
            return
        if self._pins.of(op["value"]) > MAX_PIN_BYTES:
            message = f"A pinned output may have {MAX_PIN_BYTES / 1e6:g} MB. Pin a smaller one."
            raise OperationRefused("invalid", message)
        if op["node"] not in self._rows.draft.nodes:
            return  # refused as it is applied
        size = self._pins.with_one(self._rows.draft.pins, op["node"], op["value"])
        if size > MAX_PINS_BYTES:
            message = f"A flow's pinned outputs may have {MAX_PINS_BYTES / 1e6:g} MB. Unpin some."
            raise OperationRefused("invalid", message)


_CHECKS = {
    "add_node": Rules._add_node,
    "place": Rules._place,
    "add_edge": Rules._add_edge,
    "pin": Rules._pin,
}


def _canonical(entry: Entry) -> Entry:
    """The entry as `dump` writes it. Raises OperationRefused where no document can hold it."""
    try:
        document = parse({"name": "-", "nodes": [entry]})
    except DocumentInvalid as invalid:
        raise OperationRefused("invalid", invalid.problems[0].message) from invalid
    canonical: Entry = dump(document)["nodes"][0]
    return canonical


def _check_config(op: Op) -> None:
    value, path = op.get("value", {}), op["path"]
    if len(path) == 1 and not isinstance(value, dict):
        raise OperationRefused("invalid", "A node's config is an object. Set its keys one by one.")
    if len(path) + _depth(value) > _MAX_DEPTH:
        raise OperationRefused("invalid", f"A config may be nested {_MAX_DEPTH} levels deep.")


def _depth(value: JSON) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            below
            for item in level
            if isinstance(item, dict | list)
            for below in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _check_place(place: Entry) -> None:
    try:
        Position.model_validate(place)
    except ValidationError as error:
        finding = error.errors(include_url=False, include_input=False)[0]
        side = ".".join(map(str, finding["loc"]))
        message = f"The place cannot be kept: {side}: {finding['msg']}."
        raise OperationRefused("invalid", message) from error
