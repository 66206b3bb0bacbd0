"""The document a run is pinned to, prepared once per version: versions never change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.permissions import Actor
from execution.errors import NotPublished
from execution.models import Run, Snapshot
from execution.parts_of_flows import carried_out, given_outputs
from flows.engine.attempts import evaluated_of
from flows.engine.document import Document, digest, dump, parse
from flows.engine.errors import DocumentInvalid
from flows.engine.expressions import references
from flows.engine.migrate import migrated, migration
from flows.engine.part_of import NoSuchNode
from flows.engine.registry import registry
from flows.engine.sizes import json_size
from flows.engine.validate import validate
from flows.models import Flow, FlowVersion
from flows.queries import draft_document

JSON = Any
type Wanted = str | int | Document
#: Bytes of a document that travels with the start; a larger one is fetched by the workflow.
DOCUMENT_LIMIT = 262_144
#: A snapshot that was used within this time is not marked as used again.
USED_LATELY = timedelta(hours=1)
DEFAULT_TIMEOUT_SECONDS = 3_600.0


@dataclass(frozen=True)
class Pinned:
    """What starting a run needs to know of a document."""

    fields: tuple[Mapping[str, JSON], ...]
    document: Mapping[str, JSON] | None
    reads_variables: bool
    timeout_seconds: float
    inline: bool = False
    budget: Decimal | None = None
    concurrency: int | None = None
    types: frozenset[str] = frozenset()
    version_id: UUID | None = None
    snapshot_id: UUID | None = None

    def whole_document(self) -> Mapping[str, JSON]:
        """The document, also where it is too large to travel."""
        if self.document is not None:
            return self.document
        if self.version_id is not None:
            version = FlowVersion.objects.values_list("document", flat=True)
            return dict(version.get(id=self.version_id))
        assert self.snapshot_id is not None
        return dict(Snapshot.objects.values_list("document", flat=True).get(id=self.snapshot_id))


def pin(
    actor: Actor, flow: Flow, version: Wanted, options: Mapping[str, JSON] | None = None
) -> Pinned:
    """The document for a run: "published", "draft", a version's number, or a document itself.

    Of a draft or document only the configs of nodes have to be right that a run with these
    `options` carries out. Raises NotPublished, and DocumentInvalid for a draft or document with
    errors, and for a version with a node that cannot be brought to its type's version here.
    """
    if isinstance(version, Document):
        return _pin_document(actor, version, options or {})
    if version == "draft":
        return _pin_document(actor, draft_document(flow), options or {})
    if version == "published":
        if flow.published_id is None:
            raise NotPublished(
                f"The flow '{flow.name}' is not published. Publish it, or run its draft."
            )
        return _pin_version(flow.published_id)
    number = FlowVersion.objects.filter(flow=flow, number=version).values_list("id", flat=True)
    if not number:
        raise NotPublished(f"The flow '{flow.name}' has no version {version}.")
    return _pin_version(number[0])


@lru_cache(maxsize=512)
def _pin_version(version_id: UUID) -> Pinned:
    document = parse(FlowVersion.objects.values_list("document", flat=True).get(id=version_id))
    return _prepare(_migrated(document), version_id=version_id)


def pin_again(run: Run) -> Pinned:
    """What a recorded run was pinned to."""
    if run.version_id is not None:
        return _pin_version(run.version_id)
    assert run.snapshot is not None, "a run is pinned to a version or a snapshot"
    return _prepare(_migrated(parse(run.snapshot.document)), snapshot_id=run.snapshot.id)


def _pin_document(actor: Actor, document: Document, options: Mapping[str, JSON]) -> Pinned:
    found = validate(document, registry(), nodes=_looked_at(document, options))
    errors = [item for item in found if item.severity == "error"]
    if errors:
        raise DocumentInvalid(errors)
    migrated_here = migrated(document, registry())
    return _prepare(migrated_here, snapshot_id=_snapshot(actor.workspace_id, document))


def _looked_at(document: Document, options: Mapping[str, JSON]) -> set[str] | None:
    """The nodes that a run will evaluate; None: all."""
    if not options:
        return None
    try:
        part = carried_out(document, dict(options))
    except NoSuchNode:
        return None  # the options are refused, once it is known that the document is one
    runs = {node.id for node in part.nodes if not node.disabled}
    return runs - given_outputs(dict(options)).keys()


def _snapshot(workspace_id: UUID, document: Document) -> UUID:
    """The id of the document's snapshot, which stays for a day at least: a run will name it."""
    while True:
        snapshot, created = Snapshot.objects.get_or_create(
            workspace_id=workspace_id,
            digest=digest(document),
            defaults={"document": dump(document)},
        )
        now = timezone.now()
        if created or snapshot.used_at > now - USED_LATELY:
            return snapshot.id
        if Snapshot.objects.filter(id=snapshot.id).update(used_at=now):
            return snapshot.id
        # It was unused and was dropped in between.


def _migrated(document: Document) -> Document:
    """A stored document as it can be run here. Raises DocumentInvalid."""
    document, problems = migration(document, registry())
    if problems:
        raise DocumentInvalid(problems)
    return document


def _prepare(
    document: Document, *, version_id: UUID | None = None, snapshot_id: UUID | None = None
) -> Pinned:
    plain = {name: value for name, value in dump(document).items() if name != "layout"}
    fields: list[Mapping[str, JSON]] = next(
        (node.config.get("fields", []) for node in document.nodes if node.type == "input"), []
    )
    return Pinned(
        fields=tuple(fields),
        document=plain if json_size(plain) <= DOCUMENT_LIMIT else None,
        reads_variables=any(
            reference.root == "vars"
            for node in document.nodes
            for reference in references(evaluated_of(node))
        ),
        timeout_seconds=_timeout(document),
        inline=document.settings.execution == "inline",
        budget=Decimal(budget) if (budget := document.settings.budget) is not None else None,
        concurrency=document.settings.concurrency,
        types=frozenset(node.type for node in document.nodes),
        version_id=version_id,
        snapshot_id=snapshot_id,
    )


def _timeout(document: Document) -> float:
    return float(document.settings.timeout_seconds or DEFAULT_TIMEOUT_SECONDS)
