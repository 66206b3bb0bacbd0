"""The commands of the workflow, for runs of every shape, are those that are kept in git."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from execution.models import Run
from execution.temporal_client import connect
from execution.tests.flows_for_tests import new_actor
from tests.support import fingerprint, histories
from tests.support.history_shapes import SHAPES
from tests.support.record_histories import FOLDER

HISTORIES = Path(__file__).parent / "histories"
KEPT = HISTORIES / "fingerprint.txt"
AT_ONCE = 6


def made(name: str) -> Run:
    try:
        return SHAPES[name][0](new_actor())
    finally:
        connection.close()


def runs_of_every_shape() -> dict[str, Run]:
    with ThreadPoolExecutor(AT_ONCE) as aside:
        making = {name: aside.submit(made, name) for name in SHAPES}
        return {name: run.result() for name, run in making.items()}


def parts_of(history: WorkflowHistory) -> Iterator[str]:
    """The ids of the workflows that work off parts of a run's containers."""
    kind = EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED
    for event in history.events:
        child = event.start_child_workflow_execution_initiated_event_attributes
        if event.event_type == kind and child.workflow_type.name == "flow-part":
            yield child.workflow_id


async def histories_of(runs: dict[str, Run]) -> dict[str, WorkflowHistory]:
    client = await connect()
    found: dict[str, WorkflowHistory] = {}
    for name, run in runs.items():
        history = await client.get_workflow_handle(run.workflow_id).fetch_history()
        found[name] = history
        for number, part in enumerate(parts_of(history), 1):
            found[f"{name}.part-{number}"] = await client.get_workflow_handle(part).fetch_history()
    return found


def keep(found: dict[str, WorkflowHistory], folder: Path) -> None:
    """Write the histories and their fingerprint, as tests/support/record_histories.py wants it."""
    for path in histories.files(folder):
        path.unlink()
    for name, history in found.items():
        histories.write(history, folder / f"{name}.json")
    fingerprint.write({name: fingerprint.commands_of(h) for name, h in found.items()}, KEPT)


@pytest.mark.usefixtures("stack")
def test_the_workflow_makes_the_commands_that_are_kept() -> None:
    runs = runs_of_every_shape()
    ends = {name: (run.status, run.error) for name, run in runs.items()}
    wanted = {name: status for name, (_, status) in SHAPES.items()}
    assert {name: status for name, (status, _) in ends.items()} == wanted, ends
    found = asyncio.run(histories_of(runs))
    if folder := os.environ.get(FOLDER):
        keep(found, HISTORIES / folder)
    now = {name: fingerprint.commands_of(history) for name, history in found.items()}
    if told := fingerprint.what_changed(fingerprint.read(KEPT), now):
        pytest.fail(told, pytrace=False)


def newest() -> Path:
    """The folder with the histories of the newest code."""
    return max(path for path in HISTORIES.iterdir() if path.name.startswith("20"))


def test_the_histories_of_the_newest_folder_have_the_commands_that_are_kept() -> None:
    recorded = {
        path.stem: fingerprint.commands_of(histories.read(path))
        for path in histories.files(newest())
    }
    assert recorded == fingerprint.read(KEPT)


def test_a_difference_is_told_with_what_it_means_and_what_to_do() -> None:
    before = {"a": ["timer 1", "complete"], "b": ["complete"], "c": ["x", "y"]}
    now = {"a": ["patched new", "timer 1", "complete"], "b": ["complete"], "c": ["y", "x"]}
    told = fingerprint.what_changed(before, now)
    assert "'a': there are more commands than before" in told
    assert "+patched new" in told
    assert "'c': the same commands come in another order" in told
    assert "'b'" not in told
    assert "workflow.patched(" in told
    assert "python -m tests.support.record_histories" in told
    assert fingerprint.what_changed(before, before) == ""
