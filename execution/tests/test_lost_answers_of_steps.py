"""Steps whose answer was lost after it was recorded: what counts is what stands in the record."""

import asyncio
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from execution.activity_ways import named
from execution.attempts import FIRST_PAUSE, FailedBefore, begin_attempt, open_or_done, recorded
from execution.container_work import close_container
from execution.database import in_database
from execution.ending import finish, record_settled_nodes
from execution.models import NodeRun, Run, RunEvent, RunStatus
from execution.recording import hold_run, node_key
from execution.results import Outcome, fail_attempt, succeed_attempt
from execution.runner import run_node
from execution.shapes import NodeCall, NodeDone, NodeRecord, PartDone, RunEnd
from execution.tests.flows_for_tests import document, new_actor, output, published, start_node
from flows.engine.errors import NodeError

JSON = Any
pytestmark = pytest.mark.django_db(transaction=True)
NOTHING = Outcome(None, (), ())
BROKE = {"code": "boom", "message": "Broke."}


@pytest.fixture
def run() -> Run:
    """A run that is under way, carried out by nobody."""
    actor = new_actor()
    flow = published(actor, document([start_node("n"), output("x")], ["start>end"]))
    return Run.objects.create(
        workspace_id=actor.workspace_id,
        flow=flow,
        version_id=flow.published_id,
        status=RunStatus.RUNNING,
        created_at=timezone.now(),
        trigger="api",
        inputs={},
        started_at=timezone.now(),
        last_seq=5,
    )


def call_of(run: Run, node: str, path: list[JSON] | None = None, type: str = "http") -> NodeCall:
    return NodeCall(
        run_id=str(run.id),
        workspace_id=str(run.workspace_id),
        flow_id=str(run.flow_id),
        node=node,
        type=type,
        config={},
        path=path or [],
        timeout_seconds=5,
        retry={"max_attempts": 3, "initial_seconds": 0, "backoff": 1, "max_seconds": 1},
        retry_asked_for=False,
        context={},
        incoming=[],
        from_record=[],
        run_inputs={},
        session_id=None,
        started_at=timezone.now().isoformat(),
        deadline=timezone.now().isoformat(),
        value_limit=30_000,
        records=[],
    )


def token() -> str:
    return uuid.uuid4().hex


def failed(call: NodeCall) -> None:
    fail_attempt(call, begin_attempt(call, token()), BROKE, NOTHING, retry_in=None)


def test_a_step_that_failed_for_good_is_not_done_again_when_its_answer_was_lost(run: Run) -> None:
    call = call_of(run, "ask")
    failed(call)
    with pytest.raises(FailedBefore) as caught:
        begin_attempt(call, token())
    assert caught.value.as_dict() == BROKE
    assert NodeRun.objects.filter(run=run, node="ask").count() == 1


def test_a_step_that_is_to_be_tried_again_is_tried_again(run: Run) -> None:
    call = call_of(run, "ask")
    fail_attempt(call, begin_attempt(call, token()), BROKE, NOTHING, retry_in=0.1)
    assert begin_attempt(call, token()).number == 2


async def test_an_attempt_that_another_one_closed_is_begun_again_and_no_failure(
    run: Run,
) -> None:
    # As when a worker was not heard of for seconds, and works on beside the one after it.
    call = call_of(run, "ask")
    done = NodeDone(output={"n": 1}, ports=["out"], ends_run=None, message="")

    def overtaken() -> None:
        first, _ = begin_attempt(call, token()), begin_attempt(call, token())
        succeed_attempt(call, first, done, NOTHING)

    with pytest.raises(ApplicationError) as caught:
        async with named():
            await in_database(overtaken)
    assert (caught.value.type, caught.value.non_retryable) == ("later", False)
    begun = await in_database(lambda: begin_attempt(call, token()))
    # In a moment, as what was cut off twice; and none of it counts as a try.
    assert (begun.tries, begun.failed) == (1, None)
    assert 0 < begun.pause <= FIRST_PAUSE


def test_a_container_that_is_tried_again_gives_what_failed_in_it_a_new_chance(run: Run) -> None:
    rows, inner = call_of(run, "rows"), call_of(run, "ask", ["rows", 0])
    first = begin_attempt(rows, token())
    failed(inner)
    with pytest.raises(FailedBefore):
        begin_attempt(inner, token())
    fail_attempt(rows, first, BROKE, NOTHING, retry_in=0)
    assert begin_attempt(rows, token()).number == 2
    assert begin_attempt(inner, token()).number == 2


def record_of(node: str, status: str, path: list[JSON], **more: JSON) -> NodeRecord:
    at = timezone.now().isoformat()
    record = NodeRecord(
        node=node,
        type="map",
        path=path,
        status=status,
        at=at,
        input=None,
        output={} if status == "succeeded" else None,
        ports=["out"],
        error=BROKE if status == "failed" else None,
    )
    return {**record, **more}  # type: ignore[typeddict-item]


def settle(run: Run, *records: NodeRecord) -> None:
    record_settled_nodes(str(run.id), timezone.now().isoformat(), list(records))


def test_what_succeeds_when_its_container_is_tried_again_does_not_stay_failed(run: Run) -> None:
    began = timezone.now().isoformat()
    settle(run, record_of("cells", "running", ["rows", 0]))
    settle(run, record_of("cells", "failed", ["rows", 0], began=began))
    old = record_of("cells", "running", ["rows", 0], at=began)
    settle(run, old)
    assert NodeRun.objects.get(run=run, node="cells").status == "failed"
    again = timezone.now().isoformat()
    settle(run, record_of("cells", "running", ["rows", 0]))
    assert NodeRun.objects.get(run=run, node="cells").status == "running"
    settle(run, record_of("cells", "succeeded", ["rows", 0], began=again))
    row = NodeRun.objects.get(run=run, node="cells")
    assert (row.status, row.error) == ("succeeded", None)


def test_the_end_of_what_lasted_comes_after_its_beginning_whichever_is_written_first(
    run: Run,
) -> None:
    began = timezone.now().isoformat()
    settle(run, record_of("rows", "succeeded", [], began=began))
    settle(run, record_of("rows", "running", [], at=began))
    types = RunEvent.objects.filter(run=run, node="rows").order_by("seq").values_list("type")
    assert [kind for (kind,) in types] == ["node.started", "node.finished"]
    assert NodeRun.objects.get(run=run, node="rows").status == "succeeded"


def part(**more: JSON) -> PartDone:
    done = PartDone(items=[1], errors=[], failed=None, ends=None, paused=False)
    return {**done, **more}  # type: ignore[typeddict-item]


def test_a_large_map_that_failed_fails_the_same_way_when_it_is_closed_twice(run: Run) -> None:
    call = call_of(run, "rows", type="map")
    begin_attempt(call, token())
    for _ in range(2):
        with pytest.raises(NodeError) as caught:
            close_container(call, [part(), part(failed={**BROKE, "node": "ask", "path": [3]})])
        assert caught.value.as_dict()["node"] == "ask"


def test_a_large_map_is_closed_once(run: Run) -> None:
    call = call_of(run, "rows", type="map")
    begin_attempt(call, token())
    first, second = (close_container(call, [part(), part()]) for _ in range(2))
    assert first["output"] == second["output"] == {"items": [1, 1], "count": 2, "errors": []}
    finished = RunEvent.objects.filter(run=run, node="rows", type="node.finished")
    assert finished.count() == 1


def test_a_stop_in_a_large_map_says_the_same_when_it_is_asked_again(run: Run) -> None:
    call = call_of(run, "rows", type="map")
    begin_attempt(call, token())
    error = {"code": "stopped", "message": "Enough.", "node": "stop", "path": ["rows", 7]}
    ends = part(ends={"status": "failed", "message": "Enough.", "error": error})
    first = close_container(call, [ends])
    second = recorded(open_or_done(call))
    for name in ("ends_run", "message", "leaves", "error"):
        assert second.get(name) == first.get(name, "run"), name


@contextmanager
def held(run: Run) -> Iterator[None]:
    """Nobody else gets at the run's row meanwhile."""
    is_held, is_free = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            hold_run(str(run.id), events=0)
            is_held.set()
            is_free.wait(5)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(5)
    yield
    is_free.set()
    thread.join(5)


def test_a_step_that_is_cancelled_while_it_begins_is_not_left_running(run: Run) -> None:
    call = call_of(run, "ask", ["rows", 0])

    async def cancelled_at_once() -> None:
        with held(run):
            task = asyncio.create_task(run_node(call))
            await asyncio.sleep(0.2)
            task.cancel()
            await asyncio.sleep(0.1)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled_at_once())
    row = NodeRun.objects.get(run=run, node="ask")
    assert (row.status, row.attempt) == ("cancelled", 1)


def test_sub_flows_that_never_began_end_with_the_run_above_them(run: Run) -> None:
    child = Run.objects.create(
        workspace_id=run.workspace_id,
        flow_id=run.flow_id,
        version=run.version,
        status=RunStatus.QUEUED,
        created_at=timezone.now(),
        trigger="subflow",
        inputs={},
        parent=run,
        lineage=[str(run.id)],
        last_seq=1,
    )
    end = RunEnd(
        run_id=str(run.id),
        status="cancelled",
        outputs=None,
        error=BROKE,
        started_at=timezone.now().isoformat(),
        records=[],
    )
    finish(end)
    child.refresh_from_db()
    assert child.status == RunStatus.CANCELLED


def test_names_and_depth_do_not_make_a_place_too_long_to_be_recorded(run: Run) -> None:
    path: list[JSON] = [part for n in range(6) for part in ("n" * 63, n)]
    call = call_of(run, "n" * 63, path)
    done = NodeDone(output={}, ports=["out"], ends_run=None, message="")
    succeed_attempt(call, begin_attempt(call, token()), done, NOTHING)
    kinds = RunEvent.objects.filter(run=run, node="n" * 63).order_by("seq").values_list("type")
    assert [kind for (kind,) in kinds] == ["node.started", "node.finished"]
    assert node_key("started", "a", ["rows", 1], 1) == 'started:a:["rows", 1]:1'
