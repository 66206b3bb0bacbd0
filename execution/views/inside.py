"""What the iterations of a step come to, in the words of a run's page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from execution.iterations import SHOWN, Inside, iterations_of
from execution.models import NodeRun, NodeStatus, Run
from execution.queries import RETRYING, shown_states
from flows.engine.document import Document

#: States that are not over, the one that tells most first.
OPEN = (NodeStatus.RUNNING, RETRYING, NodeStatus.WAITING, NodeStatus.PENDING)
#: Ends, the one that tells most first.
ENDS = (NodeStatus.FAILED, NodeStatus.CANCELLED, NodeStatus.SUCCEEDED, NodeStatus.SKIPPED)
#: What iterations are called by the type of their container: one, several.
WORDS = {"map": ("item", "items"), "loop": ("round", "rounds"), "agent": ("step", "steps")}
_SAID = {
    NodeStatus.FAILED: "failed",
    NodeStatus.RUNNING: "running",
    RETRYING: "tried again",
    NodeStatus.WAITING: "waiting",
    NodeStatus.SKIPPED: "skipped",
    NodeStatus.CANCELLED: "cancelled",
}


def state_inside(inside: Inside | None, holder: str, unreached: str, *, all_of: int = 0) -> str:
    """One state for all iterations of a step; `holder` is that of its container.

    `all_of`: how many iterations there will be, where that is certain.
    """
    counts = inside.counts if inside else {}
    for state in OPEN:
        if counts.get(state):
            return str(state)
    complete = all_of and sum(counts.values()) >= all_of
    if holder in OPEN and not complete:
        return str(NodeStatus.RUNNING if counts else NodeStatus.PENDING)
    return next((str(state) for state in ENDS if counts.get(state)), unreached)


def summary_inside(inside: Inside | None, items: int | None) -> str:
    """`7 of 10 done, 1 failed, 3 running`; `items` is how many there will be, where known."""
    if inside is None or not inside.counts:
        return f"0 of {items:,} done" if items else ""
    counts = inside.counts
    done = sum(counts.get(state, 0) for state in ENDS)
    whole = f"{done:,} of {items:,} done" if items else f"{done:,} done"
    parts = [f"{counts[state]:,} {word}" for state, word in _SAID.items() if counts.get(state)]
    if inside.reused:
        parts.append(f"{inside.reused:,} reused")
    return ", ".join([whole, *parts])


@dataclass(frozen=True)
class Iteration:
    """One item or round of a step; `place` is its path as an address has it: `rows.3`."""

    name: str
    place: str
    state: str
    row: NodeRun
    child: str = ""

    @property
    def message(self) -> str:
        return str((self.row.error or {}).get("message", "")) if self.state == "failed" else ""


@dataclass(frozen=True)
class Iterations:
    """The newest iterations of a step, as they were picked."""

    node: str
    word: str
    rows: Sequence[Iteration]
    failed: bool
    number: int | None
    address: str
    full: bool

    @property
    def words(self) -> str:
        return f"{self.word}s"


def picked(run: Run, document: Document, node: str, asked: Mapping[str, str]) -> Iterations:
    """The newest iterations of a step; `asked` has `failed` and `number` of the picker."""
    digits = asked.get("number", "").strip()
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
    failed = bool(asked.get("failed"))
    rows = list(iterations_of(run, node, failed=failed, number=number))
    states, children = shown_states(run, rows), _children(run, node, rows)
    specs = {spec.id: spec for spec in document.nodes}
    holder = specs.get(specs[node].parent or "")
    query = "&".join([*(["failed=1"] if failed else []), *([f"number={number}"] if digits else [])])
    return Iterations(
        node=node,
        word=WORDS.get(holder.type if holder else "", WORDS["map"])[0],
        rows=[
            Iteration(
                name_of(row.path, document),
                ".".join(map(str, row.path)),
                states[row.id],
                row,
                children.get(tuple(row.path), ""),
            )
            for row in rows
        ],
        failed=failed,
        number=number,
        address=f"{reverse('run-iterations', args=[run.id, node])}?{query}",
        full=len(rows) == SHOWN,
    )


def _children(run: Run, node: str, rows: Sequence[NodeRun]) -> dict[tuple[Any, ...], str]:
    """Path → the run of the sub-flow that the step began there."""
    if not any(row.type == "subflow" for row in rows):
        return {}
    paths = [row.path for row in rows]
    found = Run.objects.filter(parent=run, parent_node=node, parent_path__in=paths)
    pairs = found.order_by("created_at").values_list("parent_path", "id")
    return {tuple(path): str(child) for path, child in pairs}


def name_of(path: Sequence[str | int], document: Document) -> str:
    """A path in words: `Item 3`, `Item 3, round 0`."""
    types = {spec.id: spec.type for spec in document.nodes}
    pairs = zip(path[::2], path[1::2], strict=False)
    named = [f"{WORDS.get(types.get(str(at), ''), WORDS['map'])[0]} {n}" for at, n in pairs]
    return ", ".join(named).capitalize()


def read_place(place: str) -> list[str | int] | None:
    """The path that an address names: `rows.3` → `["rows", 3]`; None for what is none."""
    if not place:
        return []
    parts = place.split(".")
    if len(parts) % 2 or len(parts) > 200:
        return None
    path: list[str | int] = []
    for at, number in zip(parts[::2], parts[1::2], strict=True):
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            return None
        path += [at, int(number)]
    return path
