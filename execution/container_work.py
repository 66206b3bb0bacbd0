"""Works off containers in an activity: a small one whole, a part of a large one, and its close.

No Temporal here. A container's row is written as that of any node, by the runner; this is the work
between its beginning and its end.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction

from execution.attempt_ends import HandedBack, InnerFailure
from execution.attempts import Attempt, open_or_done, recorded
from execution.blobs import save_blobs
from execution.database import in_database
from execution.group_commit import recorder_of
from execution.local_drive import LocalDrive, items_of
from execution.models import NodeRun, NodeStatus
from execution.payloads import Externalizer, load_reference
from execution.rerun import recorded_inside
from execution.results import Outcome, fail_attempt, succeed_attempt
from execution.reusing import reuse_of
from execution.run_document import graph_of
from execution.shapes import NodeCall, NodeDone, PartDone, RunInput
from flows.engine.driving_errors import no_list
from flows.engine.errors import NodeError
from flows.engine.graph import Graph
from flows.engine.node_type import Result
from flows.engine.plan import FinishRun
from flows.engine.references import is_reference
from flows.engine.reuse import Reuse
from flows.engine.walk import Walk
from flows.nodes.map.node import MAX_ITEMS

JSON = Any
#: Items in one part of a large map; fewer where something waits in each. More where there would be
#: more than MOST_PARTS, so that the history of the run does not grow with the items.
PART = 200
WAITING_PART = 50
MOST_PARTS = 1_000


async def work_off(
    call: NodeCall,
    config: Any,
    resolved: dict[str, JSON],
    names: Mapping[str, JSON],
    is_unwanted: Callable[[], bool],
    is_stopping: Callable[[], bool],
) -> Result:
    """A container whose settings are evaluated. Raises NodeError, HandedBack."""
    inside = call["inside"]
    items: JSON = None
    if call["type"] == "map":
        items = await in_database(lambda: _items(call, config))
        if len(items) > inside["whole"]:
            raise HandedBack(await in_database(lambda: _split(call, config, items, resolved)))
        await in_database(lambda: _keep_input(call, resolved, len(items)))
    count = len(items) if call["type"] == "map" else config.max_iterations
    drive = await _drive(call, names, count, is_unwanted, is_stopping)
    base = drive.walk.base
    drive.open(base, drive.walk.graph.nodes[call["node"]], config, items)
    finish = await drive.to_the_end()
    await drive.hand_records_over()
    if finish is not None:
        return _ends_run(finish)
    if drive.through is None:
        raise HandedBack(NodeDone(output={}, ports=[], ends_run=None, message="", paused=True))
    if drive.through.result is None:
        raise InnerFailure(drive.through.error or {})
    return drive.through.result


def _ends_run(finish: FinishRun) -> Result:
    output = _end_facts(finish.status, finish.message, finish.error)
    return Result(
        output, ports=(), ends_run=finish.status, message=finish.message, error=finish.error
    )


def _end_facts(status: str, message: str, error: Mapping[str, JSON] | None) -> dict[str, JSON]:
    """The output of a container in which a stop node ended the run: a stop node's, and the error,
    for whoever asks again.
    """
    facts = {"status": status, "message": message, "leave": "run"}
    return {**facts, "error": dict(error)} if error else facts


def _items(call: NodeCall, config: Any) -> list[JSON]:
    items = items_of(config, lambda reference: load_reference(call["workspace_id"], reference))
    if not isinstance(items, list):
        raise no_list(items)
    if len(items) > MAX_ITEMS:
        message = (
            f"'items': a map may have {MAX_ITEMS:,} items, and these are {len(items):,}. Cut the "
            "list into pieces, and run the flow for each."
        )
        raise NodeError("too_many_items", message, field="items")
    return items


def _keep_input(call: NodeCall, resolved: dict[str, JSON], count: int) -> None:
    """Record what a map goes through while it does, so that a page can say `7 of 10`.

    A list that is stored by reference says in `length` how long it is.
    """
    out = Externalizer(trusted=True)
    kept = out.shrink_object(resolved, whole=False)
    if is_reference(kept.get("items")):
        kept["items"] = {**kept["items"], "length": count}
    with transaction.atomic():
        save_blobs(call["workspace_id"], out.blobs)
        open_rows = NodeRun.objects.filter(
            run_id=call["run_id"],
            node=call["node"],
            path=call["path"],
            status=NodeStatus.RUNNING,
        )
        open_rows.update(input=kept)


def _split(
    call: NodeCall, config: Any, items: Sequence[JSON], resolved: dict[str, JSON]
) -> NodeDone:
    """The items of a large map as parts, each stored and referred to."""
    least = PART if call["inside"]["whole"] else WAITING_PART
    size = max(least, -(-len(items) // MOST_PARTS))
    out = Externalizer(trusted=True)
    parts = [out.refer(items[start : start + size]) for start in range(0, len(items), size)]
    with transaction.atomic():
        save_blobs(call["workspace_id"], out.blobs)
        _keep_input(call, resolved, len(items))
    facts = {
        "concurrency": config.concurrency,
        "size": size,
        "on_item_error": config.on_item_error,
    }
    return NodeDone(output=facts, ports=[], ends_run=None, message="", parts=parts)


async def work_off_part(
    call: NodeCall,
    names: Mapping[str, JSON],
    is_unwanted: Callable[[], bool],
    is_stopping: Callable[[], bool],
) -> PartDone:
    """One part of a large map; its results are stored where they are large."""
    inside = call["inside"]
    items = await in_database(lambda: _part_items(call))
    drive = await _drive(call, names, len(items), is_unwanted, is_stopping)
    drive.walk.open_map(
        drive.walk.base,
        call["node"],
        items,
        concurrency=inside["concurrency"],
        on_item_error=inside["on_item_error"],  # type: ignore[arg-type]
        first=inside["first"],
    )
    finish = await drive.to_the_end()
    await drive.hand_records_over()
    done = PartDone(items=[], errors=[], failed=None, ends=None, paused=False)
    if finish is not None:
        ends = {"status": finish.status, "message": finish.message, "error": finish.error}
        return {**done, "ends": ends}
    if drive.through is None:
        return {**done, "paused": True}
    if drive.through.result is None:
        return {**done, "failed": drive.through.error or {}}
    output = drive.through.result.output
    items, errors = output["items"], output["errors"]
    return {
        **done,
        "items": await in_database(lambda: drive.keep(items)),
        "errors": await in_database(lambda: drive.keep(errors)),
    }


def _part_items(call: NodeCall) -> list[JSON]:
    items = call["inside"]["items"]
    found = load_reference(call["workspace_id"], items) if is_reference(items) else items
    return list(found)


async def _drive(
    call: NodeCall,
    names: Mapping[str, JSON],
    count: int,
    is_unwanted: Callable[[], bool],
    is_stopping: Callable[[], bool],
) -> LocalDrive:
    inside = call["inside"]
    graph = await in_database(lambda: graph_of(call["run_id"]))
    reuse = await in_database(lambda: _reuse(call, graph, count))
    walk = Walk.inside(
        graph, call["node"], tuple(call["path"]), names, reuse=reuse, fresh=inside["fresh"]
    )
    start = RunInput(
        run_id=call["run_id"],
        workspace_id=call["workspace_id"],
        flow_id=call["flow_id"],
        engine_version=1,
        document=None,
        inputs={},
        run=inside["run"],
        variables=inside["variables"],
        timeout_seconds=0,
        lineage=call.get("lineage", []),
    )
    return LocalDrive(
        walk,
        start,
        recorder_of(call["run_id"]),
        started_at=call["started_at"],
        deadline=call["deadline"],
        is_unwanted=is_unwanted,
        is_stopping=is_stopping,
    )


def _reuse(call: NodeCall, graph: Graph, count: int) -> Reuse | None:
    """What of the run before may be taken over in here."""
    inside = call["inside"]
    reuse = inside["reuse"]
    if reuse is None or inside["fresh"] or reuse["run"] is None:
        return None
    first = inside["first"]
    path = [*call["path"], call["node"]]
    found = recorded_inside(reuse["run"], path, range(first, first + count))
    return reuse_of(reuse, found)


def close_container(call: NodeCall, parts: Sequence[PartDone]) -> NodeDone:
    """Write the end of a large map out of those of its parts; once. Raises NodeError, RunOver."""
    row = open_or_done(call)
    if row.has_result:
        return recorded(row)
    attempt = Attempt(row.attempt, row.attempt)
    if failed := next((part["failed"] for part in parts if part["failed"]), None):
        outcome = Outcome(row.input, (), ())
        fail_attempt(call, attempt, failed, outcome, retry_in=None)
        raise InnerFailure(failed)
    out = Externalizer(trusted=True)
    if ends := next((part["ends"] for part in parts if part["ends"]), None):
        done = NodeDone(
            output=_end_facts(ends["status"], ends["message"], ends["error"]),
            ports=[],
            ends_run=ends["status"],
            message=ends["message"],
            error=ends["error"],
        )
    else:
        items = [item for part in parts for item in _listed(call, part["items"])]
        errors = [error for part in parts for error in _listed(call, part["errors"])]
        output = {"items": items, "count": len(items), "errors": errors}
        done = NodeDone(output=out.shrink_object(output), ports=["out"], ends_run=None, message="")
    return succeed_attempt(call, attempt, done, Outcome(row.input, out.blobs, ()))


def _listed(call: NodeCall, value: JSON) -> list[JSON]:
    found = load_reference(call["workspace_id"], value) if is_reference(value) else value
    return list(found)
