"""Operations on a draft as they come in from outside: their shape is checked, their text tidied.

The same operations are what an editor sends, what the log keeps and what undo plays back.
"""

import re
from collections.abc import Callable
from typing import Any

from flows.engine.document import NAME_PATTERN
from flows.engine.document_problems import edge_from
from flows.engine.document_values import checked, plain_number
from flows.engine.errors import DocumentInvalid, Problem
from flows.engine.json_values import cleaned

JSON = Any
type Op = dict[str, JSON]

#: What `set` may change of a node; keys below are for the two that are objects.
NODE_KEYS = (
    *("config", "label", "retry", "timeout_seconds"),
    *("on_error", "parent", "version", "type", "disabled"),
)
_WITH_KEYS = ("config", "retry")
FLOW_KEYS = ("name", "description", "settings")
#: Keys of a path, and the characters of each.
MAX_PATH, MAX_KEY = 50, 1_000
_SIDES = ("x", "y", "width", "height")
_NAME = re.compile(NAME_PATTERN)


class OperationInvalid(Exception):
    """An operation of another shape; `path` is where in it, `message` says what to write."""

    code = "operation_invalid"

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def parse_operations(raw: JSON, where: str = "ops") -> list[Op]:
    """The operations of a list as plain data came in. Raises OperationInvalid for the first fault.

    What they name is not looked at here: that depends on the draft they are applied to.
    """
    if not isinstance(raw, list) or not raw:
        raise OperationInvalid(where, "Send a list with at least one operation.")
    return [parse_operation(item, f"{where}[{index}]") for index, item in enumerate(raw)]


def parse_operation(raw: JSON, where: str = "op") -> Op:
    """One operation; `where` is named in faults. Raises OperationInvalid."""
    kind = raw.get("op") if isinstance(raw, dict) else None
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        known = ", ".join(_SHAPES)
        raise OperationInvalid(f"{where}.op", f"Set 'op' to one of {known}.")
    op: Op = {"op": kind}
    for key, (read, needed) in shape.items():
        if key in raw:
            op[key] = read(raw[key], f"{where}.{key}")
        elif needed:
            raise OperationInvalid(f"{where}.{key}", f"'{kind}' needs '{key}'; add it.")
    for key in raw:
        if key != "op" and key not in shape:
            shown = str(key)[:80]
            raise OperationInvalid(f"{where}.{shown}", f"'{kind}' has no '{shown}'; remove it.")
    if kind in ("set", "set_flow"):
        _check_path(op, where)
    return op


def _check_path(op: Op, where: str) -> None:
    known, deep = (NODE_KEYS, _WITH_KEYS) if op["op"] == "set" else (FLOW_KEYS, ("settings",))
    path = op["path"]
    if path[0] not in known:
        message = f"The path has to start with one of {', '.join(known)}."
        raise OperationInvalid(f"{where}.path", message)
    if len(path) > 1 and path[0] not in deep:
        message = f"'{path[0]}' has nothing below it: set it as a whole, with a path of one key."
        raise OperationInvalid(f"{where}.path", message)


def _name(raw: JSON, where: str) -> str:
    if not isinstance(raw, str) or not _NAME.fullmatch(raw):
        message = "Write a node's id: a letter, then a-z, 0-9 and _ (at most 63 characters)."
        raise OperationInvalid(where, message)
    return raw


def _entry(raw: JSON, where: str) -> dict[str, JSON]:
    if not isinstance(raw, dict):
        raise OperationInvalid(where, "Write the node as a document has it: {id, type, config}.")
    _name(raw.get("id"), f"{where}.id")
    if not isinstance(raw.get("type"), str):
        raise OperationInvalid(f"{where}.type", "Name the type of the node.")
    entry = _value(raw, where)
    assert isinstance(entry, dict)
    return entry


def _edge(raw: JSON, where: str) -> dict[str, str]:
    problems: list[Problem] = []
    parts = edge_from(raw, 0, problems)
    if parts is None or problems:
        raise OperationInvalid(where, problems[0].message)
    return edge_entry(parts["source"], parts["port"], parts["target"])


def edge_entry(source: str, port: str, target: str) -> dict[str, str]:
    """An edge as documents write it: the port `out` is not said."""
    return {"from": source if port == "out" else f"{source}.{port}", "to": target}


def ends_of(edge: dict[str, str]) -> tuple[str, str, str]:
    """Source, port and target of an edge as documents write it."""
    source, _, port = edge["from"].partition(".")
    return source, port or "out", edge["to"]


def _place(raw: JSON, where: str) -> dict[str, float] | None:
    if raw is None:
        return None
    fits = isinstance(raw, dict) and {"x", "y"} <= raw.keys() <= set(_SIDES)
    if not fits or any(type(number) not in (int, float) for number in raw.values()):
        message = "Write a place as {x, y}, for notes with width and height; all are numbers."
        raise OperationInvalid(where, message)
    place = _value(raw, where)
    return {side: plain_number(place[side]) for side in _SIDES if side in place}


def _path(raw: JSON, where: str) -> list[str]:
    keys = raw if isinstance(raw, list) else []
    if not 1 <= len(keys) <= MAX_PATH or not all(isinstance(k, str) for k in keys):
        raise OperationInvalid(where, f"Write the path as a list of 1 to {MAX_PATH} keys.")
    if any(len(key) > MAX_KEY for key in keys):
        raise OperationInvalid(where, f"A key of a path may have {MAX_KEY:,} characters.")
    _value(dict.fromkeys(keys), where)
    return list(keys)


def _value(raw: JSON, where: str) -> JSON:
    """A value as documents hold it: whole numbers are integers. Refused is what none can hold."""
    try:
        return checked({"value": raw})["value"]
    except DocumentInvalid as invalid:
        raise OperationInvalid(where, invalid.problems[0].message) from invalid


def _index(raw: JSON, where: str) -> int:
    if type(raw) is not int or raw < 0:
        raise OperationInvalid(where, "Write 'at' as a whole number from 0 on.")
    return raw


def _pinned(raw: JSON, where: str) -> dict[str, JSON] | None:
    if raw is not None and not isinstance(raw, dict):
        raise OperationInvalid(where, "A pinned output is an object, or null for none.")
    # What looks like a reference to a stored value could name another's: it is data.
    value = cleaned(_value(raw, where))
    assert value is None or isinstance(value, dict)
    return value


type _Read = Callable[[JSON, str], JSON]
#: Of each operation its keys: how they are read, and whether they have to be there. `at` is the
#: place in the document's order (from 0) where something is put back; without it, the end.
_SHAPES: dict[str, dict[str, tuple[_Read, bool]]] = {
    "add_node": {"node": (_entry, True), "place": (_place, False), "at": (_index, False)},
    "remove_node": {"node": (_name, True)},
    "set": {"node": (_name, True), "path": (_path, True), "value": (_value, False)},
    "place": {"node": (_name, True), "place": (_place, True)},
    "add_edge": {"edge": (_edge, True), "at": (_index, False)},
    "remove_edge": {"edge": (_edge, True)},
    "rename_node": {"node": (_name, True), "to": (_name, True)},
    "set_flow": {"path": (_path, True), "value": (_value, False)},
    "pin": {"node": (_name, True), "value": (_pinned, True)},
}
