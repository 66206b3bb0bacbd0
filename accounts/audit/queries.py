"""Reads of the audit trail: filtered, page by page, and all of it for a file."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Cast
from django.urls import reverse

from accounts.models import AuditEvent
from accounts.permissions import Actor
from fluxprompt.api.paging import newest_first

#: Events that are read at once for a file.
PIECE = 500
#: Kinds of objects that have a page, and its route.
_PAGES = {
    "accounts.apikey": "settings-key",
    "accounts.credential": "credential-detail",
    "execution.run": "run-detail",
    "flows.flow": "flow-detail",
    "knowledge.collection": "collection-detail",
}
#: Letters of a filter.
LONGEST = 200


@dataclass(frozen=True)
class AuditFilter:
    """Which events; what is empty does not matter.

    `person` is a part of the actor's name, `action` an action or its beginning (`credential`),
    `target` an id or a type of object, `search` words that all stand somewhere in the event.
    """

    person: str = ""
    action: str = ""
    target: str = ""
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""

    def as_details(self) -> dict[str, str]:
        """What is set, for the event that an export writes."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(value) for name, value in values.items() if value}


def audit_events(actor: Actor, wanted: AuditFilter) -> QuerySet[AuditEvent]:
    """Events of the actor's workspace. Raises PermissionRefused."""
    actor.require("audit.read")
    rows = AuditEvent.objects.filter(workspace_id=actor.workspace_id)
    if wanted.person:
        rows = rows.filter(Q(actor__icontains=wanted.person) | Q(via__startswith=wanted.person))
    if wanted.action:
        rows = rows.filter(Q(action=wanted.action) | Q(action__startswith=f"{wanted.action}."))
    if wanted.target:
        rows = rows.filter(Q(target_id=wanted.target) | Q(target_type__iendswith=wanted.target))
    if wanted.since is not None:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(at__lt=wanted.until)
    if words := wanted.search.split():
        rows = rows.annotate(said=Cast("details", models.TextField()))
        for word in words[:10]:
            rows = rows.filter(
                Q(said__icontains=word)
                | Q(actor__icontains=word)
                | Q(action__icontains=word)
                | Q(target_type__icontains=word)
                | Q(target_id__icontains=word)
                | Q(ip__startswith=word)
            )
    return rows


def actions_seen(actor: Actor) -> list[str]:
    """The actions that the workspace's events have and their groups, to choose from."""
    rows = audit_events(actor, AuditFilter()).order_by("action")
    seen = set(rows.values_list("action", flat=True).distinct()[:200])
    return sorted(seen | {action.partition(".")[0] for action in seen})


@dataclass(frozen=True)
class Line:
    """An event as the page tells it: `name` and `kind` of what it was done to, and its page."""

    event: AuditEvent
    name: str
    kind: str
    page: str | None


def as_line(event: AuditEvent) -> Line:
    """An event in words. What an event deleted, and what has no page, is not linked."""
    given = (event.details.get(word) for word in ("name", "email", "named"))
    name = next((str(word) for word in given if word), "")
    try:
        kind = str(apps.get_model(event.target_type)._meta.verbose_name)
    except (LookupError, ValueError):  # a kind of an earlier release, or none
        kind = event.target_type
    route = None if event.action.endswith(".delete") else _PAGES.get(event.target_type)
    return Line(event, name, kind, reverse(route, args=[event.target_id]) if route else None)


def in_pieces(rows: QuerySet[AuditEvent]) -> Iterator[list[AuditEvent]]:
    """All of it, newest first, a few hundred at a time; what comes meanwhile is left out."""
    cursor: str | None = None
    while True:
        page = newest_first(rows, by="at", limit=PIECE, cursor=cursor)
        yield page.results
        cursor = page.next
        if cursor is None:
            return


def event_payload(event: AuditEvent) -> dict[str, Any]:
    """An event as the API and files have it."""
    return {
        "id": str(event.id),
        "at": event.at.isoformat(),
        "actor": event.actor,
        "user": str(event.user_id) if event.user_id else None,
        "via": event.via,
        "ip": event.ip,
        "action": event.action,
        "target_type": event.target_type,
        "target_id": event.target_id,
        "details": event.details,
    }
