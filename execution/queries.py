"""Every read of the execution app, in the public shapes of the REST API."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from accounts.permissions import Actor
from execution.blobs import blob_bytes
from execution.models import NodeRun, NodeStatus, Run, RunEvent
from execution.payloads import resolve_references
from execution.queue_reasons import Queued, queued_of
from execution.recording import node_key, preview
from flows.engine.document import Document, parse
from flows.engine.migrate import migrated
from flows.engine.registry import registry

JSON = Any
CURRENCY = "USD"
#: What a node is called whose attempt failed and that is tried again; no row holds it.
RETRYING = "retrying"


def run_payload(run: Run, *, small: bool = False, queue: Queued | None = None) -> dict[str, JSON]:
    """A run as the API shows it; `small` leaves large values as references.

    `queue` says why it is queued, where that was read already (of a whole list: `queued_of`).
    """
    queue = queue or queued_of([run]).get(run.id)
    inputs, outputs = run.inputs, run.outputs
    if not small:
        inputs = resolve_references(run.workspace_id, inputs)
        outputs = resolve_references(run.workspace_id, outputs)
    return {
        "id": str(run.id),
        "flow": str(run.flow_id),
        "version": run.version.number if run.version else ("draft" if run.snapshot_id else None),
        "status": run.status,
        "priority": run.priority,
        "queue": queue.as_dict() if queue else None,
        "execution": run.execution,
        "trigger": run.trigger,
        "inputs": inputs,
        "outputs": outputs,
        "error": run.error,
        "created_at": _time(run.created_at),
        "started_at": _time(run.started_at),
        "finished_at": _time(run.finished_at),
        "duration_ms": run.duration_ms,
        "usage": _usage(run),
        "session_id": run.session_id,
        "rerun_of": str(run.rerun_of_id) if run.rerun_of_id else None,
        "parent": _parent(run),
    }


def _parent(run: Run) -> dict[str, JSON] | None:
    if run.parent_id is None:
        return None
    return {"run": str(run.parent_id), "node": run.parent_node, "path": run.parent_path}


def node_run_payload(row: NodeRun, *, small: bool = False) -> dict[str, JSON]:
    """One attempt of a node; large values stay references, to be fetched one by one."""
    payload = {
        "node": row.node,
        "path": row.path,
        "attempt": row.attempt,
        "status": row.status,
        "error": row.error,
        "started_at": _time(row.started_at),
        "finished_at": _time(row.finished_at),
        "usage": {**_usage(row), "model": row.model or None},
        "reused": row.reused,
    }
    if small:
        return {**payload, "duration_ms": row.duration_ms, "preview": preview(row.output)}
    return {**payload, "input": row.input, "output": row.output}


def _usage(row: Run | NodeRun) -> dict[str, JSON]:
    return {
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        # A fresh row holds the default, without the column's digits.
        "cost": format(row.cost, ".8f"),
        "currency": CURRENCY,
    }


def _time(value: Any) -> str | None:
    return value.isoformat() if value else None


def event_payload(event: RunEvent) -> dict[str, JSON]:
    """An event as the API shows it."""
    payload: dict[str, JSON] = {"seq": event.seq, "at": _time(event.at), "type": event.type}
    if event.node:
        payload["node"] = event.node
        payload["path"] = event.path
    return {**payload, **event.data}


def events_after(run_id: UUID | str, after: int, limit: int = 200) -> list[dict[str, JSON]]:
    """Events of a run in order, from the one after `after`."""
    rows = RunEvent.objects.filter(run_id=run_id, seq__gt=after).order_by("seq")[:limit]
    return [event_payload(row) for row in rows]


def runs_of(actor: Actor) -> Any:
    """The workspace's runs with what their payload needs."""
    return Run.objects.visible_to(actor).select_related("version", "flow")


def with_queue(runs: Iterable[Run]) -> list[Run]:
    """The runs of a list, each with `queued`: why it waits, or None."""
    listed = list(runs)
    queued = queued_of(listed)
    for run in listed:
        run.queued = queued.get(run.id)  # type: ignore[attr-defined]
    return listed


def latest_node_runs(run: Run) -> dict[str, NodeRun]:
    """The latest attempt of each node that is in no container."""
    return {row.node: row for row in shown_node_runs(run)}


def shown_node_runs(run: Run) -> Sequence[NodeRun]:
    """The latest attempt of each node that is in no container, in the order they began.

    Without what went in: it is asked for node by node, and may be most of a run's bytes.
    """
    rows = (
        NodeRun.objects.filter(run=run, path=[])
        .defer("input")
        .order_by("node", "-attempt")
        .distinct("node")
    )
    return sorted(rows, key=lambda row: (row.started_at or row.finished_at, row.id))


def shown_states(run: Run, rows: Collection[NodeRun]) -> dict[UUID, str]:
    """The state of each attempt as people see it, by the row's id.

    One that failed while the next is on its way is `retrying`: a failure that counts has the event
    `node.finished`, or ended the run.
    """
    states = {row.id: str(row.status) for row in rows}
    failed = {
        node_key("finished", row.node, row.path, row.attempt): row.id
        for row in rows
        if row.status == NodeStatus.FAILED
    }
    if failed and not run.ended:
        events = RunEvent.objects.filter(run=run, key__in=failed)
        final = set(events.values_list("key", flat=True))
        states |= {row: RETRYING for key, row in failed.items() if key not in final}
    return states


def run_document(run: Run) -> Document:
    """The document the run is pinned to, its nodes in the form of their types' versions here."""
    pinned = run.version or run.snapshot
    assert pinned is not None, "a run is pinned to a version or a snapshot"
    return migrated(parse(pinned.document), registry())


def value_of(run: Run, digest: str) -> tuple[str, bytes]:
    """Kind and content of a large value of the run's workspace. Raises NodeError value_missing."""
    return blob_bytes(run.workspace_id, digest)
