"""How runs end when several things happen at once: cancels, deadlines, lost rows, late events."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from execution.models import NodeRun, Run, RunEvent
from execution.services import start_run
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

pytestmark = pytest.mark.usefixtures("stack")

PURE = document([start_node("text"), output("{{ start.text }}")], ["start>end"])


def cancel_workflow(run: Run) -> None:
    async def cancel() -> None:
        client = await connect()
        await client.get_workflow_handle(run.workflow_id).cancel()

    asyncio.run(cancel())


def workflow_status(run: Run) -> str:
    async def describe() -> str:
        client = await connect()
        described = await client.get_workflow_handle(run.workflow_id).describe()
        assert described.status is not None
        return described.status.name

    return asyncio.run(describe())


@pytest.mark.parametrize("cancelled", [False, True])
def test_an_end_that_the_database_refuses_is_written_later_even_when_a_cancel_comes(
    cancelled: bool,
) -> None:
    actor = new_actor()
    flow = published(actor, PURE)
    name = f"refuse_{flow.id.hex}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'not now'; END $$; "
            f"CREATE TRIGGER {name} BEFORE UPDATE ON execution_run FOR EACH ROW "
            f"WHEN (NEW.flow_id = '{flow.id}' AND NEW.status = 'succeeded') "
            f"EXECUTE FUNCTION {name}()"
        )
    try:
        run = start_run(actor, flow, {"text": "x"}).run
        time.sleep(1.5)
        if cancelled:
            cancel_workflow(run)
            time.sleep(1)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {name} ON execution_run; DROP FUNCTION {name}()")
    ended(run, 20)
    assert run.status == "succeeded"
    assert run.outputs == {"end": "x"}
    assert statuses(run) == {"start": "succeeded", "end": "succeeded"}


def test_a_node_that_fails_beside_a_call_loses_no_record() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "hang"),
        {"id": "bad", "type": "transform", "config": {"fields": {"x": "{{ 1 / 0 }}"}}},
        output("{{ ask.text }}"),
    ]
    flow = published(actor, document(nodes, ["start>ask", "start>bad", "ask>end"]))
    run = run_to_end(actor, flow, {"text": "x"})
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["node"] == "bad"
    found = statuses(run)
    assert (found["start"], found["bad"]) == ("succeeded", "failed")


def test_what_travels_with_a_call_that_nobody_takes_is_recorded_all_the_same() -> None:
    actor = new_actor()
    nodes = [start_node("text"), llm("ask", "{{ start.text }}", "hang"), output("{{ ask.text }}")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    name = f"refuse_{flow.id.hex}"
    with connection.cursor() as cursor:
        # The attempt cannot begin, as if no worker took it.
        cursor.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'not now'; END $$; "
            f"CREATE TRIGGER {name} BEFORE UPDATE ON execution_run FOR EACH ROW "
            f"WHEN (NEW.flow_id = '{flow.id}' AND NEW.status = 'running') "
            f"EXECUTE FUNCTION {name}()"
        )
    try:
        run = start_run(actor, flow, {"text": "x"}).run
        time.sleep(1)
        cancel_workflow(run)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {name} ON execution_run; DROP FUNCTION {name}()")
    ended(run)
    assert run.status == "cancelled"
    assert statuses(run)["start"] == "succeeded"


def test_a_pause_that_would_outlast_the_run_is_not_begun() -> None:
    actor = new_actor()
    retry = {"max_attempts": 5, "initial_seconds": 60, "max_seconds": 60}
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "error-500", retry=retry),
        output("{{ ask.text }}"),
    ]
    content = document(nodes, ["start>ask", "ask>end"], settings={"timeout_seconds": 20})
    run = run_to_end(actor, published(actor, content), {"text": "x"}, 10)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["code"] == "model_unavailable"
    assert "node.retrying:ask" not in event_types(run)
    assert event_types(run)[-2:] == ["node.finished:ask", "run.finished"]


def test_nothing_is_written_after_the_end_of_a_run() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "tokens-900x20ms"),
        output("{{ ask.text }}"),
    ]
    content = document(nodes, ["start>ask", "ask>end"], settings={"timeout_seconds": 2})
    flow = published(actor, content)
    runs = [start_run(actor, flow, {"text": "x"}).run for _ in range(4)]
    for run in runs:
        ended(run)
        assert run.status == "timed_out"
    time.sleep(3)
    assert [event_types(run)[-1] for run in runs] == ["run.finished"] * 4


def test_the_stream_of_an_ended_run_ends_for_who_has_read_it_all(stack: Any) -> None:
    from execution.api.views import EventsView

    actor = new_actor()
    nodes = [start_node("text"), llm("ask", "{{ start.text }}"), output("{{ ask.text }}")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    run = run_to_end(actor, flow, {"text": "x"})
    last = RunEvent.objects.filter(run=run).order_by("-seq").values_list("seq", flat=True)[0]
    answer: Any = EventsView()._stream(run, last)

    async def read() -> list[bytes]:
        return [part async for part in answer.streaming_content]

    async def read_soon() -> list[bytes]:
        async with asyncio.timeout(5):
            return await read()

    assert b"".join(asyncio.run(read_soon())).startswith(b":")


def test_a_run_whose_rows_are_deleted_ends_in_temporal_too() -> None:
    actor = new_actor()
    nodes = [
        start_node("text"),
        llm("ask", "{{ start.text }}", "echo+slow-1500ms"),
        llm("again", "{{ ask.text }}"),
        output("{{ again.text }}"),
    ]
    flow = published(actor, document(nodes, ["start>ask", "ask>again", "again>end"]))
    run = start_run(actor, flow, {"text": "x"}).run
    until(lambda: statuses(run).get("ask") == "running")
    Run.objects.filter(id=run.id).delete()
    until(lambda: workflow_status(run) != "RUNNING", 15)


def test_a_queued_run_that_was_cancelled_while_temporal_was_away_never_starts() -> None:
    actor = new_actor()
    flow = published(actor, PURE)
    run = Run.objects.create(
        workspace_id=actor.workspace_id,
        flow=flow,
        version=flow.published,
        inputs={"text": "x"},
        created_at=timezone.now() - timedelta(seconds=10),
        cancel_requested_at=timezone.now() - timedelta(seconds=8),
        last_seq=1,
    )
    ended(run, 15)
    assert run.status == "cancelled"
    assert not NodeRun.objects.filter(run=run).exists()


def test_a_run_that_was_terminated_before_it_began_does_not_stay_queued(stack: Any) -> None:
    actor = new_actor()
    flow = published(actor, PURE)
    stack.kill_worker()
    run = start_run(actor, flow, {"text": "x"}).run
    Run.objects.filter(id=run.id).update(created_at=timezone.now() - timedelta(hours=1))

    async def terminate() -> None:
        client = await connect()
        await client.get_workflow_handle(run.workflow_id).terminate("by hand")

    asyncio.run(terminate())
    stack.start_worker()
    stack.wait_until_ready()
    ended(run, 30)
    assert run.status == "cancelled"


def test_a_run_that_cannot_be_started_does_not_hold_up_the_others() -> None:
    actor = new_actor()
    flow = published(actor, PURE)
    rows = [
        Run.objects.create(
            workspace_id=actor.workspace_id,
            flow=flow,
            version=flow.published,
            # Nobody writes such a row; whatever the reason, others must not wait for it.
            inputs={"text": text},
            created_at=timezone.now() - timedelta(seconds=age),
            last_seq=1,
        )
        for text, age in (("x" * 6_000_000, 20), ("fine", 10))
    ]
    assert ended(rows[1], 15).outputs == {"end": "fine"}
    assert ended(rows[0], 15).status == "failed"


def test_a_cancel_that_a_workflow_never_heeds_is_insisted_upon() -> None:
    actor = new_actor()
    flow = published(actor, PURE)
    run = Run.objects.create(
        workspace_id=actor.workspace_id,
        flow=flow,
        version=flow.published,
        status="running",
        inputs={"text": "x"},
        created_at=timezone.now() - timedelta(hours=1),
        started_at=timezone.now() - timedelta(hours=1),
        last_seq=1,
    )

    async def start_where_nobody_works() -> None:
        client = await connect()
        await client.start_workflow("flow-run", {}, id=run.workflow_id, task_queue="nobody")

    asyncio.run(start_where_nobody_works())
    Run.objects.filter(id=run.id).update(cancel_requested_at=timezone.now() - timedelta(minutes=1))
    time.sleep(3)
    run.refresh_from_db()
    assert run.status == "running"
    Run.objects.filter(id=run.id).update(cancel_requested_at=timezone.now() - timedelta(hours=1))
    ended(run, 15)
    assert run.status == "cancelled"
    assert workflow_status(run) == "TERMINATED"
