"""What is in the record of a run for another run that repeats it."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from execution.blobs import save_blobs
from execution.models import NodeRun, NodeStatus, Run
from execution.parts_of_flows import given_outputs
from execution.parts_of_graph import HERE, suspends
from execution.payloads import Externalizer
from execution.pinned import Pinned
from execution.reusing import reuse_key, reuse_of
from execution.run_document import graph_of
from execution.shapes import ReuseCall, RunInput
from flows.engine.document import parse
from flows.engine.given import ports_of_given
from flows.engine.reuse import Reuse

JSON = Any
#: Bytes of results that travel at once, and from which on a value travels by reference.
PIECE = 400_000
VALUE = 2_000


def recorded_inside(
    run_id: str, path: list[str | int], numbers: range
) -> dict[str, dict[str, JSON]]:
    """Results below a path, of these items or iterations: `reuse_key` → output and ports."""
    rows = _succeeded(run_id).extra(
        where=["path::text LIKE %s", "(path->>%s)::integer BETWEEN %s AND %s"],
        params=[
            f"{json.dumps(path)[:-1].replace('%', '')}, %",
            len(path),
            numbers.start,
            max(numbers.start, numbers.stop - 1),
        ],
    )
    return dict(_results(rows.iterator()))


def recorded_for_workflow(run_id: str, before: str, after: str) -> dict[str, JSON]:
    """What the workflow of a run may take over from the run `before`, a piece at a time.

    `after` is the `after` of the piece before ("" for the first); that of the last is None. What is
    inside containers that are worked off in activities is read there.
    """
    graph = graph_of(run_id)
    rows = _succeeded(before).order_by("id")
    if after:
        rows = rows.filter(id__gt=after)
    results: dict[str, JSON] = {}
    size = 0
    out = Externalizer(trusted=True, limit=VALUE)
    last: str | None = None
    for row in rows.iterator(chunk_size=200):
        holders = [part for part in row.path if isinstance(part, str)]
        if any(isinstance(part, int) and part >= HERE for part in row.path):
            continue  # such containers are in parts, and each part reads its own
        if row.node in graph.nodes and all(
            holder in graph.nodes and suspends(graph, holder) for holder in holders
        ):
            output = out.shrink_object(row.output or {})
            results[reuse_key(row.path, row.node)] = {"output": output, "ports": row.ports}
            size += len(json.dumps(output)) + 100
        if size > PIECE:
            last = str(row.id)
            break
    save_blobs(Run.objects.values_list("workspace_id", flat=True).get(id=run_id), out.blobs)
    return {"results": results, "after": last}


def _succeeded(run_id: str) -> Any:
    # What ended the run has to end it again, so it is not among them.
    rows = NodeRun.objects.filter(run_id=run_id, status=NodeStatus.SUCCEEDED, ends_run="")
    return rows.only("node", "path", "output", "ports")


def _results(rows: Iterable[NodeRun]) -> Iterator[tuple[str, dict[str, JSON]]]:
    for row in rows:
        yield (
            reuse_key(row.path, row.node),
            {"output": row.output or {}, "ports": row.ports or ["out"]},
        )


def reuse_call(run: Run, pinned: Pinned) -> ReuseCall | None:
    """What a run takes over, as its options say; None where everything runs."""
    rerun, given = run.options.get("rerun"), given_outputs(run.options)
    if rerun is None and not given:
        return None
    rerun = rerun or {}
    call = ReuseCall(
        run=rerun.get("run"),
        start=rerun.get("start"),
        only_failed=bool(rerun.get("only_failed")),
        edited=bool(rerun.get("edited")),
        given=given,
    )
    if ports := _ports_of(given, run, pinned):
        call["given_ports"] = ports
    return call


def _ports_of(given: dict[str, dict[str, JSON]], run: Run, pinned: Pinned) -> dict[str, list[str]]:
    """By which ports given nodes are left that have others than `out`.

    Before a node that is run alone they have none: its edges are made for that run.
    """
    if not given or "only" in run.options:
        return {}
    document = parse(dict(pinned.whole_document()))
    ports = {n.id: ports_of_given(n, given[n.id]) for n in document.nodes if n.id in given}
    return {node: list(names) for node, names in ports.items() if names != ("out",)}


def reuse_for_inline(run: Run, start: RunInput) -> Reuse | None:
    """What an inline run takes over, read whole."""
    call = start.get("reuse")
    if call is None:
        return None
    recorded = dict(_results(_succeeded(call["run"]).iterator())) if call["run"] else {}
    return reuse_of(call, recorded)
