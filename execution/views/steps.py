"""The steps of a run as its page lists them, and the picture laid over by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from execution.models import NodeRun, NodeStatus, Run, RunEvent
from execution.queries import RETRYING, shown_states
from execution.views.values import WINDOW
from flows.engine.document import Document
from flows.engine.graph import Graph
from flows.engine.references import is_reference
from flows.engine.registry import registry
from flows.templatetags.pages import duration
from flows.views.picture import NodeState, RunView

#: What a node that no row tells of is called once its run has ended.
UNREACHED = "unreached"


@dataclass(frozen=True)
class Streamed:
    """What of a stream is kept; `part` counts how often it began anew within its attempt."""

    text: str = ""
    part: int = 0


NOTHING = Streamed()


@dataclass(frozen=True)
class Step:
    """One node of a run in the words of the page; `text` is what it streamed or answered."""

    node: str
    title: str
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

    @property
    def has_values(self) -> bool:
        return self.state not in (NodeStatus.PENDING, NodeStatus.SKIPPED, UNREACHED)


def steps_of(run: Run, document: Document, rows: Mapping[str, NodeRun]) -> list[Step]:
    """Every node that runs, in the flow's order; `rows` are the latest attempts."""
    graph = Graph(document)
    streamed = _streamed_texts(run, rows.values())
    states = shown_states(run, rows.values())
    return [
        _step(run, document, node, rows.get(node), states, streamed.get(node, NOTHING))
        for node in (*graph.order, *graph.looped)
    ]


def step_of(run: Run, document: Document, row: NodeRun | None, node: str) -> Step:
    """One step, to be put in place of what the page shows."""
    rows = [row] if row else []
    streamed = _streamed_texts(run, rows)
    return _step(run, document, node, row, shown_states(run, rows), streamed.get(node, NOTHING))


def _step(
    run: Run,
    document: Document,
    node: str,
    row: NodeRun | None,
    states: Mapping[UUID, str],
    streamed: Streamed,
) -> Step:
    spec = next(spec for spec in document.nodes if spec.id == node)
    node_type = registry().get(spec.type)
    title = node_type.title if node_type else spec.type
    named = {
        "node": node,
        "title": spec.label or title,
        "type_title": title,
        "category": node_type.category if node_type else "code",
        "icon": node_type.icon if node_type else "circle-help",
        "streams": bool(node_type and node_type.streams),
    }
    if row is None:
        state = UNREACHED if run.ended else NodeStatus.PENDING
        return Step(**named, state=state)  # type: ignore[arg-type]
    # What is still streaming is shown whole: pieces that come next are joined to it by length.
    text = answer_text(row)[:WINDOW] or streamed.text if node_type and node_type.streams else ""
    return Step(
        **named,  # type: ignore[arg-type]
        state=states[row.id],
        attempt=row.attempt,
        duration_ms=row.duration_ms,
        started_at=row.started_at,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost=row.cost,
        model=row.model,
        error=None if states[row.id] == RETRYING else row.error,
        text=text,
        part=streamed.part,
        reused=row.reused,
    )


def answer_text(row: NodeRun) -> str:
    """The text a node answered; of one that is stored by reference, its beginning."""
    text = row.output.get("text") if isinstance(row.output, dict) else None
    if isinstance(text, dict) and is_reference(text):
        return f"{text['preview']}…"
    return text if isinstance(text, str) else ""


def _streamed_texts(run: Run, rows: Sequence[NodeRun] | Any) -> dict[str, Streamed]:
    """What nodes have streamed so far, from the kept stretches of their latest attempts."""
    open_rows = {row.node: row for row in rows if row.status == NodeStatus.RUNNING}
    if not open_rows:
        return {}
    events = RunEvent.objects.filter(run=run, type="node.delta", node__in=open_rows).order_by("seq")
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


def run_view(steps: Sequence[Step], rows: Mapping[str, NodeRun]) -> RunView:
    """The states of the steps for the picture."""
    states = {}
    for step in steps:
        row = rows.get(step.node)
        facts = duration(step.duration_ms) if step.duration_ms else ""
        shows_facts = step.state in (NodeStatus.SUCCEEDED, NodeStatus.FAILED)
        states[step.node] = NodeState(
            step.state, row.ports if row else None, facts if shows_facts else "", step.text[-600:]
        )
    return RunView(states)
