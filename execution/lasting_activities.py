"""Activities around nodes that last, and those that read or keep what is too large elsewhere."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from django.db import transaction
from temporalio import activity

from execution.activity_ways import beating, named, typed
from execution.approval_mail import mail_assignees
from execution.approvals import open_approval, settle_approval
from execution.attempts import outputs_for
from execution.blobs import save_blobs
from execution.cut_off import cut_off
from execution.database import in_database
from execution.ending import load_node_config, record_settled_nodes
from execution.payloads import Externalizer, load_reference
from execution.plain_config import values_of
from execution.recording import RunMissing
from execution.rerun import recorded_for_workflow, recorded_inside
from execution.shapes import NodeCall
from execution.subflows import deadline_of, open_subflow, settle_subflow
from flows.engine.inside import field_value
from flows.engine.node_call import resolve_config
from flows.engine.references import is_reference
from flows.engine.registry import registry
from flows.engine.sizes import json_size

JSON = Any
#: Bytes of one item that travels to a workflow; larger ones go by reference.
SMALL = 8_000


def _resolved(call: NodeCall) -> tuple[Any, dict[str, JSON]]:
    """A node's settings, with large values loaded. Raises NodeError."""
    node_type = registry().get(call["type"])
    assert node_type is not None, call["type"]
    names = {**call["context"], **outputs_for(call)}
    raw = call["config"]
    if "plain" in call:
        assert raw is not None
        return values_of(call["workspace_id"], node_type, raw), raw
    if raw is None:
        raw = load_node_config(call["run_id"], call["node"])
    return resolve_config(node_type, raw, names, load=_loader(call))


def _loader(call: NodeCall) -> Callable[[dict[str, JSON]], JSON]:
    return lambda reference: load_reference(call["workspace_id"], reference)


def _record(call: NodeCall) -> None:
    if call["records"]:
        record_settled_nodes(call["run_id"], call["started_at"], call["records"])


@activity.defn(name="resolve_node")
async def resolve_node(call: dict[str, Any]) -> dict[str, JSON]:
    """The values of a node's settings, where evaluating them reads large values."""

    def resolved() -> dict[str, JSON]:
        _, values = _resolved(typed(call))
        return dict(_kept(call["workspace_id"], values, whole=False))

    async with beating(), named():
        return await in_database(resolved)


@activity.defn(name="compute")
async def compute(workspace_id: str, facts: dict[str, Any]) -> JSON:
    """A container's field for one item: `names`, `part` and `raw`."""

    def value() -> JSON:
        def load(reference: dict[str, JSON]) -> JSON:
            return load_reference(workspace_id, reference)

        made = field_value(facts["raw"], facts["part"], facts["names"], load)
        return _kept(workspace_id, made)

    async with beating(), named():
        return await in_database(value)


@activity.defn(name="keep")
async def keep(workspace_id: str, output: dict[str, JSON]) -> JSON:
    """A container's output, with everything large stored and referred to."""
    async with beating(), named():
        return await in_database(lambda: _kept(workspace_id, output, whole=False))


def _kept(workspace_id: str, value: JSON, *, whole: bool = True) -> JSON:
    out = Externalizer(trusted=True)
    shrunk = out.shrink(value) if whole else out.shrink_object(value)
    with transaction.atomic():
        save_blobs(workspace_id, out.blobs)
    return shrunk


@activity.defn(name="load_items")
async def load_items(workspace_id: str, items: JSON) -> JSON:
    """The items of a part of a map; large ones among them by reference."""

    def loaded() -> JSON:
        found = load_reference(workspace_id, items) if is_reference(items) else items
        out = Externalizer(trusted=True, limit=SMALL)
        shrunk = [out.shrink(item) for item in found]
        with transaction.atomic():
            save_blobs(workspace_id, out.blobs)
        return shrunk

    async with beating(), named():
        return await in_database(loaded)


@activity.defn(name="load_reused_inside")
async def load_reused_inside(call: dict[str, Any], count: int) -> Mapping[str, JSON]:
    """What one part of a container takes over."""
    inside = call["inside"]
    numbers = range(inside["first"], inside["first"] + max(count, inside["concurrency"]))
    path = [*call["path"], call["node"]]
    async with beating(), named():
        return await in_database(lambda: recorded_inside(inside["reuse"]["run"], path, numbers))


@activity.defn(name="load_reused")
async def load_reused(run_id: str, before: str, after: str) -> Mapping[str, JSON]:
    """A piece of what a repeated run takes over."""
    async with beating(), named():
        return await in_database(lambda: recorded_for_workflow(run_id, before, after))


@activity.defn(name="open_subflow")
async def open_subflow_activity(call: dict[str, Any]) -> dict[str, JSON]:
    """Begin a sub-flow: what its workflow is started with."""

    def opened() -> dict[str, JSON]:
        _record(typed(call))
        run, start = open_subflow(typed(call), lambda: _resolved(typed(call)))
        seconds = deadline_of(start, run.created_at)
        if "plain" in call and json_size(start["document"]) > SMALL:
            # An agent may call hundreds, and each start stays in its run's history.
            start = {**start, "document": None}
        return {"start": start, "name": run.flow.name, "backstop_seconds": seconds}

    async with beating(), named():
        return await in_database(opened)


@activity.defn(name="settle_subflow")
async def settle_subflow_activity(
    call: dict[str, Any], child_id: str, in_time: bool = True
) -> dict[str, JSON]:
    """The result of a sub-flow's step; `in_time`: it was not cancelled for taking too long."""
    async with beating(), named():
        return dict(await in_database(lambda: settle_subflow(typed(call), child_id, in_time)))


@activity.defn(name="open_approval")
async def open_approval_activity(call: dict[str, Any]) -> dict[str, JSON]:
    """Begin to wait for a decision, and tell the assignees: `{"deadline": time or None}`."""

    def opened() -> dict[str, JSON]:
        _, values = _resolved(typed(call))
        return dict(open_approval(typed(call), values))

    async with beating(), named():
        answer = await in_database(opened)
        await mail_assignees(call["run_id"], call["node"], call["path"])
        return answer


@activity.defn(name="settle_approval")
async def settle_approval_activity(call: dict[str, Any], timed_out: bool) -> JSON:
    """The step's result where it is decided, else None."""
    async with beating(), named():
        return await in_database(lambda: settle_approval(typed(call), timed_out))


@activity.defn(name="cut_off")
async def cut_off_activity(call: dict[str, Any]) -> None:
    """Close a node that was cancelled while its steps waited."""
    async with beating(), named():
        with suppress(RunMissing):
            await in_database(lambda: cut_off(typed(call)))


LASTING_ACTIVITIES: list[Callable[..., Any]] = [
    resolve_node,
    compute,
    keep,
    load_items,
    load_reused,
    load_reused_inside,
    open_subflow_activity,
    settle_subflow_activity,
    open_approval_activity,
    settle_approval_activity,
    cut_off_activity,
]
