"""Runs of a draft while it is built: one node alone, up to a node, or all of it, with pins.

`pins` are outputs that people fixed for nodes, `{node: {field: value}}`, of any size: large values
are stored, and travel by reference, as do those that come from a run before.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.permissions import Actor
from execution.blobs import REFERENCE, keep_blobs, save_blobs
from execution.errors import OptionsInvalid
from execution.models import NodeRun, NodeStatus, Run
from execution.options import MOST_GIVEN
from execution.payloads import INLINE_LIMIT, Externalizer, resolve_references
from execution.services import Started, start_run
from flows.engine.attempts import evaluated_of
from flows.engine.document import Document
from flows.engine.expressions import roots_in
from flows.engine.given import ports_of_given
from flows.engine.graph import Graph
from flows.engine.part_of import NoSuchNode, part_of
from flows.engine.registry import registry
from flows.engine.sight import INNER_NAMES
from flows.engine.sizes import json_size
from flows.models import Flow
from flows.queries import draft_document
from flows.sharing import require_on

JSON = Any
type Outputs = Mapping[str, Mapping[str, JSON]]
#: Bytes of a value that stays where all that is given would be too much to travel.
SMALL = 1_000


def try_node(
    actor: Actor, flow: Flow, node: str, run: Run | None = None, pins: Outputs | None = None
) -> Started:
    """Run only this node of the draft; what it reads is pinned, or what `run` recorded.

    A pin of the node itself does not count. What `run` skipped reads as null. Raises
    OptionsInvalid naming the nodes whose outputs are missing, and as `start_run` does.
    """
    require_on(actor, "run.start", flow)
    document = draft_document(flow)
    graph = Graph(document)
    _check_alone(document, graph, node)
    if run is not None and run.flow_id != flow.id:
        raise OptionsInvalid("run", "That run is one of another flow; take one of this flow.")
    pins = {name: output for name, output in (pins or {}).items() if name != node}
    _refuse_inside(graph, pins, set(graph.inside(node)))
    needed = Needed(graph, node, run, pins)
    if needed.missing:
        raise OptionsInvalid("given", _missing(graph, node, needed.missing, run))
    inputs: dict[str, JSON] = {}
    if run is not None and graph.nodes[node].type == "input":
        inputs = resolve_references(run.workspace_id, run.inputs)
    given = stored(actor.workspace_id, needed.pinned, needed.recorded)
    options = {"only": node, **({"given": given} if given else {})}
    session = run.session_id if run else None
    return start_run(
        actor, flow, inputs, version=document, trigger="page", session_id=session, options=options
    )


def run_to(
    actor: Actor,
    flow: Flow,
    node: str | None,
    inputs: dict[str, JSON],
    pins: Outputs | None = None,
    *,
    session_id: str | None = None,
) -> Started:
    """Run the draft up to a node, or all of it (None), with pinned outputs in their places.

    Pins of nodes that are not run are left aside. Raises OptionsInvalid for a pin of a node that
    runs inside a container, and as `start_run` does.
    """
    require_on(actor, "run.start", flow)
    document = draft_document(flow)
    graph = Graph(document)
    known = {name: output for name, output in (pins or {}).items() if name in graph.nodes}
    outside = [name for name in known if graph.holder[name] is None]
    try:
        part = part_of(document, until=node, given=outside)
    except NoSuchNode as error:
        raise OptionsInvalid("until", str(error)) from error
    runs = {spec.id for spec in part.nodes if not graph.is_disabled(spec.id)} & graph.nodes.keys()
    used = {name: output for name, output in known.items() if name in runs}
    covered = {name for name in runs if any(at in used for at in graph.holders(name))}
    _refuse_inside(graph, used, runs - covered)
    used = {name: output for name, output in used.items() if name not in covered}
    options: dict[str, JSON] = {"until": node} if node else {}
    if used:
        options["given"] = stored(actor.workspace_id, used, {})
    return start_run(
        actor,
        flow,
        inputs,
        version=document,
        trigger="page",
        session_id=session_id,
        options=options,
    )


def _check_alone(document: Document, graph: Graph, node: str) -> None:
    """Whether a node can be run alone. Raises OptionsInvalid saying what to do instead."""
    try:
        part_of(document, only=node)
    except NoSuchNode as error:
        raise OptionsInvalid("only", str(error)) from error
    holders = list(graph.holders(node))
    if not holders:
        return
    roots = roots_in(evaluated_of(graph.nodes[node]))
    names = [name for name in roots if name in INNER_NAMES or name in holders]
    if names:
        message = (
            f"'{node}' reads '{names[0]}', which there is only while '{holders[-1]}' runs. Run "
            f"'{holders[-1]}', or run the flow up to '{node}'."
        )
        raise OptionsInvalid("only", message)


def _refuse_inside(graph: Graph, pins: Outputs, runs: Collection[str]) -> None:
    """OptionsInvalid where a node is pinned that runs in a container, once for each item."""
    for name in pins:
        if name in runs and (holder := graph.holder[name]) is not None:
            message = (
                f"'{name}' is pinned, but runs many times, inside '{holder}'. Unpin it, or pin the "
                f"output of '{holder}'."
            )
            raise OptionsInvalid(f"given.{name}", message)


def _missing(graph: Graph, node: str, missing: list[str], run: Run | None) -> str:
    named = ", ".join(f"'{name}'" for name in missing[:10])
    inside = [name for name in missing if graph.holder[name] is not None]
    if inside:
        holder = graph.holder[inside[0]]
        return (
            f"'{node}' reads {named}, which runs many times, inside '{holder}'. Run '{holder}', or "
            f"run the flow up to '{node}'."
        )
    where = "there is no output yet" if run is None else "that run has no output"
    return f"'{node}' reads {named}, of which {where}. Pin one, or run the flow up to '{node}'."


class Needed:
    """What a node needs of those before it: `pinned` outputs, and those that a run `recorded`.

    These are of the nodes that it reads (or that is inside it), and of those whose outputs it is
    handed by live edges, as a merge is. Disabled ones read as null without any. None: what the run
    skipped reads as null as well. `missing` are nodes of which there is neither.
    """

    def __init__(self, graph: Graph, node: str, run: Run | None, pins: Outputs) -> None:
        self.graph = graph
        read = _read_by(graph, node)
        edges: dict[str, set[str]] = {}
        node_type = registry().get(graph.nodes[node].type)
        if node_type is not None and node_type.pure is not None:
            for edge in graph.incoming[node]:
                if not graph.nodes[edge.source].disabled:
                    edges.setdefault(edge.source, set()).add(edge.port)
        names = [name for name in graph.nodes if name in read or name in edges]
        found = {} if run is None else _outputs_of(run, graph, set(names) - pins.keys())
        self.pinned: dict[str, Mapping[str, JSON]] = {}
        self.recorded: dict[str, Mapping[str, JSON] | None] = {}
        self.missing: list[str] = []
        for name in names:
            if name in pins:
                ports = ports_of_given(graph.nodes[name], pins[name])
                if name in read or not edges[name].isdisjoint(ports):
                    self.pinned[name] = pins[name]
            elif name not in found:
                self.missing.append(name)
            elif name in read or not edges[name].isdisjoint(found[name].ports):
                self.recorded[name] = found[name].output


@dataclass(frozen=True)
class _Found:
    """What a node gave in a run, large values as references; None: it reads as null."""

    output: dict[str, JSON] | None
    ports: tuple[str, ...] = ()


def _read_by(graph: Graph, node: str) -> set[str]:
    """The nodes that this one or what is inside it reads, without disabled ones."""
    roots: set[str] = set()
    for name in (node, *graph.inside(node)):
        roots.update(roots_in(evaluated_of(graph.nodes[name])))
    around = set(graph.holders(node))
    before = {name for name in roots - around if graph.can_read(name, node)}
    return {name for name in before if not graph.nodes[name].disabled}


def _outputs_of(run: Run, graph: Graph, names: Collection[str]) -> dict[str, _Found]:
    """What these nodes gave in a run; what it has not settled, or what ended it, is missing."""
    rows = NodeRun.objects.filter(run=run, path=[], node__in=names).order_by("node", "-attempt")
    found: dict[str, _Found] = {}
    for row in rows.distinct("node").defer("input"):
        policy = graph.nodes[row.node].on_error
        if row.status == NodeStatus.SUCCEEDED:
            found[row.node] = _Found(row.output or {}, tuple(row.ports or ("out",)))
        elif row.status == NodeStatus.SKIPPED:
            found[row.node] = _Found(None, tuple(row.ports or ()))
        elif row.status == NodeStatus.FAILED and policy == "continue":
            found[row.node] = _Found(None, ("out",))
        elif row.status == NodeStatus.FAILED and policy == "branch":
            found[row.node] = _Found({"error": row.error}, ("error",))
    return found


def stored(
    workspace_id: UUID, pinned: Outputs, recorded: Mapping[str, Mapping[str, JSON] | None]
) -> dict[str, JSON]:
    """The option `given`: pins as they came from outside, and outputs of a run as it holds them.

    Where all of it is much, smaller values become references too. Raises OptionsInvalid where even
    that is too much.
    """
    for limit in (INLINE_LIMIT, SMALL):
        data, own = Externalizer(limit=limit), Externalizer(trusted=True, limit=limit)
        given: dict[str, JSON] = {
            name: data.shrink_object(dict(output), whole=False) for name, output in pinned.items()
        }
        for name, output in recorded.items():
            given[name] = None if output is None else own.shrink_object(dict(output), whole=False)
        if json_size(given) <= MOST_GIVEN:
            with transaction.atomic():
                save_blobs(workspace_id, [*data.blobs, *own.blobs])
                keep_blobs(workspace_id, sorted(_digests(given)))
            return given
    raise OptionsInvalid("given", "What is pinned has too many values. Unpin some nodes.")


def _digests(given: Mapping[str, JSON]) -> Iterator[str]:
    for found in REFERENCE.findall(json.dumps(given).encode()):
        yield found.decode()
