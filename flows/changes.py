"""Change a draft step by step: what editors send is applied to the rows it names, and logged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.permissions import Actor
from accounts.services import audit
from flows.change_log import change_payload, changes_after, log_change, notify
from flows.change_rules import Rules, WholeRefused
from flows.conflicts import Others
from flows.draft import read_draft
from flows.draft_rows import DraftRows, size_of_draft
from flows.engine.document import MAX_BYTES, dump
from flows.engine.errors import DocumentInvalid
from flows.engine.operations import Op
from flows.engine.patch import OperationRefused
from flows.models import Flow, FlowChange
from flows.services import FlowGone, held_flow
from flows.sharing import require_on

JSON = Any
#: Bytes of a document that its name, description and settings may take; they are not counted.
_HEAD_BYTES = 50_000
#: How often a draft is read without holding it, hoping that nobody changes it meanwhile.
_FREE_READS = 3


@dataclass(frozen=True)
class Change:
    """What somebody did: operations (`flows.engine.operations`) under one label for people."""

    id: UUID
    label: str
    ops: Sequence[Op]


@dataclass(frozen=True)
class Outcome:
    """What came of some changes: the draft's revision, every change after the sender's base (in
    order, own ones included), and the changes that were refused as a whole with their conflicts.
    """

    revision: int
    applied: list[dict[str, JSON]]
    refused: list[dict[str, JSON]] = field(default_factory=list)


def change_draft(
    actor: Actor,
    flow: Flow,
    *,
    tab: UUID,
    base: int,
    changes: Sequence[Change],
    earlier_tabs: Sequence[UUID] = (),
) -> Outcome:
    """Apply changes that were made to the draft as it was at revision `base`.

    Each is applied to the draft as it is now and makes one revision; one whose id is known was
    applied before and is only answered; without changes nothing is applied, and reading is enough.
    `earlier_tabs` are those whose changes the sender took over: what they sent is no conflict.
    Raises FlowGone, TooOld (nothing was applied).
    """
    require_on(actor, "flow.edit" if changes else "flow.read", flow)
    if not changes:
        read = _found_flow(actor, flow)
        since = changes_after(read.id, base, read.revision)
        return Outcome(read.revision, [change_payload(row) for row in since])
    with transaction.atomic():
        held = held_flow(actor, flow)
        since = changes_after(held.id, base, held.revision)
        known = _known(held, changes)
        new = [change for change in changes if change.id not in known]
        work = _Work(actor, held, tab, Others(since, {tab, *earlier_tabs}), new)
        for change in new:
            if change.id not in work.done:
                work.apply(change)
        work.finish()
    early = sorted((row for row in known.values() if row.revision <= base), key=_revision)
    applied = [change_payload(row) for row in (*early, *since, *work.logged)]
    return Outcome(held.revision, applied, work.refused)


def _found_flow(actor: Actor, flow: Flow) -> Flow:
    """The flow's row as it is now, not held. Raises FlowGone."""
    found = Flow.objects.filter(pk=flow.pk, workspace_id=actor.workspace_id).first()
    if found is None:
        raise FlowGone
    return found


def draft_state(actor: Actor, flow: Flow) -> dict[str, JSON]:
    """What an editor starts from: the revision, its document as `dump` writes it, and the pins.

    All of one moment: read again where the revision changed meanwhile, and in the end with the
    row held. Raises FlowGone.
    """
    require_on(actor, "flow.read", flow)
    for _ in range(_FREE_READS):
        found = _found_flow(actor, flow)
        try:
            state = _state(found)
        except DocumentInvalid:
            break  # perhaps half of it was of another revision
        if _found_flow(actor, flow).revision == found.revision:
            return state
    with transaction.atomic():
        return _state(held_flow(actor, flow))


def _state(flow: Flow) -> dict[str, JSON]:
    document = dump(read_draft(flow))
    pins = flow.nodes.filter(pinned__isnull=False).values_list("key", "pinned")
    return {"revision": flow.revision, "document": document, "pins": dict(pins)}


def _known(flow: Flow, changes: Sequence[Change]) -> dict[UUID, FlowChange]:
    rows = flow.changes.filter(change_id__in=[change.id for change in changes])
    return {row.change_id: row for row in rows}


def _revision(row: FlowChange) -> int:
    return row.revision


class _Work:
    """Some changes on their way into the rows of a flow that is held."""

    def __init__(
        self, actor: Actor, flow: Flow, tab: UUID, others: Others, changes: Sequence[Change]
    ) -> None:
        self.actor, self.flow, self.tab, self.others = actor, flow, tab, others
        self.rows = DraftRows(flow, [op for change in changes for op in change.ops])
        self.rules = Rules(self.rows)
        self.logged: list[FlowChange] = []
        self.refused: list[dict[str, JSON]] = []
        self.done: set[UUID] = set()
        self._size: int | None = None

    def apply(self, change: Change) -> None:
        """Apply a change, or put it among the refused."""
        self.done.add(change.id)
        snapshot = self.rows.snapshot()
        conflicts: list[dict[str, JSON]] = []
        try:
            applied = self._applied(change, conflicts)
            self._hold_size()
        except WholeRefused as refused:
            self.rows.restore(snapshot)
            self.refused.append({"id": str(change.id), "conflicts": [refused.conflict]})
            return
        if not applied:
            self.refused.append({"id": str(change.id), "conflicts": conflicts})
            return
        self.flow.revision += 1
        row = log_change(
            self.actor,
            self.flow,
            label=change.label,
            ops=applied,
            change_id=change.id,
            tab=self.tab,
            conflicts=conflicts,
        )
        # Who sent it is told of it whole, though the log may not keep it.
        row.ops = applied
        self.logged.append(row)

    def _applied(self, change: Change, conflicts: list[dict[str, JSON]]) -> list[Op]:
        applied: list[Op] = []
        for index, op in enumerate(change.ops):
            try:
                steps = self.rules.steps(op)
                for step in steps:
                    # What follows from an operation is made of what is there: nothing is lost.
                    lost = self.others.overwritten(self.rows.draft, op) if step is op else None
                    self.rules.apply(step)
                    applied.append(step)
                    if lost is not None:
                        self.others.replaced(op)
                        conflicts.append({"op": index, **lost})
            except OperationRefused as refused:
                conflict = self._conflict(index, op, refused)
                if refused.code == "limit" or (refused.code, op["op"]) == ("id_taken", "add_node"):
                    raise WholeRefused(conflict) from refused
                conflicts.append(conflict)
        return applied

    def _conflict(self, index: int, op: Op, refused: OperationRefused) -> dict[str, JSON]:
        node = op["node"]["id"] if op["op"] == "add_node" else op.get("node")
        message = refused.message
        if refused.code == "node_gone":
            names = [node] if node else [op["edge"]["from"].partition(".")[0], op["edge"]["to"]]
            why = [said for name in names if (said := self.others.why_gone(name))]
            message = " ".join([message, *why])
        conflict: dict[str, JSON] = {"op": index, "code": refused.code, "message": message}
        if node:
            conflict["node"] = node
        if "path" in op:
            conflict["path"] = op["path"]
        return conflict

    def _hold_size(self) -> None:
        """Raises WholeRefused where the document would outgrow its limit."""
        growth = self.rows.growth()
        if growth <= 0 and self.flow.draft_bytes is None:
            return  # nobody has measured, and nothing grew
        if self._size is None:
            self._size = self.flow.draft_bytes
            if self._size is None:
                self._size = size_of_draft(self.flow)
        size = max(0, self._size + growth)
        if size > MAX_BYTES - _HEAD_BYTES and size > (self.flow.draft_bytes or self._size):
            message = (
                f"With this the flow would be larger than {MAX_BYTES / 1e6:g} MB, the limit of a "
                "flow. Keep data outside of it, or split it into sub-flows."
            )
            raise WholeRefused({"op": 0, "code": "limit", "message": message})
        self.flow.draft_bytes = size

    def finish(self) -> None:
        """Write the rows, the flow, one audit event, and tell who follows."""
        if not self.logged:
            return
        self.rows.write()
        head = self.rows.draft.head
        self.flow.name = head["name"]
        self.flow.description = head.get("description", "")
        self.flow.settings = head.get("settings", {})
        self.flow.save(
            update_fields=[
                *("name", "description", "settings"),
                *("revision", "draft_bytes", "updated_at"),
            ]
        )
        labels = [row.label for row in self.logged[:20]]
        audit(self.actor, "flow.edit", self.flow, revision=self.flow.revision, changes=labels)
        notify(self.flow.id, {"revision": self.flow.revision})
