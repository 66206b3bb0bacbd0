"""Every read of the flows app that is more than a row."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.permissions import Actor
from flows.draft import read_draft
from flows.engine.document import Document, dump, dump_yaml, parse
from flows.engine.errors import MAX_PROBLEMS, Problem, limited
from flows.engine.json_values import same
from flows.engine.migrate import migrated
from flows.engine.registry import registry
from flows.engine.validate import validate
from flows.models import Flow, FlowQuerySet, FlowVersion
from flows.people import assignee_problems
from flows.services import VersionMissing
from fluxprompt.api.paging import DEFAULT_LIMIT, Page, newest_first

#: Lines of both documents; the time of a text diff grows with their product.
_TEXT_DIFF_LINES = 20_000


def draft_document(flow: Flow) -> Document:
    """The draft as a document."""
    return read_draft(flow)


def flow_problems(flow: Flow) -> list[Problem]:
    """What validation says of the draft; without errors it can be published."""
    return document_problems(read_draft(flow), flow.workspace_id)


def document_problems(document: Document, workspace_id: UUID) -> list[Problem]:
    """What validation says of a document in a workspace, whose members it may name."""
    problems = validate(document, registry())
    if len(problems) > MAX_PROBLEMS:
        return problems
    return limited([*problems, *assignee_problems(document, workspace_id)])


def _visible(actor: Actor) -> FlowQuerySet:
    """With the published version, but not its document: that may be megabytes."""
    return Flow.objects.visible_to(actor).select_related("published").defer("published__document")


# `visible_to` in SQL, for it is asked before every run: by a query set, whose statement is made
# anew each time, it took 0.66 ms of CPU, not 0.24.
_FIND = """
SELECT f.*, v.number AS published_number
FROM flows_flow f LEFT JOIN flows_flowversion v ON v.id = f.published_id
WHERE f.workspace_id = %s AND {}
"""
_BY_ID, _BY_SLUG = _FIND.format("f.id = %s"), _FIND.format("f.slug = %s")


def find_flow(actor: Actor, reference: str) -> Flow | None:
    """The flow with this id or slug that the actor can see.

    Its published version comes without the document, which may be megabytes.
    """
    if not actor.can("flow.read"):
        return None
    try:
        asked: tuple[str, UUID | str] = (_BY_ID, UUID(reference))
    except ValueError:
        asked = (_BY_SLUG, reference)
    statement, wanted = asked
    flow = next(iter(Flow.objects.raw(statement, [actor.workspace_id, wanted])), None)
    if flow is not None and flow.published_id is not None:
        number = vars(flow)["published_number"]
        named = {"id": flow.published_id, "flow_id": flow.id, "number": number}
        flow.published = FlowVersion.from_db(flow._state.db, [*named], [*named.values()])
    return flow


def flows_page(
    actor: Actor, *, search: str = "", limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[Flow]:
    """The actor's flows, last changed first; `search` looks into name and description."""
    rows = _visible(actor)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(description__icontains=search))
    return newest_first(rows, by="updated_at", limit=limit, cursor=cursor)


def version_of(flow: Flow, number: int) -> FlowVersion:
    """Raises VersionMissing."""
    version = flow.versions.filter(number=number).first()
    if version is None:
        raise VersionMissing(number)
    return version


def version_document(version: FlowVersion) -> Document:
    """A version's document, its nodes in the form of their types' versions here."""
    return migrated(parse(version.document), registry())


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


def version_diff(flow: Flow, before: int | str, after: int | str) -> VersionDiff:
    """How two versions differ; each is a number, "published" or "draft". Layout never counts."""
    return _diff(
        _named_document(flow, before), _named_document(flow, after), str(before), str(after)
    )


def _named_document(flow: Flow, name: int | str) -> Document:
    if name == "draft":
        return read_draft(flow)
    if name == "published":
        if flow.published is None:
            raise VersionMissing("published")
        return version_document(flow.published)
    return version_document(version_of(flow, int(name)))


def _diff(before: Document, after: Document, before_name: str, after_name: str) -> VersionDiff:
    old, new = _meaning(before), _meaning(after)
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
        flow=[path for path in _differing(old, new) if not path.startswith(("nodes", "edges"))],
        text=_text_diff(before, after, before_name, after_name),
    )


def _only_in(edges: list[dict[str, str]], others: list[dict[str, str]]) -> list[dict[str, str]]:
    known = {(edge["from"], edge["to"]) for edge in others}
    return [edge for edge in edges if (edge["from"], edge["to"]) not in known]


def _meaning(document: Document) -> dict[str, Any]:
    return {key: value for key, value in dump(document).items() if key != "layout"}


def _differing(old: Any, new: Any, path: str = "") -> list[str]:
    """Paths of the values that are not the same; a list of another length counts as one."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(key for key in new if key not in old)]
        return [
            found
            for key in keys
            for found in _differing(
                old.get(key, _ABSENT), new.get(key, _ABSENT), f"{path}.{key}" if path else str(key)
            )
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [found for i, (a, b) in pairs for found in _differing(a, b, f"{path}[{i}]")]
    if old is _ABSENT or new is _ABSENT:
        return [path]
    return [] if same(old, new) else [path]


_ABSENT = object()


def _text_diff(before: Document, after: Document, before_name: str, after_name: str) -> str:
    old, new = _yaml_lines(before), _yaml_lines(after)
    if len(old) + len(new) > _TEXT_DIFF_LINES:
        return "The documents are too long for a diff of their text; see what changed by node."
    return "\n".join(difflib.unified_diff(old, new, before_name, after_name, lineterm=""))


def _yaml_lines(document: Document) -> list[str]:
    return dump_yaml(parse(_meaning(document))).splitlines()
