"""Holds runs to their budgets: asked before every call that costs money.

What a run may spend counts for all that it starts: a sub-flow's run also counts against every run
above it. A call in flight is not cut off, so a budget may be passed by what is under way.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from django.db import connection

from billing.prices import price
from execution.results import Spent
from flows.engine.errors import NodeError


def check_budget(run_id: str, spent: Sequence[Spent]) -> None:
    """Refuse a call for which no budget is left. Database work; at once for a run without one.

    `spent` is what the attempt has used so far, which is booked with its end only. Raises NodeError
    `budget_exceeded`.
    """
    limits = _limits(run_id)
    if not limits:
        return
    booked = _booked(list(limits))
    under_way = sum((price(item.model, item.usage).cost for item in spent), Decimal(0))
    for run, limit in limits.items():
        used = booked.get(run, Decimal(0)) + under_way
        if used >= limit:
            raise _exceeded(own=str(run) == run_id, run=run, used=used, limit=limit)


_LIMITS = """
SELECT id, budget FROM execution_run WHERE budget IS NOT NULL AND id IN (
  SELECT %s::uuid UNION
  SELECT jsonb_array_elements_text(lineage)::uuid FROM execution_run WHERE id = %s::uuid)
"""


@lru_cache(maxsize=4096)
def _limits(run_id: str) -> Mapping[UUID, Decimal]:
    """The budgets of a run and of those above it, which never change once it has started."""
    with connection.cursor() as cursor:
        cursor.execute(_LIMITS, [run_id, run_id])
        return dict(cursor.fetchall())


# A walk by the index of parents: an index of whole lineages would be written with every sub-run.
# What has ended is in the totals of the run above (ending.py).
_BOOKED = """
WITH RECURSIVE tree (id, top, cost) AS (
  SELECT id, id, cost FROM execution_run WHERE id = ANY(%s::uuid[])
  UNION ALL
  SELECT sub.id, tree.top, sub.cost FROM execution_run sub JOIN tree ON sub.parent_id = tree.id
  WHERE sub.status NOT IN ('succeeded', 'failed', 'cancelled', 'timed_out'))
SELECT top, sum(cost) FROM tree GROUP BY top
"""


def _booked(runs: list[UUID]) -> dict[UUID, Decimal]:
    """What each of these runs has cost so far, with all runs below it."""
    with connection.cursor() as cursor:
        cursor.execute(_BOOKED, [runs])
        return dict(cursor.fetchall())


def _exceeded(*, own: bool, run: UUID, used: Decimal, limit: Decimal) -> NodeError:
    whose = "The run" if own else f"The run {run}, which started this one,"
    message = (
        f"{whose} has spent {used.normalize():f} USD of its budget of {limit.normalize():f} USD, "
        "so no model is asked any more. Raise settings.budget of the flow, ask for less, or take a "
        "cheaper model."
    )
    details = {"spent": format(used, "f"), "budget": format(limit, "f")}
    return NodeError("budget_exceeded", message, details=details)
