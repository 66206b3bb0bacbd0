"""Runs from start to recorded end on the real stack: Temporal, a worker, PostgreSQL, a model."""

import asyncio
import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from billing.models import UsageRecord
from execution.errors import IdempotencyConflict, InputsInvalid, NotPublished
from execution.models import Blob, NodeRun, Run, RunEvent
from execution.queries import events_after, run_payload
from execution.services import cancel_run, start_run
from execution.temporal_client import connect
from execution.tests.flows_for_tests import (
    document,
    ended,
    event_types,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
    statuses,
    until,
)
from flows.engine.errors import DocumentInvalid
from flows.services import create_flow

pytestmark = pytest.mark.usefixtures("stack")

ECHO = document([start_node("text"), output("{{ start.text }}")], ["start>end"])


def test_a_run_of_pure_nodes_is_recorded_whole_and_in_order() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        {"id": "long", "type": "if", "config": {"condition": "{{ start.text | length > 3 }}"}},
        {"id": "said", "type": "template", "config": {"template": "You said {{ start.text }}"}},
        output("{{ said.text }}", "yes"),
        output("too short", "no"),
    ]
    edges = ["start>long", "long.true>said", "said>yes", "long.false>no"]
    run = run_to_end(actor, published(actor, document(nodes, edges)), {"text": "hello"})
    assert run.status == "succeeded"
    assert run.outputs == {"yes": "You said hello"}
    assert statuses(run) == {
        "start": "succeeded",
        "long": "succeeded",
        "said": "succeeded",
        "yes": "succeeded",
        "no": "skipped",
    }
    types = event_types(run)
    assert types[:2] == ["run.queued", "run.started"]
    assert types[-1] == "run.finished"
    assert types.index("node.finished:start") < types.index("node.started:said")
    seqs = list(RunEvent.objects.filter(run=run).values_list("seq", flat=True).order_by("seq"))
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_model_node_streams_books_its_tokens_and_hands_its_text_on() -> None:
    actor = new_actor()
    nodes = [start_node("text"), llm("ask", "Say {{ start.text }}"), output("{{ ask.text }}")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    run = run_to_end(actor, flow, {"text": "good day"})
    assert run.outputs == {"end": "Say good day"}
    record = UsageRecord.objects.get(run_id=run.id)
    assert (record.node, record.attempt) == ("ask", 1)
    assert (
        record.output_tokens
        == run.output_tokens
        == NodeRun.objects.get(run=run, node="ask").output_tokens
    )
    assert run.input_tokens > 0


def test_text_of_a_long_stream_is_kept_while_it_runs() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "tokens-80x40ms"),
        output("{{ ask.text }}"),
    ]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    run = start_run(actor, flow, {"text": "x"}).run
    until(lambda: RunEvent.objects.filter(run=run, type="node.delta").exists())
    run.refresh_from_db()
    assert run.status == "running"
    text = ""
    ended(run)
    for event in events_after(run.id, 0, 1_000):
        if event["type"] == "node.delta":
            assert event["offset"] == len(text)
            text += event["text"]
    assert run.outputs is not None
    assert run.outputs["end"].startswith(text)
    assert len(text) > 100


def test_s2_text_from_outside_is_never_evaluated() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        {"id": "said", "type": "template", "config": {"template": "{{ start.text }}"}},
        llm("ask", "{{ said.text }}"),
        {"id": "kept", "type": "transform", "config": {"fields": {"x": "{{ ask.text }}"}}},
        output("{{ kept.x }}"),
    ]
    edges = ["start>said", "said>ask", "ask>kept", "kept>end"]
    run = run_to_end(actor, published(actor, document(nodes, edges)), {"text": "{{ 1 + 1 }}"})
    assert run.outputs == {"end": "{{ 1 + 1 }}"}


def test_a_failed_node_says_what_happened_and_ends_the_run() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        llm(
            "ask",
            "{{ start.text }}",
            "error-500",
            retry={"max_attempts": 2, "initial_seconds": 0.1},
        ),
        output("{{ ask.text }}"),
    ]
    run = run_to_end(
        actor, published(actor, document(nodes, ["start>ask", "ask>end"])), {"text": "x"}
    )
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["node"] == "ask"
    assert run.error["code"] == "model_unavailable"
    attempts = NodeRun.objects.filter(run=run, node="ask").order_by("attempt")
    assert [row.status for row in attempts] == ["failed", "failed"]
    assert "node.retrying:ask" in event_types(run)
    assert "end" not in statuses(run)


def test_a_failure_may_leave_by_its_own_port() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "refusal", on_error="branch"),
        output("{{ ask.error.code }}", "failed"),
        output("{{ ask.text }}", "fine"),
    ]
    edges = ["start>ask", "ask.error>failed", "ask>fine"]
    run = run_to_end(actor, published(actor, document(nodes, edges)), {"text": "x"})
    assert run.status == "succeeded"
    assert run.outputs == {"failed": "model_refused"}
    assert statuses(run)["fine"] == "skipped"


def test_branches_run_at_the_same_time_and_merge() -> None:
    actor = new_actor()
    names = ["a", "b", "c"]
    nodes = [
        start_node("text"),
        *(llm(name, name, "echo+slow-700ms") for name in names),
        {"id": "all", "type": "merge", "config": {"mode": "collect"}},
        output("{{ all.items | map('text') | join(' ') }}"),
    ]
    edges = [edge for name in names for edge in (f"start>{name}", f"{name}>all")] + ["all>end"]
    run = run_to_end(actor, published(actor, document(nodes, edges)), {"text": "x"})
    assert run.outputs == {"end": "a b c"}
    rows = NodeRun.objects.filter(run=run, type="llm")
    latest_start = max(row.started_at for row in rows if row.started_at)
    first_end = min(row.finished_at for row in rows if row.finished_at)
    assert latest_start < first_end


def test_a_large_input_and_a_large_answer_travel_by_reference() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        llm("ask", "Write much", "size-10mb"),
        {
            "id": "both",
            "type": "transform",
            "config": {"fields": {"a": "{{ start.text }}", "b": "{{ ask.text }}"}},
        },
        output("{{ both.a }}", "given"),
        output("{{ both.b }}", "answered"),
        output("{{ both.b | length }}", "length"),
    ]
    edges = ["start>ask", "ask>both", "both>given", "both>answered", "both>length"]
    given = "0123456789" * 1_000_000
    run = run_to_end(actor, published(actor, document(nodes, edges)), {"text": given}, 60)
    assert run.status == "succeeded", run.error
    shown = run_payload(run)
    assert shown["inputs"] == {"text": given}
    assert shown["outputs"]["given"] == given
    assert len(shown["outputs"]["answered"]) == shown["outputs"]["length"] == 10_000_000
    assert len(json.dumps(run.outputs)) < 2_000
    assert Blob.objects.filter(workspace_id=actor.workspace_id, size__gte=10_000_000).count() == 2


def test_outputs_too_many_to_travel_are_read_from_the_record() -> None:
    actor = new_actor()
    nodes = [start_node("text"), *(output("{{ start.text }}", f"o{n}") for n in range(30))]
    flow = published(actor, document(nodes, [f"start>o{n}" for n in range(30)]))
    run = run_to_end(actor, flow, {"text": "x" * 30_000})
    assert run.status == "succeeded", run.error
    assert run.outputs is not None
    assert len(run.outputs) == 30
    assert set(run.outputs.values()) == {"x" * 30_000}


def test_what_temporal_stores_cannot_be_read(stack: Any) -> None:
    actor = new_actor()
    canary = f"canary-{uuid.uuid4().hex}"
    run = run_to_end(actor, published(actor, ECHO), {"text": canary})
    assert run.outputs == {"end": canary}
    files = [path for path in Path(stack.folder).glob("temporal.db*") if path.is_file()]
    assert any(str(run.id).encode() in path.read_bytes() for path in files)
    assert not any(canary.encode() in path.read_bytes() for path in files)


def test_unknown_and_missing_inputs_are_named() -> None:
    actor = new_actor()
    flow = published(actor, ECHO)
    with pytest.raises(InputsInvalid) as caught:
        start_run(actor, flow, {"txt": "x"})
    assert {error["path"] for error in caught.value.errors} == {"text", "txt"}
    assert not Run.objects.filter(flow=flow).exists()


def test_the_same_idempotency_key_is_the_same_run() -> None:
    actor = new_actor()
    flow = published(actor, ECHO)
    first = start_run(actor, flow, {"text": "x"}, idempotency_key="k")
    again = start_run(actor, flow, {"text": "x"}, idempotency_key="k")
    assert (first.created, again.created) == (True, False)
    assert first.run.id == again.run.id
    with pytest.raises(IdempotencyConflict):
        start_run(actor, flow, {"text": "y"}, idempotency_key="k")
    ended(first.run)


def test_a_draft_runs_as_it_is_now_and_an_unpublished_flow_says_so() -> None:
    actor = new_actor()
    flow = create_flow(actor, document=ECHO)
    with pytest.raises(NotPublished):
        start_run(actor, flow, {"text": "x"})
    run = ended(start_run(actor, flow, {"text": "x"}, version="draft").run)
    assert run.status == "succeeded"
    assert run.snapshot is not None
    broken = create_flow(actor, document=document([start_node("text")], ["start>nowhere"]))
    with pytest.raises(DocumentInvalid):
        start_run(actor, broken, {"text": "x"}, version="draft")


def test_cancel_stops_a_call_in_flight_and_nothing_starts_after() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "tokens-500x20ms"),
        output("{{ ask.text }}"),
    ]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    run = start_run(actor, flow, {"text": "x"}).run
    until(lambda: statuses(run).get("ask") == "running")
    cancel_run(actor, run)
    ended(run, 5)
    assert run.status == "cancelled"
    assert statuses(run) == {"start": "succeeded", "ask": "cancelled"}
    assert cancel_run(actor, run).status == "cancelled"


def test_a_run_that_takes_too_long_is_timed_out() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "tokens-500x20ms"),
        output("{{ ask.text }}"),
    ]
    content = document(nodes, ["start>ask", "ask>end"], settings={"timeout_seconds": 1})
    run = run_to_end(actor, published(actor, content), {"text": "x"})
    assert run.status == "timed_out"
    assert statuses(run)["ask"] == "cancelled"


def test_a_node_that_takes_too_long_is_tried_again_then_fails() -> None:
    actor = new_actor()
    retry = {"max_attempts": 2, "initial_seconds": 0.1}
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "hang", timeout_seconds=0.5, retry=retry),
        output("{{ ask.text }}"),
    ]
    run = run_to_end(
        actor, published(actor, document(nodes, ["start>ask", "ask>end"])), {"text": "x"}
    )
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["code"] == "timeout"
    assert NodeRun.objects.filter(run=run, node="ask").count() == 2


def test_a_promised_run_is_started_when_its_starter_died() -> None:
    actor = new_actor()
    flow = published(actor, ECHO)
    run = Run.objects.create(
        workspace_id=actor.workspace_id,
        flow=flow,
        version=flow.published,
        inputs={"text": "promised"},
        created_at=timezone.now() - timedelta(seconds=10),
        last_seq=1,
    )
    assert ended(run, 30).outputs == {"end": "promised"}


def test_a_run_terminated_by_hand_does_not_stay_running() -> None:
    actor = new_actor()
    nodes = [start_node("text"), llm("ask", "{{ start.text }}", "hang"), output("{{ ask.text }}")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    run = start_run(actor, flow, {"text": "x"}).run
    until(lambda: statuses(run).get("ask") == "running")
    Run.objects.filter(id=run.id).update(created_at=timezone.now() - timedelta(hours=1))

    async def terminate() -> None:
        client = await connect()
        await client.get_workflow_handle(run.workflow_id).terminate("by hand")

    asyncio.run(terminate())
    ended(run, 40)
    assert run.status == "cancelled"
    assert run.error is not None
    assert run.error["code"] == "terminated"
    assert statuses(run)["ask"] == "cancelled"


def test_a_start_while_temporal_is_away_is_kept_and_started_later(stack: Any) -> None:
    actor = new_actor()
    flow = published(actor, ECHO)
    stack.kill("temporal")
    try:
        started = start_run(actor, flow, {"text": "kept"})
        assert started.created
        assert started.run.status == "queued"
    finally:
        stack.start_temporal()
    assert ended(started.run, 30).outputs == {"end": "kept"}


def test_many_large_inputs_together_travel_too() -> None:
    actor = new_actor()
    names = [f"f{number}" for number in range(90)]
    nodes = [start_node(*names), output("{{ start.f7 }}")]
    flow = published(actor, document(nodes, ["start>end"]))
    run = run_to_end(actor, flow, dict.fromkeys(names, "x" * 30_000))
    assert run.status == "succeeded", run.error
    assert run_payload(run)["outputs"] == {"end": "x" * 30_000}


def test_what_a_failure_says_cannot_be_read_in_temporal_either(stack: Any) -> None:
    actor = new_actor()
    canary = f"canary{uuid.uuid4().hex}"
    ask = {"id": "ask", "type": "llm", "config": {"model": "{{ start.text }}", "prompt": "x"}}
    nodes = [start_node("text"), ask, output("{{ ask.text }}")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    run = run_to_end(actor, flow, {"text": f"{canary}/x"})
    assert run.error is not None
    assert canary in run.error["message"]
    files = [path for path in Path(stack.folder).glob("temporal.db*") if path.is_file()]
    assert any(str(run.id).encode() in path.read_bytes() for path in files)
    assert not any(canary.encode() in path.read_bytes() for path in files)
