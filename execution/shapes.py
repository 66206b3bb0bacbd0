"""The plain-data shapes that cross Temporal's border: all JSON, no Django, no Temporal.

Times are ISO 8601 strings in UTC. Values over the inline limit are references (payloads.py).
"""

from typing import Any, NotRequired, TypedDict

JSON = Any
#: Characters of a large document's JSON that travel at once.
DOCUMENT_PIECE = 500_000


class RunInput(TypedDict):
    """What the workflow of a run is started with.

    `document` is the pinned document without its layout, or None where it is too large to
    travel: then the workflow asks for it. `run` is what expressions read as `run`. `lineage` are
    the ids of the runs above a sub-flow's run. `reuse` says what is taken over from another run.
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
    lineage: NotRequired[list[str]]
    reuse: NotRequired["ReuseCall | None"]


class ReuseCall(TypedDict):
    """What a repeated run takes over: see `flows.engine.reuse.Reuse`.

    `run` is the id of the run before; None where only `given` is taken: outputs of nodes outside of
    containers, as a person gave them; `given_ports`, by which ports these are left, where it is not
    `out`.
    """

    run: str | None
    start: str | None
    only_failed: bool
    edited: bool
    given: dict[str, dict[str, JSON]]
    given_ports: NotRequired[dict[str, list[str]]]


class NodeRecord(TypedDict):
    """What a driver settled by itself: a pure node that ran, one that was skipped or taken over.

    A node that lasts (a container, a wait) has two: `running` or `waiting` where it began, and its
    end. `at` is when that happened; `began`, where the end is not that of a node of no duration;
    `reason`, why a node was skipped to which a path led ("disabled").
    """

    node: str
    type: str
    path: list[str | int]
    status: str
    at: str
    input: JSON
    output: JSON
    ports: list[str]
    error: dict[str, JSON] | None
    began: NotRequired[str | None]
    reused: NotRequired[bool]
    reason: NotRequired[str]


class Inside(TypedDict):
    """What the call of a container says beside what every node's call says.

    `fresh`: nothing inside is taken over. `whole`: up to how many items are worked off at once;
    more are handed back in parts. A call for one part names its `items` (a list, or a reference to
    one) and the number of the `first`, and how many are worked on at the same time.
    """

    run: dict[str, JSON]
    variables: dict[str, JSON]
    reuse: ReuseCall | None
    fresh: bool
    whole: int
    items: JSON
    first: int
    concurrency: int
    on_item_error: str


class NodeCall(TypedDict):
    """One node to run in an activity, with all it may see.

    `context` holds the roots its config mentions, `incoming` the live incoming edges. Where they
    are too large to travel, `from_record` names the nodes whose outputs are read from the record,
    each with its path (only its name in calls of the first release).
    A config that is too large to travel is None and read from the run's document. `retry_asked_for`
    says that the document itself sets a retry: then also what may have been done is done again.
    `resumes`: its steps are recorded each, so an open attempt of it goes on and is not begun again.
    `plain`: the config holds values, in which nothing is evaluated. `label` is what people read,
    where no node of the document has it. `unanswered` are the errors, by the number of the step, of
    asks that left no record.
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
    from_record: list[tuple[str, list[str | int]] | str]
    run_inputs: dict[str, JSON]
    session_id: str | None
    started_at: str
    deadline: str
    value_limit: int
    records: list[NodeRecord]
    lineage: NotRequired[list[str]]
    inside: NotRequired[Inside]
    resumes: NotRequired[bool]
    plain: NotRequired[bool]
    label: NotRequired[str]
    unanswered: NotRequired[dict[str, dict[str, JSON]]]


class Ask(TypedDict):
    """What a step of a node waits for: another flow's run, or a person; `config` is values."""

    node: str
    path: list[str | int]
    type: str
    config: dict[str, JSON]
    label: str
    timeout_seconds: float | None


def call_of_ask(call: NodeCall, ask: Ask) -> NodeCall:
    """The call that has something done for which a step of another call's node waits."""
    asked: NodeCall = {
        **call,
        "node": ask["node"],
        "path": ask["path"],
        "type": ask["type"],
        "config": ask["config"],
        "label": ask["label"],
        "plain": True,
        "context": {},
        "incoming": [],
        "from_record": [],
        "records": [],
    }
    for name in ("resumes", "unanswered"):
        asked.pop(name, None)  # type: ignore[misc]
    return asked


class NodeDone(TypedDict):
    """What an activity hands back: the node's result, large values by reference.

    `ends_run` is the status with which a stop node ends what `leaves` names, `error` what it says.
    `parts`, of a map with too many items for one call: the items of each part, or references to
    them; `output` then holds its `concurrency` and the `size` of a part. `paused`: somebody paused
    the run; the call is to be repeated when it goes on. `asks`: what steps of the node wait for;
    the call is to be repeated when all of them are over.
    """

    output: dict[str, JSON]
    ports: list[str]
    ends_run: str | None
    message: str
    leaves: NotRequired[str]
    error: NotRequired[dict[str, JSON] | None]
    parts: NotRequired[list[JSON]]
    paused: NotRequired[bool]
    asks: NotRequired[list[Ask]]


class PartDone(TypedDict):
    """What became of one part of a map: its `items` and `errors` (lists, or references to them).

    Of some rounds of a loop, `items` is what the loop would hand on after them, and `fresh` whether
    one of them ran again, so that nothing of the later ones may be taken over.
    """

    items: JSON
    errors: JSON
    failed: dict[str, JSON] | None
    ends: dict[str, JSON] | None
    paused: bool
    fresh: NotRequired[bool]


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
