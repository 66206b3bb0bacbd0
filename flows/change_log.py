"""The log of a draft's changes: written with each, read by open editors, short at its old end."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.utils import timezone

from accounts.permissions import Actor
from flows.engine.difference import difference, has_loose_ends
from flows.engine.operations import Op
from flows.engine.sizes import compact_size
from flows.models import Flow, FlowChange

JSON = Any
#: Where it is notified that a draft changed, and who looks at it.
CHANNEL = "flux_flows"
#: Changes that are kept for each flow however old they are; of others those of KEPT_FOR.
KEPT = 1_000
KEPT_FOR = timedelta(days=30)
#: Bytes of operations that are kept for each flow, whatever else holds.
KEPT_BYTES = 50_000_000
#: Bytes of one change's operations; larger ones are not kept, and editors read the draft anew.
MAX_BYTES = 1_000_000
#: Changes, and their bytes, that an editor is given to catch up with; behind more it starts anew.
CATCH_UP, CATCH_UP_BYTES = 1_000, 5_000_000
#: Revisions between two looks for what is too old, and rows of one look.
_TIDY_EVERY, _TIDY_ROWS = 50, 200


class TooOld(Exception):
    """The log does not reach back to this revision."""

    code = "too_old"

    def __init__(self) -> None:
        super().__init__(
            "The draft has changed too much since you read it. Read it again, and go on from there."
        )


def log_change(
    actor: Actor,
    flow: Flow,
    *,
    label: str,
    ops: Sequence[Op] | None,
    change_id: UUID | None = None,
    tab: UUID | None = None,
    conflicts: Sequence[Mapping[str, JSON]] = (),
) -> FlowChange:
    """Write the change that made `flow.revision`, and notify who follows the flow.

    The caller holds the flow's row in a transaction and has counted its revision up. `ops` is None
    where they cannot be told: then followers read the draft anew.
    """
    last = flow.changes.order_by("-revision").values_list("written", flat=True).first() or 0
    size = 0 if ops is None else compact_size(ops)
    kept = ops is not None and size <= MAX_BYTES
    change = FlowChange.objects.create(
        flow=flow,
        revision=flow.revision,
        change_id=change_id or uuid4(),
        label=label[:200],
        ops=list(ops) if kept and ops is not None else None,
        conflicts=list(conflicts),
        tab=tab,
        user_id=actor.user_id,
        actor=actor.label[:200],
        written=last + (size if kept else 0) + 200,
    )
    if flow.revision % _TIDY_EVERY == 0:
        tidy(flow, change)
    return change


def log_difference(actor: Actor, flow: Flow, *, label: str, old: JSON, new: JSON) -> FlowChange:
    """As `log_change`, for a write of the whole document: `old` and `new` as `dump` writes them.

    `old` is None where the draft could not be read before. Where operations cannot say what
    changed, none are kept: who follows reads the draft anew.
    """
    told = old is not None and not has_loose_ends(new)
    ops = _with_pins(flow, difference(old, new)) if told else None
    change = log_change(actor, flow, label=label, ops=ops)
    notify(flow.id, {"revision": flow.revision})
    return change


def _with_pins(flow: Flow, ops: list[Op]) -> list[Op]:
    """The operations, with the pins of nodes that are taken out and put back elsewhere."""
    gone = {op["node"] for op in ops if op["op"] == "remove_node"}
    back = {op["node"]["id"] for op in ops if op["op"] == "add_node"} & gone
    if not back:
        return ops
    pins = flow.nodes.filter(key__in=back, pinned__isnull=False).values_list("key", "pinned")
    return [*ops, *({"op": "pin", "node": key, "value": pinned} for key, pinned in pins)]


def notify(flow_id: UUID, news: Mapping[str, JSON]) -> None:
    """Tell every process that follows the flow; with the transaction, if there is one."""
    text = json.dumps({"flow": str(flow_id), **news}, ensure_ascii=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, text])


def tidy(flow: Flow, newest: FlowChange) -> None:
    """Delete some of what is too old or too much: a few hundred rows, the oldest first."""
    oldest = flow.changes.order_by("revision").values_list("id", "revision", "at", "written")
    too_old = timezone.now() - KEPT_FOR
    gone = [
        pk
        for pk, revision, at, written in oldest[:_TIDY_ROWS]
        if (at < too_old and revision <= newest.revision - KEPT)
        or written <= newest.written - KEPT_BYTES
    ]
    if gone:
        FlowChange.objects.filter(pk__in=gone).delete()


def changes_after(flow_id: UUID | str, base: int, revision: int) -> list[FlowChange]:
    """Every change after `base` up to `revision`, the draft's own, in order. Raises TooOld."""
    if base == revision:
        return []
    if not 0 <= revision - base <= CATCH_UP:
        raise TooOld
    rows = FlowChange.objects.filter(flow_id=flow_id, revision__gt=base, revision__lte=revision)
    sizes = list(rows.values_list("written", flat=True))
    if len(sizes) != revision - base or sizes[-1] - sizes[0] > CATCH_UP_BYTES:
        raise TooOld
    changes = list(rows)
    # The oldest may be tidied away between the two reads.
    if len(changes) != len(sizes) or any(change.ops is None for change in changes):
        raise TooOld
    return changes


def change_payload(change: FlowChange) -> dict[str, JSON]:
    """A change as editors are told of it."""
    return {
        "revision": change.revision,
        "id": str(change.change_id),
        "tab": None if change.tab is None else str(change.tab),
        "by": change.actor,
        "label": change.label,
        "ops": change.ops,
        "conflicts": change.conflicts,
    }
