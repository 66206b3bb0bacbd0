"""Every node type that calls a provider, in whole runs, against whatever a provider can do.

Each cell of the table is a run. It has to end in time and as the table says, and what the record
has of its tokens is what the scripted server counted, to the token; where a call was cut off before
the server said, the record says that it is an estimate.
"""

import asyncio
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from django.db.models import Sum
from django.test import override_settings

from accounts.permissions import Actor
from billing.models import UsageRecord
from execution.files.services import store_file
from execution.knowledge.queries import indexes_of
from execution.knowledge.tests.collections_for_tests import collection_with
from execution.live.hub import Frame, Reader, hub
from execution.models import NodeRun, Run
from execution.providers.registry import load_provider
from execution.services import start_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    new_actor,
    output,
    published,
    start_node,
    until,
)
from flows.engine.node_type import RetryDefaults
from flows.models import Flow
from flows.nodes.agent import node as agent
from tests.support.model_media import SOUND

JSON = Any

#: Status of the run, code of its error, how its tokens are booked, calls that reached the server.
type Seen = tuple[str, str, str, int]
type Table = Mapping[str, Seen]
BUSY = "busy-1"
LIMITED = "error-429-retry-600"
HANGS = "hang"
STALLS = "stall"
HANGING = (HANGS, STALLS)
CACHED = "cached-3"
STREAMS = "tokens-60x10ms"
#: Node timeouts in seconds: of cells that hang, and of all others, which must not need them.
SHORT, LONG = 3.0, 120.0
#: Seconds until all runs have ended; they all go on at the same time.
MOST = 120.0

REFUSED: Table = {
    LIMITED: ("failed", "model_rate_limited", "nothing", 1),
    "error-500": ("failed", "model_unavailable", "nothing", 1),
    "error-401": ("failed", "model_auth", "nothing", 1),
    "too-long": ("failed", "model_context_window", "nothing", 1),
    HANGS: ("failed", "timeout", "nothing", 1),
}
ANSWERED: Table = {
    "slow-300ms": ("succeeded", "", "exact", 1),
    BUSY: ("succeeded", "", "exact", 2),
}
#: Of an answer that is not streamed nobody knows what it used before it is there.
WHOLE: Table = {
    **REFUSED,
    **ANSWERED,
    "disconnect": ("failed", "model_unavailable", "nothing", 1),
    "malformed": ("failed", "model_bad_answer", "nothing", 1),
}
MEDIA: Table = {
    **WHOLE,
    "refusal": ("failed", "model_refused", "nothing", 1),
    "filter": ("failed", "model_refused", "nothing", 1),
}
STREAMED: Table = {
    **REFUSED,
    **ANSWERED,
    "disconnect": ("failed", "model_unavailable", "estimated", 1),
    "cut": ("failed", "model_unavailable", "estimated", 1),
    "malformed": ("failed", "model_bad_answer", "estimated", 1),
    "stream-error": ("failed", "model_unavailable", "estimated", 1),
    STALLS: ("failed", "timeout", "estimated", 1),
    "refusal": ("failed", "model_refused", "exact", 1),
    "filter": ("failed", "model_refused", "exact", 1),
    "length": ("succeeded", "", "exact", 1),
}
TEXT: Table = {
    **STREAMED,
    STREAMS: ("succeeded", "", "exact", 1),
    "context": ("succeeded", "", "exact", 1),
    CACHED: ("succeeded", "", "exact", 1),
}
#: An answer that is no JSON is asked for a second time, unless it was cut off.
DATA: Table = {
    **STREAMED,
    "say-nonsense": ("failed", "output_invalid", "exact", 2),
    "length+say-{": ("failed", "output_cut", "exact", 1),
}


@dataclass(frozen=True)
class Kind:
    """A node type at a provider: its settings, which read `start.model`, `.text` and `.file`."""

    type: str
    provider: str
    config: JSON
    table: Table

    @property
    def name(self) -> str:
        return f"{self.type}-{self.provider}".strip("-")


def of_text(node_type: str, provider: str) -> Kind:
    return Kind(node_type, provider, {"prompt": "{{ start.text }}", "system": "Be brief."}, TEXT)


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
COMPATIBLE = "openai_compatible"
GIVEN = {"text": "{{ start.text }}"}
KINDS = [
    of_text("llm", "anthropic"),
    of_text("llm", "openai"),
    of_text("llm", COMPATIBLE),
    of_text("agent", "anthropic"),
    Kind("classify", "openai", {**GIVEN, "labels": [{"name": "yes"}, {"name": "no"}]}, DATA),
    Kind("extract", COMPATIBLE, {**GIVEN, "schema": SCHEMA}, DATA),
    Kind("image", "openai", {"prompt": "{{ start.text }}"}, MEDIA),
    Kind("transcribe", COMPATIBLE, {"file": "{{ start.file }}"}, MEDIA),
    Kind("speech", "openai", GIVEN, MEDIA),
    Kind("knowledge", "", {"collection": "Handbook", "query": "{{ start.text }}"}, WHOLE),
]


@dataclass
class Cell:
    """One run, and what was heard of it while it went on."""

    behaviour: str
    tag: str
    run: Run
    heard: list[Frame] = field(default_factory=list)
    reader: Reader = field(init=False)


def flow_of(kind: Kind, seconds: float) -> JSON:
    named = {} if kind.type == "knowledge" else {"model": "{{ start.model }}"}
    node = {
        "id": "ask",
        "type": kind.type,
        "config": {**kind.config, **named},
        "retry": {"max_attempts": 1},
        "timeout_seconds": seconds,
    }
    # No edge for an answer that has ports of its own.
    nodes = [start_node("model", "text", "file"), node, output("over")]
    settings = {"execution": "inline", "timeout_seconds": 300}
    return document(nodes, ["start>ask", "start>end"], settings=settings)


def started(actor: Actor, kind: Kind, behaviours: list[str]) -> list[Cell]:
    """A run for each behaviour."""
    flows: dict[float, Flow] = {}
    file = str(store_file(actor, "talk.mp3", BytesIO(SOUND)).id)
    cells = []
    for behaviour in behaviours:
        seconds = SHORT if behaviour in HANGING else LONG
        if seconds not in flows:
            flows[seconds] = published(actor, flow_of(kind, seconds))
        tag = f"t{uuid.uuid4().hex[:12]}"
        # The model of a collection is not the node's to choose, so its query says how to behave.
        text = f"How long does a refund of {tag} take?"
        text += f" [[{behaviour}]]" if kind.type == "knowledge" else ""
        given = {"model": f"{kind.provider}/{behaviour}+{tag}", "text": text, "file": file}
        run = start_run(actor, flows[seconds], given).run
        cell = Cell(behaviour, tag, run)
        cell.reader = Reader(str(run.id), 0, cell.heard.append)
        hub().watch(cell.reader)
        cells.append(cell)
    return cells


def make_searchable(actor: Actor) -> None:
    """A collection, indexed by the stack's worker."""
    made = collection_with(actor)
    until(lambda: indexes_of([made])[made.pk].state == "ready")


def all_started() -> dict[str, list[Cell]]:
    """The runs of all kinds; what hangs begins first, before there is much to do."""
    actors = {kind.name: new_actor() for kind in KINDS}
    make_searchable(actors["knowledge"])
    cells: dict[str, list[Cell]] = {kind.name: [] for kind in KINDS}
    for hanging in (True, False):
        for kind in KINDS:
            wanted = [name for name in kind.table if (name in HANGING) is hanging]
            cells[kind.name] += started(actors[kind.name], kind, wanted)
    return cells


@pytest.fixture(scope="module")
def cells(live_stack: JSON, django_db_blocker: JSON) -> Iterator[dict[str, list[Cell]]]:
    """By name of kind: every run of the tables, over."""
    given: dict[str, JSON] = dict(live_stack.model_environment())
    given["FLUX_ALLOW_HOSTS"] = [given["FLUX_ALLOW_HOSTS"]]
    with (
        django_db_blocker.unblock(),
        override_settings(**given),
        pytest.MonkeyPatch.context() as patch,
    ):
        live_stack.heal()
        # An agent's steps have tries of their own.
        patch.setattr(agent, "_RETRY", RetryDefaults(max_attempts=1))
        for provider in ("anthropic", "openai"):
            # To import an SDK can take longer than the short timeout.
            asyncio.run(load_provider(provider))
        all_cells = all_started()
        end = time.monotonic() + MOST
        for cell in (cell for some in all_cells.values() for cell in some):
            cell.run = ended(cell.run, max(1.0, end - time.monotonic()))
            hub().forget(cell.reader)
        yield all_cells


def booked(run: Run) -> tuple[int, int]:
    """Input and output tokens of the run: the same on it, on its steps, and in the accounts."""
    columns = {"i": Sum("input_tokens", default=0), "o": Sum("output_tokens", default=0)}
    steps = NodeRun.objects.filter(run=run).aggregate(**columns)
    accounts = UsageRecord.objects.filter(run_id=run.id).aggregate(**columns)
    assert steps == accounts == {"i": run.input_tokens, "o": run.output_tokens}
    return run.input_tokens, run.output_tokens


def how_booked(run: Run, calls: list[JSON]) -> str:
    tokens = booked(run)
    counted = tuple(sum(call.billed[place] for call in calls) for place in (0, 1))
    estimates = set(UsageRecord.objects.filter(run_id=run.id).values_list("estimated", flat=True))
    if estimates == {True} and counted == (0, 0) and min(tokens) > 0:
        return "estimated"
    if tokens != counted:
        return f"{tokens}, and the server counted {counted}"
    return "exact" if estimates == {False} else "nothing" if not estimates else f"{estimates}"


def seen(cell: Cell, calls: list[JSON]) -> Seen:
    run = cell.run
    mine = [call for call in calls if cell.tag in call.model or cell.tag in call.prompt]
    code = "" if run.error is None else run.error["code"]
    if code:
        assert (run.error or {})["node"] == "ask"
    return (str(run.status), code, how_booked(run, mine), len(mine))


def check_output(cell: Cell, calls: list[JSON]) -> None:
    """What the node hands on tells the same tokens, and what was streamed is what it says."""
    row = NodeRun.objects.get(run=cell.run, node="ask", status="succeeded")
    assert row.output is not None
    usage = row.output.get("usage")
    if usage is not None:
        assert (usage["input_tokens"], usage["output_tokens"]) == booked(cell.run)
    if cell.behaviour == CACHED:
        assert UsageRecord.objects.get(run_id=cell.run.id).cache_read_tokens == 3
    if cell.behaviour == STREAMS:
        pieces = [delta["text"] for frame in cell.heard for delta in frame.deltas]
        assert pieces
        assert "".join(pieces) in row.output["text"] == "".join(f"t{n} " for n in range(60))


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_whatever_a_provider_does_a_run_ends_clearly_and_its_tokens_are_right(
    kind: Kind, cells: dict[str, list[Cell]], live_stack: JSON
) -> None:
    calls = live_stack.model_server.calls
    mine = cells[kind.name]
    found = {cell.behaviour: seen(cell, calls) for cell in mine}
    assert found.keys() == kind.table.keys()
    wrong = {name: found[name] for name in found if found[name] != kind.table[name]}
    assert wrong == {}
    for cell in mine:
        if cell.run.status == "succeeded":
            check_output(cell, calls)


def test_every_node_type_that_calls_a_provider_has_its_rows() -> None:
    from flows.engine.registry import registry

    asking = {node_type.type for node_type in registry().all() if node_type.queue == "model"}
    assert {kind.type for kind in KINDS} == asking | {"knowledge"}
