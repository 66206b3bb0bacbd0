"""Whether every edit of several pages is in the draft, in its log, or was told of."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flows.engine.patch import Draft, apply

JSON = Any
#: Operations of which the last one of a page counts.
_SETTERS = ("set", "place", "set_flow", "pin")


def canonical(value: JSON) -> str:
    """The same text for the same value: the database keeps no order of keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def replayed(start: Mapping[str, JSON], log: Iterable[Mapping[str, JSON]]) -> tuple[JSON, int]:
    """The document that the log's operations make of the first one, and how many of them failed."""
    draft, failed = Draft.of(start), 0
    for change in log:
        failed += len(apply(draft, change["ops"]).conflicts)
    return draft.document(), failed


def lost_edits(page: Mapping[str, JSON], log: Iterable[Mapping[str, JSON]]) -> list[str]:
    """What a page made (`made`, `notices`, `renamed`, `tab`) and nobody knows of.

    An operation is known where the log has it under the page's tab, where a later one of the page
    set the same, or where the person was told of it.
    """
    own = [change for change in log if change["tab"] == page["tab"]]
    known = {canonical(op) for change in own for op in change["ops"]}
    told = {canonical(notice["op"]) for notice in page["notices"] if notice.get("op")}
    made = [
        (at, change["label"], op) for at, change in enumerate(page["made"]) for op in change["ops"]
    ]
    last = {_target(op, page["renamed"], at): index for index, (at, _, op) in enumerate(made)}
    lost = []
    for index, (at, label, op) in enumerate(made):
        names = _names(op, page["renamed"], at)
        if any(name in known or name in told for name in names):
            continue
        target = _target(op, page["renamed"], at)
        if op["op"] in _SETTERS and last.get(target, index) > index:
            continue
        lost.append(f"{label}: {canonical(op)[:200]}")
    return lost


def _names(op: JSON, renamed: Iterable[tuple[str, str, int]], at: int) -> list[str]:
    """The operation under each name that its nodes had since it was made."""
    ops = [op]
    for old, new, when in renamed:
        if when > at:
            ops.append(_renamed(ops[-1], re.compile(rf"(?<!\w){re.escape(old)}(?!\w)"), new))
    return [canonical(one) for one in ops]


def _renamed(value: JSON, old: re.Pattern[str], new: str) -> JSON:
    """The value with a node's other name in all its texts; a type may have the name of a node."""
    if isinstance(value, dict):
        return {
            key: one if key == "type" else _renamed(one, old, new) for key, one in value.items()
        }
    if isinstance(value, list):
        return [_renamed(one, old, new) for one in value]
    return old.sub(new, value) if isinstance(value, str) else value


def _target(op: JSON, renamed: Iterable[tuple[str, str, int]], at: int) -> str:
    """What an operation sets, by the names of the end."""
    bare = {key: value for key, value in op.items() if key in ("op", "node", "path")}
    return _names(bare, renamed, at)[-1] if op["op"] in _SETTERS else ""
