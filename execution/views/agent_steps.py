"""The steps in which an agent works, as pages show them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from execution.agent_steps import SHOWN, steps_of_node
from execution.approval_models import Approval, ApprovalState
from execution.models import NodeRun, NodeStatus, Run
from execution.queries import shown_states
from execution.views.values import with_previews

JSON = Any
#: Characters of what went into a step and came out; the rest is behind a link.
WINDOW = 4_000


@dataclass(frozen=True)
class Part:
    """What went into a step or came out, cut to the window."""

    text: str
    cut: bool


@dataclass(frozen=True)
class AgentStep:
    """One answer, call or approval. `child` is the run of a flow; `approval` what is open."""

    number: int
    title: str
    state: str
    row: NodeRun
    given: Part | None
    gave: Part | None
    child: str = ""
    approval: Approval | None = None

    @property
    def message(self) -> str:
        failed = self.state == NodeStatus.FAILED
        return str((self.row.error or {}).get("message", "")) if failed else ""


@dataclass(frozen=True)
class AgentSteps:
    """The newest steps of one agent; `place` is its path as an address has it, with itself."""

    node: str
    place: str
    steps: Sequence[AgentStep]
    full: bool


def agent_steps(run: Run, node: str, path: Sequence[str | int]) -> AgentSteps | None:
    """The steps of a node, with four queries; None where it has none."""
    rows = [row for row in steps_of_node(run, node, path) if _is_shown(row)]
    if not rows:
        return None
    states, inside = shown_states(run, rows), [*path, node]
    flows = Run.objects.filter(parent=run, parent_path__in=[row.path for row in rows])
    children = {tuple(path): str(id) for path, id in flows.values_list("parent_path", "id")}
    open_ones = Approval.objects.filter(run=run, state=ApprovalState.OPEN)
    asked = {
        tuple(found.path): found
        for found in open_ones.filter(
            path__in=[row.path for row in rows if row.finished_at is None]
        )
    }
    steps = [
        AgentStep(
            number=int(row.path[-1]),
            title=_title(row),
            state=states[row.id],
            row=row,
            given=_part(_given(row)),
            gave=_part(_gave(row)),
            child=children.get(tuple(row.path), ""),
            approval=asked.get(tuple(row.path)),
        )
        for row in rows
    ]
    return AgentSteps(node, ".".join(map(str, inside)), steps, len(rows) >= SHOWN)


def _is_shown(row: NodeRun) -> bool:
    """What it looks up before it begins is of interest where it failed."""
    return row.path[-1] != 0 or row.status != NodeStatus.SUCCEEDED


def _title(row: NodeRun) -> str:
    name = row.node.removeprefix(".")
    match row.type:
        case "llm":
            return "Answer"
        case "approval":
            return f"Approval of {name}"
    return name


def _given(row: NodeRun) -> JSON:
    """The arguments of a call; a model was given what stands above it."""
    given = row.input if isinstance(row.input, dict) else {}
    return given.get("inputs" if row.type == "subflow" else "arguments")


def _gave(row: NodeRun) -> JSON:
    """What people look for in an output."""
    output = row.output
    if not isinstance(output, dict) or "$blob" in output:
        return output
    match row.type:
        case "llm":
            names = [str(call.get("name")) for call in _list(output.get("tool_calls"))]
            return output.get("text") or (f"Calls {', '.join(names)}" if names else "")
        case "http":
            return output["json"] if output.get("json") is not None else output.get("text")
        case "mcp":
            return output["json"] if output.get("json") is not None else output.get("content")
        case "approval":
            comment = output.get("comment")
            return f"{output.get('decision')}: {comment}" if comment else output.get("decision")
    return output


def _list(value: JSON) -> list[dict[str, JSON]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _part(value: JSON) -> Part | None:
    if value is None or value in ("", {}, []):
        return None
    shown = with_previews(value)
    text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, indent=2)
    return Part(text[:WINDOW], len(text) > WINDOW)
