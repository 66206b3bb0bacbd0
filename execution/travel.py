"""What travels between workflow and activities, kept within Temporal's limits: no Django, no clock.

Temporal refuses payloads over 2 MiB and what leaves together over 4 MB, and ends a workflow whose
history passes 50 MiB. So large contexts are read from the record instead; and once a history has
grown, values travel by reference from a smaller size on.
"""

from dataclasses import asdict, dataclass
from typing import Any

from execution.shapes import NodeCall, RunInput
from flows.engine.attempts import attempt_seconds, retry_is_asked_for, retry_of
from flows.engine.document import NodeSpec
from flows.engine.graph import Graph
from flows.engine.node_type import NodeType
from flows.engine.plan import RunState, context_for, incoming_for
from flows.engine.sizes import wire_size

JSON = Any


@dataclass(frozen=True)
class Limits:
    """Bytes of JSON: of one value that stays in the workflow, and of what a call carries."""

    value: int
    call: int


ROOMY = Limits(value=32_768, call=1_000_000)
TIGHT = Limits(value=2_000, call=16_000)
#: Bytes of history from which on it is tight: what is on its way then still comes on top.
HISTORY_MUCH = 12_000_000
#: Bytes of calls that leave together.
LEAVING = 1_500_000
#: Bytes of outputs that travel with the end of a run; above, they are read from the record.
OUTPUTS = 500_000


def limits_for(history_bytes: int) -> Limits:
    """The limits that hold for a history of this size."""
    return ROOMY if history_bytes < HISTORY_MUCH else TIGHT


@dataclass(frozen=True)
class Seen:
    """What a node sees: the roots its config mentions, and its live incoming edges."""

    context: dict[str, JSON]
    incoming: tuple[tuple[str, JSON], ...]

    @classmethod
    def by(cls, node: str, graph: Graph, state: RunState, start: RunInput) -> "Seen":
        """What this node of a run sees now."""
        context = context_for(graph, state, node, start["run"], start["variables"])
        return cls(context, incoming_for(graph, state, node))


def call_for(
    node: NodeSpec,
    node_type: NodeType,
    seen: Seen,
    state: RunState,
    start: RunInput,
    *,
    limits: Limits,
    started_at: str,
    deadline: str,
) -> tuple[NodeCall, int]:
    """The call that runs a node in an activity, and about how many bytes it has."""
    config: dict[str, JSON] | None = node.config
    context, incoming = seen.context, seen.incoming if node_type.pure is not None else ()
    from_record: list[str] = []
    size = wire_size(config)
    if size > ROOMY.call // 2:
        config, size = None, 0
    carried = wire_size(context) + wire_size(incoming)
    if size + carried > limits.call:
        # Only what succeeded is read from the record: it has no word of what the plan made of
        # the others (nothing, or the error on a branch), and that is small.
        named = dict.fromkeys([*context, *(source for source, _ in incoming)])
        from_record = [name for name in named if state.status.get(name) == "succeeded"]
        left_out = set(from_record)
        context = {name: value for name, value in context.items() if name not in left_out}
        incoming = tuple(
            (source, None if source in left_out else value) for source, value in incoming
        )
        carried = wire_size(context) + wire_size(incoming)
    call = NodeCall(
        run_id=start["run_id"],
        workspace_id=start["workspace_id"],
        flow_id=start["flow_id"],
        node=node.id,
        type=node.type,
        config=config,
        path=[],
        timeout_seconds=attempt_seconds(node, node_type),
        retry=asdict(retry_of(node, node_type)),
        retry_asked_for=retry_is_asked_for(node),
        context=context,
        incoming=list(incoming),
        from_record=from_record,
        run_inputs=start["inputs"] if node.type == "input" else {},
        session_id=start["run"].get("session_id"),
        started_at=started_at,
        deadline=deadline,
        value_limit=limits.value,
        records=[],
    )
    return call, size + carried
