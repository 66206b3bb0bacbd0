"""What a change of somebody else's means for operations that were made without knowing of it."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from flows.engine.json_values import same
from flows.engine.operations import Op
from flows.engine.patch import Draft, Entry, value_at
from flows.models import FlowChange

JSON = Any
type _Place = tuple[str, tuple[str, ...]]
_PLACE = ("", "place")


class Others:
    """What others changed since the sender's base."""

    def __init__(self, changes: Iterable[FlowChange], own: Collection[UUID]) -> None:
        """Of all these changes those that no tab of the sender's own made."""
        self._set: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        self._gone: dict[str, str] = {}
        self._own: dict[str, list[tuple[str, ...]]] = {}
        for change in changes:
            if change.tab not in own:
                for op in change.ops or ():
                    self._take(op, change.actor)

    def _take(self, op: Op, by: str) -> None:
        kind = op["op"]
        if kind in ("set", "place", "set_flow", "pin"):
            node, path = _where(op)
            self._set.setdefault(node, []).append((path, by))
        elif kind == "remove_node":
            self._gone[op["node"]] = f"{by} removed '{op['node']}'."
        elif kind == "add_node":
            self._gone.pop(op["node"]["id"], None)
        elif kind == "rename_node":
            self._gone[op["node"]] = f"{by} renamed '{op['node']}' to '{op['to']}'."
            self._set[op["to"]] = self._set.pop(op["node"], [])

    def why_gone(self, node: str) -> str:
        """Who removed or renamed a node; empty where nobody did."""
        return self._gone.get(node, "")

    def overwritten(self, draft: Draft, op: Op) -> dict[str, JSON] | None:
        """The conflict where this operation, about to be applied, replaces what others set."""
        if op["op"] not in ("set", "place", "set_flow", "pin"):
            return None
        node, path = _where(op)
        if any(path[: len(own)] == own for own in self._own.get(node, ())):
            return None
        by = next((by for set, by in reversed(self._set.get(node, ())) if _overlap(set, path)), "")
        theirs = _value(draft, op)
        if not by or same(theirs, op.get("place") if op["op"] == "place" else op.get("value")):
            return None
        what = f"'{node}'" if node else "the flow"
        conflict: dict[str, JSON] = {
            "code": "overwritten",
            "message": f"{by} changed the same of {what} a moment ago. Yours came last and counts.",
            "theirs": theirs,
            "by": by,
        }
        if node:
            conflict["node"] = node
        if "path" in op:
            conflict["path"] = op["path"]
        return conflict

    def replaced(self, op: Op) -> None:
        """What this operation set is the sender's own now: there is no more to be lost."""
        node, path = _where(op)
        self._own.setdefault(node, []).append(path)


def _where(op: Op) -> _Place:
    return op.get("node", ""), tuple(op["path"]) if "path" in op else ("", op["op"])


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _value(draft: Draft, op: Op) -> JSON:
    if op["op"] == "place":
        return draft.places.get(op["node"])
    if op["op"] == "pin":
        return draft.pins.get(op["node"])
    entry: Entry = draft.head if op["op"] == "set_flow" else draft.nodes.get(op["node"], {})
    return value_at(entry, op["path"])[1]
