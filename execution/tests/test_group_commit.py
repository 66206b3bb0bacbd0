"""Steps of one run that are recorded together."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from execution.attempts import Attempt
from execution.group_commit import recorder_of
from execution.models import NodeRun, Run
from execution.shapes import NodeCall
from execution.tests.flows_for_tests import document, new_actor, output, published, start_node

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture
def call() -> NodeCall:
    """The call of a node in the first item of a map."""
    actor = new_actor()
    flow = published(actor, document([start_node("text"), output("x")], ["start>end"]))
    run = Run.objects.create(
        workspace_id=actor.workspace_id, flow=flow, status="running", created_at=timezone.now()
    )
    return NodeCall(
        run_id=str(run.id),
        workspace_id=str(actor.workspace_id),
        flow_id=str(flow.id),
        node="ask",
        type="llm",
        config={},
        path=["rows", 0],
        timeout_seconds=60,
        retry={"max_attempts": 4, "initial_seconds": 1, "backoff": 2, "max_seconds": 30},
        retry_asked_for=False,
        context={},
        incoming=[],
        from_record=[],
        run_inputs={},
        session_id=None,
        started_at=datetime.now(UTC).isoformat(),
        deadline=(datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        value_limit=32_768,
        records=[],
    )


def begun_together(*calls: NodeCall) -> list[Attempt]:
    """The attempts that begin in one group."""

    async def begin() -> list[Attempt]:
        recorder = recorder_of(calls[0]["run_id"])
        return await asyncio.gather(
            *(recorder.begin(call, f"token {number}") for number, call in enumerate(calls))
        )

    return asyncio.run(begin())


def test_a_step_that_two_activities_begin_at_once_has_one_attempt_after_the_other(
    call: NodeCall,
) -> None:
    other: NodeCall = {**call, "path": ["rows", 1]}
    attempts = begun_together(call, call, other)
    assert [attempt.number for attempt in attempts] == [1, 2, 1]
    rows = NodeRun.objects.filter(run_id=call["run_id"]).order_by("path", "attempt")
    assert [(row.path, row.attempt, row.status) for row in rows] == [
        (["rows", 0], 1, "failed"),
        (["rows", 0], 2, "running"),
        (["rows", 1], 1, "running"),
    ]


def test_all_parts_of_a_map_in_one_process_share_a_recorder_and_runs_do_not() -> None:
    async def recorders() -> tuple[bool, bool]:
        one = recorder_of("a")
        return recorder_of("a") is one, recorder_of("b") is one

    assert asyncio.run(recorders()) == (True, False)
