"""Histories that this and earlier releases recorded replay with today's workflows."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from execution.workflows import FlowPart, FlowRun
from tests.support import histories

FOLDER = Path(__file__).parent / "histories"
RECORDED = sorted(FOLDER.glob("*/*.json"))
#: The library of expressions makes locks; it keeps nothing of a run.
RESTRICTIONS = SandboxRestrictions.default.with_passthrough_modules("jinja2", "markupsafe")
RUNNERS = [UnsandboxedWorkflowRunner(), SandboxedWorkflowRunner(restrictions=RESTRICTIONS)]
#: Places at which one history is cut; more of them tell nothing new.
CUTS = 12


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


async def replay(runner: WorkflowRunner, found: list[WorkflowHistory]) -> int:
    """Raises what differs, with the place. How many were replayed."""

    async def one_by_one() -> AsyncIterator[WorkflowHistory]:
        for history in found:
            yield history

    replayer = Replayer(workflows=[FlowRun, FlowPart], workflow_runner=runner)
    results = await replayer.replay_workflows(one_by_one())
    assert not results.replay_failures, results.replay_failures
    return len(found)


def places_to_cut(path: Path) -> list[int]:
    """After how many events the workflow had done what it could and waited for the world."""
    kinds = [event.event_type for event in histories.read(path).events]
    waits = [
        number
        for number, kind in enumerate(kinds)
        if kind == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED and number > 1
    ]
    return waits[:: len(waits) // CUTS + 1]


def test_there_are_histories_of_the_release_before_and_of_this_one() -> None:
    folders = {path.parent.name for path in RECORDED}
    assert "7cf3524" in folders
    assert len(folders) > 1


@pytest.mark.parametrize("runner", RUNNERS, ids=["plain", "sandboxed"])
@pytest.mark.parametrize("path", RECORDED, ids=named)
def test_a_recorded_history_replays(runner: WorkflowRunner, path: Path) -> None:
    assert asyncio.run(replay(runner, [histories.read(path)])) == 1


@pytest.mark.parametrize("path", RECORDED, ids=named)
def test_a_run_under_way_is_taken_up_wherever_it_stands(path: Path) -> None:
    cuts = places_to_cut(path)
    found = [histories.read(path, events=events) for events in cuts]
    assert asyncio.run(replay(RUNNERS[0], found)) == len(cuts)
