"""The list of flows: searched, filtered, sorted, each with its last run."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, Subquery

from accounts.permissions import Actor
from execution.models import Run, RunStatus
from flows.models import FlowQuerySet
from flows.organizing_queries import searched, with_tags
from flows.queries import visible_flows

#: What may be asked for by state, with the words for it.
STATES = {
    "published": "Published",
    "changed": "Changed since published",
    "draft": "Never published",
    "never_run": "Never run",
    "failed": "Last run failed",
}
#: Orders, with the words for them.
SORTS = {"changed": "Last changed", "name": "Name", "run": "Last run"}


@dataclass(frozen=True)
class Wanted:
    """What a list is asked for. `folders`: any of these; none means those in no folder."""

    search: str = ""
    folders: tuple[UUID, ...] | None = None
    outside: bool = False
    tags: tuple[UUID, ...] = ()
    state: str = ""
    sort: str = "changed"

    @property
    def narrows(self) -> bool:
        return bool(self.search or self.tags or self.state)


def listed_flows(actor: Actor, wanted: Wanted) -> FlowQuerySet:
    """The flows with `last_run_id`, `last_run_status`, `last_run_at` and `node_count`."""
    last = Run.objects.filter(flow=OuterRef("pk")).order_by("-created_at")
    flows = visible_flows(actor)
    flows = with_tags(searched(flows, wanted.search), wanted.tags)
    if wanted.outside:
        flows = flows.filter(folder=None)
    elif wanted.folders is not None:
        flows = flows.filter(folder__in=wanted.folders)
    flows = flows.annotate(
        node_count=Count("nodes"),
        last_run_id=Subquery(last.values("pk")[:1]),
        last_run_status=Subquery(last.values("status")[:1]),
        last_run_at=Subquery(last.values("created_at")[:1]),
    )
    return flows.filter(_in_state(wanted.state)).order_by(*_order(wanted.sort))


def _in_state(state: str) -> Q:
    changed = Q(published_revision=None) | ~Q(published_revision=F("revision"))
    return {
        "published": ~Q(published=None),
        "changed": ~Q(published=None) & changed,
        "draft": Q(published=None),
        "never_run": Q(last_run_id=None),
        "failed": Q(last_run_status__in=(RunStatus.FAILED, RunStatus.TIMED_OUT)),
    }.get(state, Q())


def _order(sort: str) -> tuple[Any, ...]:
    if sort == "name":
        return (F("name").asc(), "pk")
    if sort == "run":
        return (F("last_run_at").desc(nulls_last=True), "-pk")
    return ("-updated_at", "-pk")
