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
from flows.engine.node_type import NodeType
from flows.engine.scope import Scope
from flows.engine.sight import body_context, context_of, incoming_of
from flows.engine.sizes import wire_size
from flows.engine.walk import Walk

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
    incoming: tuple[tuple[str, JSON], ...] = ()


def seen_by(walk: Walk, scope: Scope, node: NodeSpec, node_type: NodeType) -> Seen:
    """What this node of a run sees now; a container, with what is in it."""
    if node_type.control in ("map", "loop"):
        return Seen(body_context(walk.graph, scope, node.id, walk.given))
    context = context_of(walk.graph, scope, node.id, walk.given)
    incoming = incoming_of(walk.graph, scope, node.id) if node_type.pure is not None else ()
    return Seen(context, incoming)


def call_for(
    node: NodeSpec,
    node_type: NodeType,
    scope: Scope,
    seen: Seen,
    start: RunInput,
    *,
    limits: Limits,
    started_at: str,
    deadline: str,
) -> tuple[NodeCall, int]:
    """The call that runs a node outside of its driver, and about how many bytes it has."""
    config: dict[str, JSON] | None = node.config
    context, incoming = seen.context, seen.incoming
    from_record: list[tuple[str, list[str | int]] | str] = []
    size = wire_size(config)
    if size > ROOMY.call // 2:
        config, size = None, 0
    carried = wire_size(context) + wire_size(incoming)
    if size + carried > limits.call:
        # Only what succeeded is read from the record: it has no word of what the plan made of
        # the others (nothing, or the error on a branch), and that is small.
        named = dict.fromkeys([*context, *(source for source, _ in incoming)])
        paths = {name: _recorded(scope, name) for name in named}
        from_record = [(name, path) for name, path in paths.items() if path is not None]
        left_out = {name for name, path in paths.items() if path is not None}
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
        path=list(scope.path),
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
    if node_type.has_steps:
        call["resumes"] = True
    if lineage := start.get("lineage"):
        call["lineage"] = lineage
    return call, size + carried


def _recorded(scope: Scope, name: str) -> list[str | int] | None:
    """The path under which the output of a succeeded node is in the record."""
    for at in scope.chain():
        if at.state.status.get(name) == "succeeded" and name in at.state.outputs:
            return list(at.path)
    return None
