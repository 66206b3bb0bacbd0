"""Reads of the steps that nodes work in: what they used, and those of one node in order."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from execution.models import NodeRun, Run
from flows.engine.registry import registry

JSON = Any
#: Steps of one node that a page shows: the newest.
SHOWN = 100


@dataclass(frozen=True)
class Used:
    """What the steps of a node used, those of all its items together."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    model: str = ""


_USED = """
SELECT path->>-2, sum(input_tokens), sum(output_tokens), sum(cost), max(model)
FROM execution_noderun
WHERE run_id = %s AND left(node, 1) = '.' GROUP BY 1
"""


def is_step(node: str) -> bool:
    """Whether a row of this name is of a step inside a node; no node of a document can be."""
    return node.startswith(".")


def works_in_steps(node_type: str) -> bool:
    """Whether nodes of this type work in steps of their own."""
    found = registry().get(node_type)
    return found is not None and found.has_steps


def used_by_steps(run: Run) -> dict[str, Used]:
    """What nodes that work in steps have used, by node: their own rows say nothing of it."""
    with connection.cursor() as cursor:
        cursor.execute(_USED, [run.id])
        return {
            node: Used(int(given), int(made), cost, model or "")
            for node, given, made, cost, model in cursor.fetchall()
        }


def add_used(usage: dict[str, JSON], used: Used | None) -> None:
    """Count what the steps of a node used to its usage as the API shows it."""
    if used is not None:
        usage["input_tokens"] += used.input_tokens
        usage["output_tokens"] += used.output_tokens
        usage["cost"] = format(Decimal(usage["cost"]) + used.cost, ".8f")
        usage["model"] = usage["model"] or used.model or None


def steps_of_node(run: Run, node: str, path: Sequence[str | int]) -> list[NodeRun]:
    """The newest steps of a node at a path, each by its last attempt, in order; at most SHOWN."""
    rows = NodeRun.objects.filter(run=run).extra(
        where=["path - -1 = %s::jsonb", "left(node, 1) = '.'"],
        params=[json.dumps([*path, node])],
        select={"number": "(path->>-1)::integer"},
    )
    latest: dict[tuple[int, str], NodeRun] = {}
    for row in rows.order_by("-number", "-attempt")[: 4 * SHOWN]:
        latest.setdefault((int(row.path[-1]), row.node), row)
    newest = sorted(latest.items())[-SHOWN:]
    return [row for _, row in newest]
