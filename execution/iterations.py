"""Reads of what is inside a run's containers: how many iterations are where, and the newest."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Exists, F, Func, JSONField, OuterRef, Value

from execution.models import NodeRun, NodeStatus, Run

JSON = Any
#: Iterations of one step that a page reads at once.
SHOWN = 50


@dataclass
class Inside:
    """What the iterations of one node came to.

    `counts`: state (as `queries.shown_states` names it) → iterations. `ports`: the ports by which
    any of them went on. `items`: how many items a map has in all its openings, None where that is
    not known. The totals count every attempt.
    """

    counts: dict[str, int] = field(default_factory=dict)
    ports: set[str] = field(default_factory=set)
    items: int | None = None
    reused: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)


# One pass over the run's rows without touching inputs and outputs. A failure that is tried again
# has no event; there are few failures, and the event is found by its unique key.
_COUNTS = """
WITH attempts AS (
  SELECT node, path, attempt, status, ports, reused, input_tokens, output_tokens, cost,
    attempt = max(attempt) OVER (PARTITION BY node, path) AS latest
  FROM execution_noderun WHERE run_id = %(run)s AND path <> '[]'::jsonb)
SELECT node,
  CASE WHEN latest AND status = 'failed' AND %(open)s::boolean AND NOT EXISTS (
      SELECT FROM execution_runevent AS event WHERE event.run_id = %(run)s AND event.key =
        'finished:' || attempts.node || ':' || attempts.path::text || ':' || attempts.attempt)
    THEN 'retrying' ELSE status END,
  ports, count(*) FILTER (WHERE latest), count(*) FILTER (WHERE latest AND reused),
  sum(input_tokens), sum(output_tokens), sum(cost)
FROM attempts GROUP BY 1, 2, 3
"""

# A list that is stored by reference says how long it is while the map is open.
_ITEMS = """
SELECT node, sum(items) FROM (
  SELECT DISTINCT ON (node, path) node, CASE jsonb_typeof(input->'items') WHEN 'array'
    THEN jsonb_array_length(input->'items') ELSE (input->'items'->>'length')::int END AS items
  FROM execution_noderun WHERE run_id = %s AND type = 'map' ORDER BY node, path, attempt DESC
) AS opened GROUP BY node HAVING bool_and(items IS NOT NULL)
"""


def inside_of(run: Run) -> dict[str, Inside]:
    """What is inside the run's containers, by node; also the maps themselves. Two queries."""
    found: dict[str, Inside] = {}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"run": run.id, "open": not run.ended})
        for node, state, ports, count, reused, *used in cursor.fetchall():
            inside = found.setdefault(node, Inside())
            if count:
                inside.counts[state] = inside.counts.get(state, 0) + count
            inside.ports.update(_names(ports))
            inside.reused += reused
            inside.input_tokens += int(used[0])
            inside.output_tokens += int(used[1])
            inside.cost += used[2]
        cursor.execute(_ITEMS, [run.id])
        for node, items in cursor.fetchall():
            found.setdefault(node, Inside()).items = int(items)
    return found


def _names(ports: JSON) -> list[str]:
    # A raw cursor gives JSON as it is written.
    if isinstance(ports, str):
        ports = json.loads(ports)
    return ports or []


def iterations_of(
    run: Run, node: str, *, failed: bool = False, number: int | None = None
) -> Sequence[NodeRun]:
    """The newest iterations of a node inside containers, at most SHOWN, each by its last attempt.

    `failed`: only those that failed. `number`: only items or rounds of this number (from 0) of the
    container the node is in. Without what went in and came out.
    """
    later = NodeRun.objects.filter(
        run=run, node=node, path=OuterRef("path"), attempt__gt=OuterRef("attempt")
    )
    rows = NodeRun.objects.filter(run=run, node=node).exclude(path=[]).filter(~Exists(later))
    if failed:
        rows = rows.filter(status=NodeStatus.FAILED)
    if number is not None:
        last = Func(F("path"), Value(-1), arg_joiner=" -> ", template="(%(expressions)s)")
        last.output_field = JSONField()
        rows = rows.annotate(number=last).filter(number=number)
    return list(rows.defer("input", "output").order_by("-id")[:SHOWN])


def iteration(run: Run, node: str, path: list[str | int]) -> Sequence[NodeRun]:
    """Every attempt of a node in one iteration (`path` empty: outside of containers)."""
    return list(NodeRun.objects.filter(run=run, node=node, path=path).order_by("attempt"))
