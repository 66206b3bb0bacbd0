"""The steps of a run as its page lists them, and the picture laid over by them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from execution.agent_steps import used_by_steps, works_in_steps
from execution.iterations import Inside, inside_of
from execution.models import NodeRun, NodeStatus, Run, RunEvent
from execution.queries import RETRYING, latest_node_runs, shown_states
from execution.views.inside import OPEN, state_inside, summary_inside
from execution.views.values import WINDOW
from execution.views.waits import End, ends_of_waits
from flows.engine.document import Document, NodeSpec
from flows.engine.graph import Graph
from flows.engine.references import is_reference
from flows.engine.registry import registry
from flows.templatetags.pages import duration
from flows.views.picture import NodeState, RunView

#: What a node that no row tells of is called once its run has ended.
UNREACHED = "unreached"
#: Containers in containers that a page shows indented; what is deeper is left to the API.
DEEPEST = 20


@dataclass(frozen=True)
class Streamed:
    """What of a stream is kept; `part` counts how often it began anew within its attempt."""

    text: str = ""
    part: int = 0


NOTHING = Streamed()


@dataclass(frozen=True)
class Step:
    """One node of a run in the words of the page; `text` is what it streamed or answered.

    A step inside of containers stands for all its iterations: `inside` says so, `summary` how many
    are where. `steps` are those a container holds. `child` is the run of a sub-flow, `end` when a
    wait ends.
    """

    node: str
    title: str
    type: str
    type_title: str
    category: str
    icon: str
    state: str = NodeStatus.PENDING
    attempt: int = 1
    duration_ms: int | None = None
    started_at: datetime | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Any = 0
    model: str = ""
    error: Mapping[str, Any] | None = None
    streams: bool = False
    text: str = ""
    part: int = 0
    reused: bool = False
    inside: bool = False
    summary: str = ""
    ports: tuple[str, ...] | None = None
    child: str = ""
    end: End | None = None
    failures_inside: bool = False
    #: It works in steps of its own, which its values list.
    works: bool = False
    steps: tuple["Step", ...] = ()

    @property
    def has_values(self) -> bool:
        return self.state not in (NodeStatus.PENDING, NodeStatus.SKIPPED, UNREACHED)

    @property
    def can_run_alone(self) -> bool:
        """Whether there is something to see when it runs by itself."""
        return self.has_values and not self.inside and self.type not in ("input", "output")

    def all(self) -> "Iterator[Step]":
        """This step and those in it."""
        yield self
        for step in self.steps:
            yield from step.all()


class RunSteps:
    """Makes the steps of a run from its rows: a few queries for all of them, however many rows."""

    def __init__(self, run: Run, document: Document, rows: Mapping[str, NodeRun]) -> None:
        self.run = run
        self.graph = graph = Graph(document)
        self.places = {name: index for index, name in enumerate(graph.order)}
        self.rows = rows
        self.states = shown_states(run, rows.values())
        self.streamed = streamed_texts(run, rows.values())
        held = any(holder is not None for holder in graph.holder.values())
        self.inside = inside_of(run) if held else {}
        self.children = _children(run) if _has_subflows(graph) else {}
        works = any(works_in_steps(spec.type) for spec in graph.nodes.values())
        self.used = used_by_steps(run) if works else {}
        self.ends = ends_of_waits(run, self._waits())

    def _waits(self) -> list[str]:
        """The nodes of waits that last; of those inside containers, any of them."""
        waiting = NodeStatus.WAITING
        held = {node for node, inside in self.inside.items() if inside.counts.get(waiting)}
        held |= {node for node, row in self.rows.items() if row.status == waiting}
        nodes = self.graph.nodes
        return [node for node in held if node in nodes and nodes[node].type == "wait"]

    def all(self) -> list[Step]:
        """The steps that are in no container, in the flow's order, those in them below."""
        return [self.step(node) for node in (*self.graph.order, *self.graph.looped)
                if self.graph.holder[node] is None]  # fmt: skip

    def step(self, node: str, holder: Step | None = None, depth: int = 0) -> Step:
        """One step with all that is in it."""
        if self.graph.holder[node] is None:
            step = _outer(self.run, self.graph.nodes[node], self.rows.get(node), self)
        else:
            step = self._inner(node, holder)
        if used := self.used.get(node):
            step = replace(
                step,
                input_tokens=step.input_tokens + used.input_tokens,
                output_tokens=step.output_tokens + used.output_tokens,
                cost=step.cost + used.cost,
                model="" if step.inside else step.model or used.model,
            )
        if node in self.ends:
            step = replace(step, end=self.ends[node])
        within = self.graph.children.get(node, ())
        if not within or depth > DEEPEST:
            return step
        ordered = sorted(within, key=lambda name: self.places.get(name, len(self.places)))
        steps = tuple(self.step(name, step, depth + 1) for name in ordered)
        found = (self.inside.get(name) for name in self.graph.inside(node))
        failures = any(entry and entry.counts.get(NodeStatus.FAILED) for entry in found)
        return replace(step, steps=steps, failures_inside=failures)

    def _inner(self, node: str, holder: Step | None) -> Step:
        """A step inside: one for all its iterations."""
        above = self.graph.holder[node]
        assert above is not None
        holder = holder or self.step(above, depth=DEEPEST + 1)
        inside, opened = self.inside.get(node), self.inside.get(above)
        is_map = self.graph.nodes[above].type == "map"
        items = opened.items if opened and is_map else None
        unreached = UNREACHED if self.run.ended or holder.state not in OPEN else NodeStatus.PENDING
        used = inside or Inside()
        return Step(
            **_named(self.graph.nodes[node]),
            state=state_inside(
                inside, holder.state, unreached, all_of=0 if holder.inside else items or 0
            ),
            inside=True,
            streams=_streams(self.graph.nodes[node]),
            summary=summary_inside(inside, items),
            ports=tuple(sorted(used.ports)) if inside else None,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cost=used.cost,
        )


def steps_of(run: Run, document: Document, rows: Mapping[str, NodeRun]) -> list[Step]:
    """Every node that runs, containers with what they hold; `rows` are the outer latest attempts.

    The number of queries does not depend on the flow or on the number of iterations.
    """
    return RunSteps(run, document, rows).all()


def step_of(run: Run, document: Document, row: NodeRun | None, node: str) -> Step:
    """One step, to be put in place of what the page shows."""
    graph = Graph(document)
    rows = {node: row} if row else {}
    if graph.holder[node] is not None:
        rows = latest_node_runs(run)
    return RunSteps(run, document, rows).step(node)


def _has_subflows(graph: Graph) -> bool:
    return any(
        spec.type == "subflow" and graph.holder[node] is None for node, spec in graph.nodes.items()
    )


def _children(run: Run) -> dict[str, str]:
    """Node → the run of its sub-flow, for those that are in no container."""
    found = Run.objects.filter(parent=run, parent_path=[]).order_by("created_at")
    return {node: str(child) for node, child in found.values_list("parent_node", "id")}


def _named(spec: NodeSpec) -> dict[str, Any]:
    node_type = registry().get(spec.type)
    title = node_type.title if node_type else spec.type
    return {
        "node": spec.id,
        "title": spec.label or title,
        "type": spec.type,
        "type_title": title,
        "category": node_type.category if node_type else "code",
        "icon": node_type.icon if node_type else "circle-help",
        "works": works_in_steps(spec.type),
    }


def _streams(spec: NodeSpec) -> bool:
    node_type = registry().get(spec.type)
    return bool(node_type and node_type.streams)


def _outer(run: Run, spec: NodeSpec, row: NodeRun | None, made: RunSteps) -> Step:
    if row is None:
        state = UNREACHED if run.ended else NodeStatus.PENDING
        return Step(**_named(spec), state=state, streams=_streams(spec))
    return outer_step(
        spec, row, made.states[row.id], made.streamed.get(spec.id, NOTHING),
        child=made.children.get(spec.id, ""),
    )  # fmt: skip


def outer_step(
    spec: NodeSpec, row: NodeRun, state: str, streamed: Streamed = NOTHING, child: str = ""
) -> Step:
    """One attempt of a node as a step; also of one iteration, where that is looked at alone."""
    streams = _streams(spec)
    # What is still streaming is shown whole: pieces that come next are joined to it by length.
    text = answer_text(row)[:WINDOW] or streamed.text if streams else ""
    return Step(
        **_named(spec),
        streams=streams,
        state=state,
        attempt=row.attempt,
        duration_ms=row.duration_ms,
        started_at=row.started_at,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost=row.cost,
        model=row.model,
        error=None if state == RETRYING else row.error,
        text=text,
        part=streamed.part,
        reused=row.reused,
        ports=None if row.ports is None else tuple(row.ports),
        child=child,
    )


def answer_text(row: NodeRun) -> str:
    """The text a node answered; of one that is stored by reference, its beginning."""
    text = row.output.get("text") if isinstance(row.output, dict) else None
    if isinstance(text, dict) and is_reference(text):
        return f"{text['preview']}…"
    return text if isinstance(text, str) else ""


def streamed_texts(
    run: Run, rows: Iterable[NodeRun], path: Sequence[str | int] = ()
) -> dict[str, Streamed]:
    """What nodes have streamed so far, from the kept stretches of their latest attempts.

    `path` is that of the rows. Also of nodes that were cut off: there is nothing else of them.
    """
    cut_off = (NodeStatus.RUNNING, NodeStatus.CANCELLED)
    open_rows = {row.node: row for row in rows if row.status in cut_off}
    if not open_rows:
        return {}
    events = RunEvent.objects.filter(
        run=run, type="node.delta", node__in=open_rows, path=list(path)
    )
    events = events.order_by("seq")
    texts = dict.fromkeys(open_rows, NOTHING)
    for event in events:
        data, known = event.data, texts[event.node]
        if data.get("attempt", 1) != open_rows[event.node].attempt:
            continue
        part, offset = data.get("part", 0), data.get("offset", 0)
        text = known.text if part == known.part else ""
        if part >= known.part and offset <= len(text):
            texts[event.node] = Streamed(text[:offset] + data.get("text", ""), part)
    return texts


def run_view(steps: Sequence[Step]) -> RunView:
    """The states of the steps for the picture."""
    states = {}
    for step in (inner for outer in steps for inner in outer.all()):
        facts = duration(step.duration_ms) if step.duration_ms else ""
        shows_facts = step.state in (NodeStatus.SUCCEEDED, NodeStatus.FAILED)
        said = step.summary.partition(",")[0] if step.inside else facts if shows_facts else ""
        states[step.node] = NodeState(step.state, step.ports, said, step.text[-600:])
    return RunView(states)
