"""Reads of what was used and what it cost."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncDay

from accounts.permissions import Actor
from billing.models import UsageRecord
from flows.models import hidden_flows, hides_flows


@dataclass(frozen=True)
class UsageTotal:
    """Tokens and US dollars of one group. `key` is its id, `label` what a person reads."""

    key: str
    label: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: Decimal


@dataclass(frozen=True)
class _Grouping:
    """The columns a grouping needs, and how a row of them becomes (key, label)."""

    columns: tuple[str, ...]
    name: Callable[[dict[str, Any]], tuple[str, str]]


def _named(key: str, name: str, missing: str) -> Callable[[dict[str, Any]], tuple[str, str]]:
    return lambda row: (str(row[key] or ""), row[name] or missing)


GROUPINGS: dict[str, _Grouping] = {
    "flow": _Grouping(("flow_id", "flow__name"), _named("flow_id", "flow__name", "deleted flow")),
    "node": _Grouping(
        ("flow_id", "flow__name", "node"),
        lambda row: (
            f"{row['flow_id'] or ''}/{row['node']}",
            f"{row['flow__name'] or 'deleted flow'}: {row['node']}",
        ),
    ),
    "model": _Grouping(("model",), lambda row: (row["model"], row["model"])),
    "day": _Grouping(
        ("day",), lambda row: (row["day"].date().isoformat(), row["day"].date().isoformat())
    ),
    "key": _Grouping(
        ("api_key_id", "api_key__name"), _named("api_key_id", "api_key__name", "no key")
    ),
}


class UnknownGrouping(ValueError):
    """A `group_by` that does not exist."""

    code = "unknown_grouping"


def usage_totals(
    actor: Actor, *, since: datetime | None, until: datetime | None, group_by: str
) -> list[UsageTotal]:
    """Totals of the workspace in [since, until), the dearest first; days in UTC, newest first.

    Without what private flows used that the actor does not see.
    """
    actor.require("usage.read")
    grouping = GROUPINGS.get(group_by)
    if grouping is None:
        raise UnknownGrouping(f"group_by is one of {', '.join(GROUPINGS)}, not '{group_by}'.")
    records = _within(actor, since, until)
    if group_by == "day":
        records = records.annotate(day=TruncDay("at"))
    rows = (
        records.values(*grouping.columns)
        .annotate(
            calls=Count("id"),
            total_input=Sum("input_tokens"),
            total_output=Sum("output_tokens"),
            total_cost=Sum("cost"),
        )
        .order_by("-day" if group_by == "day" else "-total_cost", *grouping.columns)
    )
    return [
        UsageTotal(
            *grouping.name(row),
            calls=row["calls"],
            input_tokens=row["total_input"],
            output_tokens=row["total_output"],
            cost=row["total_cost"],
        )
        for row in rows
    ]


def _within(
    actor: Actor, since: datetime | None, until: datetime | None
) -> QuerySet[UsageRecord, Any]:
    records = UsageRecord.objects.filter(workspace_id=actor.workspace_id)
    if hides_flows(actor):
        records = records.exclude(hidden_flows(actor))
    if since is not None:
        records = records.filter(at__gte=since)
    if until is not None:
        records = records.filter(at__lt=until)
    return records
