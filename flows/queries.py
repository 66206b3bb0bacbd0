"""Every read of the flows app that is more than a row."""

from collections.abc import Sequence
from uuid import UUID

from accounts.permissions import Actor
from flows.credentials import credential_problems
from flows.differences import VersionDiff, documents_diff
from flows.draft import read_draft
from flows.engine.document import Document, parse
from flows.engine.errors import MAX_PROBLEMS, Problem, limited
from flows.engine.migrate import migrated
from flows.engine.registry import registry
from flows.engine.validate import validate
from flows.hooks import found_problems
from flows.models import Flow, FlowQuerySet, FlowVersion, hides_flows
from flows.organizing_queries import searched, with_tags
from flows.people import assignee_problems
from flows.services import VersionMissing
from fluxprompt.api.paging import DEFAULT_LIMIT, Page, newest_first


def draft_document(flow: Flow) -> Document:
    """The draft as a document."""
    return read_draft(flow)


def flow_problems(flow: Flow) -> list[Problem]:
    """What validation says of the draft; without errors it can be published."""
    return document_problems(read_draft(flow), flow.workspace_id)


def document_problems(document: Document, workspace_id: UUID) -> list[Problem]:
    """What validation says of a document in a workspace: it may name its members and secrets."""
    problems = validate(document, registry())
    if len(problems) > MAX_PROBLEMS:
        return problems
    people = assignee_problems(document, workspace_id)
    secrets = credential_problems(document, workspace_id)
    others = found_problems(document, workspace_id)
    return limited([*problems, *people, *secrets, *others])


def visible_flows(actor: Actor) -> FlowQuerySet:
    """The actor's flows with the published version, but not its document: that may be megabytes."""
    return Flow.objects.visible_to(actor).select_related("published").defer("published__document")


# `visible_to` in SQL, for it is asked before every run: by a query set, whose statement is made
# anew each time, it took 0.66 ms of CPU, not 0.24.
_FIND = """
SELECT f.*, v.number AS published_number
FROM flows_flow f LEFT JOIN flows_flowversion v ON v.id = f.published_id
WHERE f.workspace_id = %s AND {}
"""
_BY_ID, _BY_SLUG = _FIND.format("f.id = %s"), _FIND.format("f.slug = %s")
_SEEN = """AND (f.visibility <> 'private' OR f.created_by_id = %s::uuid OR EXISTS (
  SELECT FROM flows_flowshare s WHERE s.flow_id = f.id AND s.user_id = %s::uuid))
"""


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
    values: list[UUID | str | None] = [actor.workspace_id, wanted]
    if hides_flows(actor):
        statement, values = statement + _SEEN, [*values, actor.person_id, actor.person_id]
    flow = next(iter(Flow.objects.raw(statement, values)), None)
    if flow is not None and flow.published_id is not None:
        number = vars(flow)["published_number"]
        named = {"id": flow.published_id, "flow_id": flow.id, "number": number}
        flow.published = FlowVersion.from_db(flow._state.db, [*named], [*named.values()])
    return flow


def flows_page(
    actor: Actor,
    *,
    search: str = "",
    folders: Sequence[UUID] | None = None,
    tags: Sequence[UUID] = (),
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[Flow]:
    """The actor's flows, last changed first.

    `search` looks into names, descriptions and tags; `folders`: in any of these (empty: in none);
    `tags`: with every one of these.
    """
    rows = with_tags(searched(visible_flows(actor), search), tags)
    if folders is not None:
        rows = rows.filter(folder__in=folders) if folders else rows.filter(folder=None)
    rows = rows.prefetch_related("tags")
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


def version_diff(flow: Flow, before: int | str, after: int | str) -> VersionDiff:
    """How two versions differ; each is a number, "published" or "draft". Layout never counts."""
    return documents_diff(
        named_document(flow, before), named_document(flow, after), str(before), str(after)
    )


def named_document(flow: Flow, name: int | str) -> Document:
    """A version by its number, what is "published", or the "draft". Raises VersionMissing."""
    if name == "draft":
        return read_draft(flow)
    if name == "published":
        if flow.published is None:
            raise VersionMissing("published")
        return version_document(flow.published)
    return version_document(version_of(flow, int(name)))
