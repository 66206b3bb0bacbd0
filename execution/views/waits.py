"""Until when the waits of a run last, for its page."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min

from execution.models import NodeRun, NodeStatus, Run
from flows.engine.errors import NodeError
from flows.nodes.wait.node import Config, seconds_to_wait

JSON = Any
#: Different waits that are read for a page, those that began first; a map has 1,000 at a time.
WAITS_READ = 1_000


@dataclass(frozen=True)
class End:
    """When a step's wait ends; of `several` inside containers, the one that ends first."""

    until: datetime
    several: bool = False


def ends_of_waits(run: Run, nodes: Collection[str]) -> dict[str, End]:
    """The end of what waits at each of these `wait` nodes. One query, none where there are none.

    Of waits of the same length, or until the same moment, the one that began first ends first.
    """
    if not nodes:
        return {}
    rows = NodeRun.objects.filter(run=run, node__in=nodes, status=NodeStatus.WAITING)
    groups = rows.values("node", "input").annotate(began=Min("started_at"), count=Count("id"))
    ends: dict[str, End] = {}
    for group in groups.order_by("began")[:WAITS_READ]:
        until = _end_of(group["input"], group["began"])
        if until is None:
            continue
        known = ends.get(group["node"])
        ends[group["node"]] = (
            End(min(known.until, until), several=True) if known else End(until, group["count"] > 1)
        )
    return ends


def _end_of(config: JSON, began: datetime | None) -> datetime | None:
    if began is None:
        return None
    try:
        return began + timedelta(seconds=seconds_to_wait(Config.model_validate(config), began))
    except (NodeError, ValueError):
        return None
