"""Reads of folders and tags: the tree, paths, who is in what, and which flows call which."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.permissions import Actor
from flows.models import (
    Flow,
    FlowQuerySet,
    Folder,
    Node,
    Tag,
    hidden_flows,
    hides_flows,
)

#: Between the names of a path; no folder has it in its name.
SEPARATOR = "/"


@dataclass(frozen=True)
class FolderRow:
    """A folder in the tree. `depth` counts from 1; `flows` are those in it or below it."""

    id: UUID
    name: str
    path: str
    depth: int
    flows: int
    parent: UUID | None


def folder_tree(actor: Actor) -> list[FolderRow]:
    """Every folder of the workspace, each followed by what is in it, by name; one query."""
    rows = Folder.objects.visible_to(actor).annotate(own=_seen_flows(actor))
    inside: dict[UUID | None, list[Folder]] = {}
    for row in rows:
        inside.setdefault(row.parent_id, []).append(row)
    return _below(None, "", 1, inside)


def _below(
    parent: UUID | None, path: str, depth: int, inside: Mapping[UUID | None, list[Folder]]
) -> list[FolderRow]:
    found: list[FolderRow] = []
    for row in sorted(inside.get(parent, ()), key=lambda folder: folder.name.lower()):
        own_path = f"{path}{SEPARATOR}{row.name}" if path else row.name
        below = _below(row.pk, own_path, depth + 1, inside)
        own: int = vars(row)["own"]
        flows = own + sum(folder.flows for folder in below if folder.parent == row.pk)
        found += [FolderRow(row.pk, row.name, own_path, depth, flows, parent), *below]
    return found


def folder_paths(workspace_id: UUID) -> dict[UUID, str]:
    """Each folder's path, such as `Clients/Acme`; one query."""
    rows = {
        row.pk: row
        for row in Folder.objects.filter(workspace_id=workspace_id).only("name", "parent")
    }
    return {key: SEPARATOR.join(_names(row, rows)) for key, row in rows.items()}


def _names(folder: Folder, rows: Mapping[UUID, Folder]) -> list[str]:
    names: list[str] = []
    at: Folder | None = folder
    while at is not None:
        names.insert(0, at.name)
        at = rows.get(at.parent_id) if at.parent_id else None
    return names


def folder_named(actor: Actor, path: str) -> Folder | None:
    """The folder at this path (case does not matter), or None."""
    at: Folder | None = None
    for name in path.split(SEPARATOR):
        found = Folder.objects.visible_to(actor).filter(parent=at, name__iexact=name.strip())
        at = found.first()
        if at is None:
            return None
    return at


def with_folders_below(tree: Sequence[FolderRow], folder: UUID) -> list[UUID]:
    """The folder and all in it, from the tree."""
    inside = {folder}
    for row in tree:
        if row.parent in inside:
            inside.add(row.id)
    return list(inside)


def tags_of(actor: Actor) -> QuerySet[Tag]:
    """The workspace's tags by name, each with `uses`, how many flows have it."""
    return Tag.objects.visible_to(actor).annotate(uses=_seen_flows(actor)).order_by("name")


def _seen_flows(actor: Actor) -> Count:
    """How many flows there are, as far as the actor sees them."""
    return Count("flows", filter=~hidden_flows(actor, "flows") if hides_flows(actor) else None)


def searched(flows: FlowQuerySet, words: str) -> FlowQuerySet:
    """The flows with these words in their name, their description or the name of a tag."""
    if not words:
        return flows
    tagged = Flow.tags.through.objects.filter(tag__name__icontains=words).values("flow_id")
    return flows.filter(
        Q(name__icontains=words) | Q(description__icontains=words) | Q(pk__in=tagged)
    )


def with_tags(flows: FlowQuerySet, tags: Iterable[UUID]) -> FlowQuerySet:
    """The flows that have every one of these tags."""
    for tag in tags:
        flows = flows.filter(pk__in=Flow.tags.through.objects.filter(tag_id=tag).values("flow_id"))
    return flows


def callers_of(actor: Actor, flows: Collection[Flow]) -> dict[UUID, list[str]]:
    """By flow: the names of other flows whose drafts run it as a sub-flow; one query."""
    named = {str(flow.pk): flow.pk for flow in flows} | {flow.slug: flow.pk for flow in flows}
    steps = Node.objects.filter(
        flow__in=Flow.objects.visible_to(actor), type="subflow", config__flow__in=list(named)
    ).select_related("flow")
    found: dict[UUID, list[str]] = {}
    for step in steps.order_by("flow__name"):
        called = named[step.config["flow"]]
        names = found.setdefault(called, [])
        if step.flow_id != called and step.flow.name not in names:
            names.append(step.flow.name)
    return {key: names for key, names in found.items() if names}
