"""How two documents of a flow differ: by node, edge and setting, and as text."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from flows.engine.document import Document, dump, dump_yaml, parse
from flows.engine.json_values import same

#: Lines of both documents; the time of a text diff grows with their product.
_TEXT_DIFF_LINES = 20_000
_NOT_HEAD = frozenset({"nodes", "edges", "layout"})
#: Stands for a value that one of the documents does not have.
ABSENT: Final = object()


@dataclass(frozen=True)
class Difference:
    """A place that differs, with what was there and what is there now (or ABSENT)."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class ChangedNode:
    """A node that is in both documents; `paths` are the places in it that differ."""

    id: str
    paths: list[str]


@dataclass(frozen=True)
class VersionDiff:
    """What it takes to get from one version to another; `text` is a unified diff of the YAML."""

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[ChangedNode] = field(default_factory=list)
    edges_added: list[dict[str, str]] = field(default_factory=list)
    edges_removed: list[dict[str, str]] = field(default_factory=list)
    flow: list[str] = field(default_factory=list)
    text: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "nodes": {
                "added": self.added,
                "removed": self.removed,
                "changed": [asdict(node) for node in self.changed],
            },
            "edges": {"added": self.edges_added, "removed": self.edges_removed},
            "flow": self.flow,
            "text": self.text,
        }


def documents_diff(
    before: Document, after: Document, before_name: str, after_name: str
) -> VersionDiff:
    """How two documents differ, with the diff of their text. Layout never counts."""
    structure = structure_diff(_meaning(before), _meaning(after))
    return replace(structure, text=_text_diff(before, after, before_name, after_name))


def structure_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> VersionDiff:
    """How two documents, as they are stored, differ; without text. Their `layout` is left out."""
    old_nodes = {node["id"]: node for node in old["nodes"]}
    new_nodes = {node["id"]: node for node in new["nodes"]}
    old_edges, new_edges = old.get("edges", []), new.get("edges", [])
    paths = {
        key: _differing(old_nodes[key], new_nodes[key]) for key in new_nodes if key in old_nodes
    }
    return VersionDiff(
        added=[key for key in new_nodes if key not in old_nodes],
        removed=[key for key in old_nodes if key not in new_nodes],
        changed=[ChangedNode(key, found) for key, found in paths.items() if found],
        edges_added=_only_in(new_edges, old_edges),
        edges_removed=_only_in(old_edges, new_edges),
        flow=_differing(_head(old), _head(new)),
    )


def _head(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in _NOT_HEAD}


def _only_in(edges: list[dict[str, str]], others: list[dict[str, str]]) -> list[dict[str, str]]:
    known = {(edge["from"], edge["to"]) for edge in others}
    return [edge for edge in edges if (edge["from"], edge["to"]) not in known]


def _meaning(document: Document) -> dict[str, Any]:
    return {key: value for key, value in dump(document).items() if key != "layout"}


def _differing(old: Any, new: Any) -> list[str]:
    return [found.path for found in differences(old, new)]


def differences(old: Any, new: Any, path: str = "") -> list[Difference]:
    """The values that are not the same, by path; a list of another length counts as one."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(key for key in new if key not in old)]
        return [
            found
            for key in keys
            for found in differences(
                old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}" if path else str(key)
            )
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [found for i, (a, b) in pairs for found in differences(a, b, f"{path}[{i}]")]
    if old is ABSENT or new is ABSENT:
        return [Difference(path, old, new)]
    return [] if same(old, new) else [Difference(path, old, new)]


def _text_diff(before: Document, after: Document, before_name: str, after_name: str) -> str:
    old, new = _yaml_lines(before), _yaml_lines(after)
    if len(old) + len(new) > _TEXT_DIFF_LINES:
        return "The documents are too long for a diff of their text; see what changed by node."
    return "\n".join(difflib.unified_diff(old, new, before_name, after_name, lineterm=""))


def _yaml_lines(document: Document) -> list[str]:
    return dump_yaml(parse(_meaning(document))).splitlines()
