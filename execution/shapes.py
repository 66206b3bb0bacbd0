"""The plain-data shapes that cross Temporal's border: all JSON, no Django, no Temporal.

Times are ISO 8601 strings in UTC. Values over the inline limit are references (payloads.py).
"""

from typing import Any, TypedDict

JSON = Any
#: Characters of a large document's JSON that travel at once.
DOCUMENT_PIECE = 500_000


class RunInput(TypedDict):
    """What the workflow of a run is started with.

    `document` is the pinned document without its layout, or None where it is too large to
    travel: then the workflow asks for it. `run` is what expressions read as `run`.
    """

    run_id: str
    workspace_id: str
    flow_id: str
    engine_version: int
    document: dict[str, JSON] | None
    inputs: dict[str, JSON]
    run: dict[str, JSON]
    variables: dict[str, JSON]
    timeout_seconds: float


class NodeRecord(TypedDict):
    """A node that the workflow itself settled: a pure node that ran, or one that was skipped."""

    node: str
    type: str
    path: list[str | int]
    status: str
    at: str
    input: JSON
    output: JSON
    ports: list[str]
    error: dict[str, JSON] | None


class NodeCall(TypedDict):
    """One node to run in an activity, with all it may see.

    `context` holds the roots its config mentions, `incoming` the live incoming edges. Where they
    are too large to travel, `from_record` names the nodes whose outputs are read from the record.
    A config that is too large to travel is None and read from the run's document. `retry_asked_for`
    says that the document itself sets a retry: then also what may have been done is done again.
    `deadline` is the run's own, `value_limit` the bytes from which on a value of the result travels
    by reference. `records` are nodes that the workflow settled since it last handed records over.
    """

    run_id: str
    workspace_id: str
    flow_id: str
    node: str
    type: str
    config: dict[str, JSON] | None
    path: list[str | int]
    timeout_seconds: float
    retry: dict[str, JSON]
    retry_asked_for: bool
    context: dict[str, JSON]
    incoming: list[tuple[str, JSON]]
    from_record: list[str]
    run_inputs: dict[str, JSON]
    session_id: str | None
    started_at: str
    deadline: str
    value_limit: int
    records: list[NodeRecord]


class NodeDone(TypedDict):
    """What an activity hands back: the node's result, large values by reference."""

    output: dict[str, JSON]
    ports: list[str]
    ends_run: str | None
    message: str


class RunEnd(TypedDict):
    """The end of a run, written once by its last recording step.

    `outputs` is None for a run without outputs, and where they are too large to travel: then they
    are read from the record of the output nodes.
    """

    run_id: str
    status: str
    outputs: dict[str, JSON] | None
    error: dict[str, JSON] | None
    started_at: str
    records: list[NodeRecord]
