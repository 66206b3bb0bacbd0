"""Reads of a flow's versions for people: what each changed in one line, and two side by side."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Func, IntegerField

from flows.differences import ABSENT, Difference, VersionDiff, differences, structure_diff
from flows.engine.document import Document, dump
from flows.models import Flow, FlowVersion

#: Stored bytes of documents that one page compares to say what each version changed.
COMPARED_BYTES = 4_000_000
#: Characters of a value that a comparison shows.
VALUE_LENGTH = 600
#: Rows of text that a comparison shows, and changed values of one node.
SHOWN_ROWS = 1_500
SHOWN_VALUES = 40
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True)
class ChangedValue:
    """A place in a node or in the flow, with the texts of what was there and what is there."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class TextRow:
    """A row of two texts side by side. `kind`: same, changed, added, removed, or gap."""

    kind: str
    left_number: int | None = None
    left: str = ""
    right_number: int | None = None
    right: str = ""

    @property
    def goes(self) -> bool:
        """Whether the left text is no more."""
        return self.kind in ("changed", "removed") and self.left_number is not None

    @property
    def comes(self) -> bool:
        """Whether the right text is new."""
        return self.kind in ("changed", "added") and self.right_number is not None


def said(diff: VersionDiff) -> str:
    """What changed in one line, such as `2 steps added, 1 changed; 1 wire removed`."""
    steps = [
        (len(diff.added), "added"),
        (len(diff.removed), "removed"),
        (len(diff.changed), "changed"),
    ]
    wires = [(len(diff.edges_added), "added"), (len(diff.edges_removed), "removed")]
    heads = sorted({path.split(".")[0].split("[")[0] for path in diff.flow})
    parts = [_counted(steps, "step"), _counted(wires, "wire")]
    if heads:
        parts.append(f"{', '.join(heads)} changed")
    return "; ".join(part for part in parts if part) or "Nothing but places"


def _counted(counts: Iterable[tuple[int, str]], noun: str) -> str:
    found = [(count, word) for count, word in counts if count]
    if not found:
        return ""
    (first, word), *rest = found
    start = f"{first} {noun}{'' if first == 1 else 's'} {word}"
    return ", ".join([start, *(f"{count} {word}" for count, word in rest)])


def what_versions_changed(flow: Flow, versions: Sequence[FlowVersion]) -> dict[int, str]:
    """By number: what each of these changed against the one before it.

    Two queries. Versions beyond the room for one page are left out: compare them one by one.
    """
    if not versions:
        return {}
    rows = flow.versions.filter(
        number__gte=versions[-1].number - 1, number__lte=versions[0].number
    ).annotate(size=Func(F("document"), function="pg_column_size", output_field=IntegerField()))
    room, wanted = COMPARED_BYTES, []
    for number, size in rows.order_by("-number").values_list("number", "size"):
        room -= size or 0
        if room < 0:
            break
        wanted.append(number)
    documents = dict(flow.versions.filter(number__in=wanted).values_list("number", "document"))
    found = {}
    for version in versions:
        document, before = documents.get(version.number), documents.get(version.number - 1)
        if document is not None and version.number == 1:
            count = len(document["nodes"])
            found[1] = f"First version: {count} step{'' if count == 1 else 's'}"
        elif document is not None and before is not None:
            found[version.number] = said(structure_diff(before, document))
    return found


def changed_values(before: Document, after: Document) -> dict[str, list[ChangedValue]]:
    """By node id, and under the empty text for the flow itself: the places that differ."""
    old, new = dump(before), dump(after)
    old_nodes = {node["id"]: node for node in old["nodes"]}
    found = {
        node["id"]: _values(differences(old_nodes[node["id"]], node))
        for node in new["nodes"]
        if node["id"] in old_nodes
    }
    found[""] = _values(differences(_head(old), _head(new)))
    return {key: values for key, values in found.items() if values}


def _head(document: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in document.items() if k not in ("nodes", "edges", "layout")}


def _values(found: Sequence[Difference]) -> list[ChangedValue]:
    return [
        ChangedValue(one.path, _shown(one.before), _shown(one.after))
        for one in found[:SHOWN_VALUES]
    ]


def _shown(value: Any) -> str | None:
    if value is ABSENT:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    return text if len(text) <= VALUE_LENGTH else f"{text[:VALUE_LENGTH]}…"


def side_by_side(text: str) -> list[TextRow]:
    """The rows of a unified diff, what was beside what is; at most `SHOWN_ROWS`."""
    rows: list[TextRow] = []
    left = right = 0
    gone: list[str] = []
    come: list[str] = []
    for line in text.splitlines()[2:]:
        if len(rows) >= SHOWN_ROWS:
            break
        if not line.startswith("+") and (gone or come) and not line.startswith("-"):
            left, right = _pair(rows, gone, come, left, right)
        if found := _HUNK.match(line):
            left, right = int(found[1]), int(found[2])
            rows.append(TextRow("gap"))
        elif line.startswith("-"):
            if come:
                left, right = _pair(rows, gone, come, left, right)
            gone.append(line[1:])
        elif line.startswith("+"):
            come.append(line[1:])
        else:
            rows.append(TextRow("same", left, line[1:], right, line[1:]))
            left, right = left + 1, right + 1
    _pair(rows, gone, come, left, right)
    return rows[:SHOWN_ROWS]


def _pair(
    rows: list[TextRow], gone: list[str], come: list[str], left: int, right: int
) -> tuple[int, int]:
    """Put lines that went beside lines that came; empties both lists."""
    for index in range(max(len(gone), len(come))):
        has_left, has_right = index < len(gone), index < len(come)
        kind = "changed" if has_left and has_right else "removed" if has_left else "added"
        rows.append(
            TextRow(
                kind,
                left + index if has_left else None,
                gone[index] if has_left else "",
                right + index if has_right else None,
                come[index] if has_right else "",
            )
        )
    moved = left + len(gone), right + len(come)
    gone.clear()
    come.clear()
    return moved
