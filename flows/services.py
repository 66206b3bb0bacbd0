"""Every write of the flows app: drafts, versions, examples."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.text import slugify

from accounts.models import Workspace
from accounts.operators.plans import PlanLimitReached, limits_of
from accounts.permissions import Actor
from accounts.services import audit
from flows.catalogue import catalogue
from flows.change_log import log_change, log_difference, notify
from flows.draft import read_draft, write_draft, write_head
from flows.engine.document import SCHEMA, Document, admit, digest, dump, parse
from flows.engine.errors import DocumentInvalid
from flows.engine.migrate import migrated
from flows.engine.registry import registry
from flows.engine.validate import validate
from flows.hooks import deletion_refusal
from flows.models import FileFlow, Flow, FlowVersion
from flows.sharing import FlowGone as FlowGone
from flows.sharing import require_on
from flows.switched_off import switched_off_problems

type Source = Document | str | bytes | Mapping[str, Any]

SLUG_LENGTH = 80
#: Names that are addresses of the API beside a flow's own.
_RESERVED_SLUGS = frozenset({"validate", "new", "import"})
_LOOKS_LIKE_ID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
_SLUG_TRIES = 5


class StaleRevision(Exception):
    """Someone else changed the draft since it was read; `current` is its revision now."""

    code = "stale_revision"

    def __init__(self, expected: int, current: int) -> None:
        super().__init__(
            f"The draft is at revision {current}, not {expected}: it was changed since you read "
            "it. Read it again, then write."
        )
        self.expected = expected
        self.current = current


class FlowInUse(Exception):
    """The flow cannot be deleted now; the message says why."""

    code = "flow_in_use"


class VersionMissing(Exception):
    """The flow has no version of this number."""

    code = "version_missing"

    def __init__(self, number: int | str) -> None:
        super().__init__(f"This flow has no version {number}.")


def create_flow(
    actor: Actor,
    *,
    name: str | None = None,
    document: Source | None = None,
    slug: str | None = None,
) -> Flow:
    """A new flow with this document as its draft, else with a small one to start from.

    `name` wins over the document's; `slug` is the address wished for. Raises DocumentInvalid
    where the document cannot be read; a document with other problems is kept as it is.
    PlanLimitReached where the plan allows no more flows.
    """
    actor.require("flow.create")
    draft = _document(starter(name or "Untitled flow") if document is None else document)
    with transaction.atomic():
        _check_number(actor.workspace_id)
        flow = _new_row(actor, name or draft.name, slug)
        write_draft(flow, draft, name=name)
        flow.save(update_fields=["name", "description", "settings"])
        audit(actor, "flow.create", flow, name=flow.name)
    return flow


def _check_number(workspace_id: UUID) -> None:
    """How many flows its plan allows; held, so that two at once do not both take the last."""
    limits = limits_of(workspace_id)
    if limits.max_flows is None:
        return
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace_id)
    if Flow.objects.filter(workspace_id=workspace_id).count() >= limits.max_flows:
        flows = "1 flow" if limits.max_flows == 1 else f"{limits.max_flows:,} flows"
        raise PlanLimitReached(
            "flows",
            f"The plan '{limits.plan}' of this workspace allows {flows}. Delete one, or ask for a "
            "larger plan.",
        )


def _document(source: Source) -> Document:
    return source if isinstance(source, Document) else admit(source)  # type: ignore[arg-type]


def starter(name: str) -> dict[str, Any]:
    """The document of a flow that was only given a name: it hands its text on."""
    field = {"name": "text", "type": "text", "required": True}
    return {
        "schema": SCHEMA,
        "name": name,
        "nodes": [
            {"id": "start", "type": "input", "label": "Start", "config": {"fields": [field]}},
            {"id": "result", "type": "output", "config": {"value": "{{ start.text }}"}},
        ],
        "edges": [{"from": "start", "to": "result"}],
        "layout": {"start": {"x": 0, "y": 0}, "result": {"x": 330, "y": 0}},
    }


def _new_row(actor: Actor, name: str, slug: str | None) -> Flow:
    """The row with a slug of its own; two who want the same slug at once both get one."""
    for _ in range(_SLUG_TRIES):
        try:
            with transaction.atomic():
                return Flow.objects.create(
                    workspace_id=actor.workspace_id,
                    name=name[:200],
                    slug=_free_slug(actor.workspace_id, slug or name),
                    created_by_id=actor.person_id,
                )
        except IntegrityError as error:
            if "flow_slug_once" not in str(error):
                raise
    raise IntegrityError(f"no free address was found for '{name[:60]}'")


def _free_slug(workspace_id: UUID, name: str) -> str:
    base = slugify(name)[: SLUG_LENGTH - 10].strip("-_") or "flow"
    if base in _RESERVED_SLUGS or _LOOKS_LIKE_ID.fullmatch(base):
        base = f"flow-{base}"
    taken = set(
        Flow.objects.filter(workspace_id=workspace_id, slug__startswith=base).values_list(
            "slug", flat=True
        )
    )
    if base not in taken:
        return base
    number = 2
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"


def held_flow(actor: Actor, flow: Flow, *, to_delete: bool = False) -> Flow:
    """The flow's row as it is now, held until the transaction ends; only of the actor's own.

    Runs of it can start meanwhile, unless it is held `to_delete`. Raises FlowGone.
    """
    rows = Flow.objects.select_for_update(no_key=not to_delete)
    held = rows.filter(pk=flow.pk, workspace_id=actor.workspace_id).first()
    if held is None:
        raise FlowGone
    return held


def replace_draft(
    actor: Actor,
    flow: Flow,
    document: Source,
    *,
    expected_revision: int | None = None,
    label: str = "Replace the document",
) -> Flow:
    """Make this document the draft. An equal one changes nothing, not even the revision.

    `label` is what people read of it among the draft's changes. Raises StaleRevision where
    `expected_revision` is not the draft's, DocumentInvalid where the document cannot be read.
    """
    require_on(actor, "flow.edit", flow)
    draft = _document(document)
    with transaction.atomic():
        held = held_flow(actor, flow)
        if expected_revision is not None and held.revision != expected_revision:
            raise StaleRevision(expected_revision, held.revision)
        before = _as_seen(held)
        if write_draft(held, draft):
            held.revision += 1
            held.save(
                update_fields=[
                    *("name", "description", "settings"),
                    *("revision", "draft_bytes", "updated_at"),
                ]
            )
            after = dump(migrated(draft, registry()))
            log_difference(actor, held, label=label, old=before, new=after)
            audit(actor, "flow.edit", held, revision=held.revision)
    return held


def _as_seen(flow: Flow) -> dict[str, Any] | None:
    """The draft as editors have it; None where rows say what no document can."""
    try:
        return dump(read_draft(flow))
    except DocumentInvalid:
        return None


def keep_for_file(actor: Actor, document: Document) -> Flow:
    """The flow that keeps the runs of a file, its draft this document; made where there is none.

    Never one that somebody else made or has edited since. Its draft is for looking at: another
    file of the same name may replace it at any time, so run the document itself.
    """
    with transaction.atomic():
        # Two commands at once for files of one name make one flow.
        Workspace.objects.select_for_update(no_key=True).get(pk=actor.workspace_id)
        names: dict[str, Any] = {"workspace_id": actor.workspace_id, "name": document.name}
        rows = FileFlow.objects.select_for_update(no_key=True).select_related("flow")
        kept = rows.filter(**names).first()
        if kept is not None and kept.flow.revision == kept.revision:
            flow = replace_draft(actor, kept.flow, document)
        else:
            flow = create_flow(actor, document=document, slug=f"file-{document.name}")
        FileFlow.objects.update_or_create(
            **names, defaults={"flow": flow, "revision": flow.revision}
        )
    return flow


def update_flow(
    actor: Actor, flow: Flow, *, name: str | None = None, description: str | None = None
) -> Flow:
    """Change what the flow is called; both are part of its document."""
    require_on(actor, "flow.edit", flow)
    with transaction.atomic():
        held = held_flow(actor, flow)
        changed = write_head(
            held,
            name=held.name if name is None else name,
            description=held.description if description is None else description,
        )
        if changed:
            held.revision += 1
            held.save(update_fields=[*changed, "revision", "updated_at"])
            ops = [{"op": "set_flow", "path": [n], "value": getattr(held, n)} for n in changed]
            log_change(actor, held, label="Rename the flow", ops=ops)
            notify(held.id, {"revision": held.revision})
            audit(actor, "flow.edit", held, revision=held.revision, fields=changed)
    return held


def delete_flow(actor: Actor, flow: Flow) -> None:
    """Delete the flow with its versions and runs. Raises FlowInUse while a run is open."""
    require_on(actor, "flow.delete", flow)
    with transaction.atomic():
        held = held_flow(actor, flow, to_delete=True)
        if reason := deletion_refusal(held):
            raise FlowInUse(reason)
        audit(actor, "flow.delete", held, name=held.name, slug=held.slug)
        held.delete()


def publish_flow(actor: Actor, flow: Flow, *, note: str = "") -> FlowVersion:
    """Freeze the draft as the version that runs; an unchanged draft gives the current version.

    Raises DocumentInvalid with every problem where validation finds an error.
    """
    require_on(actor, "flow.publish", flow)
    with transaction.atomic():
        held = held_flow(actor, flow)
        draft = read_draft(held)
        problems = validate(draft, registry())
        problems += switched_off_problems(draft, held.workspace_id)
        if any(problem.severity == "error" for problem in problems):
            raise DocumentInvalid(problems)
        meaning = digest(draft)
        held.published_revision = held.revision
        if held.published is not None and held.published.digest == meaning:
            held.save(update_fields=["published_revision"])
            return held.published
        last = held.versions.aggregate(last=Max("number"))["last"] or 0
        version = held.versions.create(
            number=last + 1,
            document=dump(draft),
            digest=meaning,
            note=note[:200],
            # Of a key, who made it: it is by their rights that it calls private flows.
            created_by_id=actor.person_id,
        )
        held.published = version
        held.save(update_fields=["published", "published_revision", "updated_at"])
        audit(actor, "flow.publish", held, number=version.number, digest=meaning)
    return version


def restore_version(actor: Actor, flow: Flow, number: int) -> Flow:
    """Make an earlier version the draft again; nothing is published by it."""
    require_on(actor, "flow.edit", flow)
    version = flow.versions.filter(number=number).first()
    if version is None:
        raise VersionMissing(number)
    with transaction.atomic():
        label = f"Restore version {number}"
        restored = replace_draft(actor, flow, version.document, label=label)
        audit(actor, "flow.restore", restored, number=number)
    return restored


def load_examples(actor: Actor) -> list[Flow]:
    """The examples for a start that the workspace does not have yet, created and published."""
    present = set(
        Flow.objects.filter(workspace_id=actor.workspace_id).values_list("name", flat=True)
    )
    made = []
    for entry in catalogue():
        if not entry.starter:
            continue
        document = parse(entry.file.read_text())
        if document.name in present:
            continue
        flow = create_flow(actor, document=document)
        publish_flow(actor, flow, note="Example")
        made.append(flow)
    return made
