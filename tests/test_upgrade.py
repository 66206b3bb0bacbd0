"""Runs that are under way when a new version is deployed go on with it.

The release before is taken out of the repository and works on the stack's own database and
Temporal, as it does in a deploy; then it is killed and today's worker takes over.
"""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from execution.models import NodeRun, Run, RunStatus
from execution.services import cancel_run, start_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    start_node,
    until,
)
from fluxprompt.paths import ROOT
from fluxprompt.testing.live_stack import LiveStack

#: The release before; its histories are in execution/tests/histories/.
BEFORE = "7cf3524"


def git(*words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)


@pytest.fixture(scope="module")
def release_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its files; the test is left out of a checkout without its history (a shallow clone)."""
    archive = git("archive", BEFORE)
    if archive.returncode:
        pytest.skip(f"The commit {BEFORE} is not in this checkout.")
    folder = tmp_path_factory.mktemp("release-before")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


@contextmanager
def worker_of(folder: Path, stack: LiveStack) -> Iterator["subprocess.Popen[bytes]"]:
    """The only worker: one of another release. Killed at the end, as in a crash."""
    stack.kill_worker()
    environment = {**stack.environment(), "FLUX_READY_FILE": str(folder / "ready")}
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "runworker"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        until((folder / "ready").exists, 60)
        yield process
    finally:
        process.kill()
        process.wait()
        (folder / "ready").unlink(missing_ok=True)
        stack.start_worker()


def running(run: Run, node: str) -> bool:
    return NodeRun.objects.filter(run=run, node=node, status="running").exists()


def test_runs_under_way_go_on_with_the_new_version(release_before: Path, stack: LiveStack) -> None:
    actor, tag = new_actor(), uuid.uuid4().hex
    steps = [
        start_node("text"),
        llm("one", "{{ start.text }} one"),
        llm("two", "{{ one.text }} two", "echo+slow-6000ms"),
        llm("three", "{{ two.text }} three"),
        output("{{ three.text }}"),
    ]
    flow = published(actor, document(steps, ["start>one", "one>two", "two>three", "three>end"]))
    hang = [start_node("text"), llm("two", "x", "hang"), output("{{ two.text }}")]
    hanging = published(actor, document(hang, ["start>two", "two>end"]))
    with worker_of(release_before, stack):
        run = start_run(actor, flow, {"text": tag}).run
        cancelled = start_run(actor, hanging, {"text": tag}).run
        until(lambda: running(run, "two") and running(cancelled, "two"), 30)
    stack.wait_until_ready()
    cancel_run(actor, cancelled)
    over = ended(run, 60)
    assert (over.status, over.outputs) == (RunStatus.SUCCEEDED, {"end": f"{tag} one two three"})
    attempts = NodeRun.objects.filter(run=run).order_by("started_at", "attempt")
    asked = [(row.node, row.status) for row in attempts if row.type == "llm"]
    assert asked[0] == ("one", "succeeded")
    assert asked[-2:] == [("two", "succeeded"), ("three", "succeeded")]
    assert [call.asked for call in stack.model_server.calls].count(f"{tag} one") == 1
    assert ended(cancelled, 60).status == RunStatus.CANCELLED


def test_a_run_may_be_recorded_by_the_release_before_after_the_migration(
    release_before: Path, stack: LiveStack
) -> None:
    actor = new_actor()
    nodes = [start_node("text"), llm("ask", "{{ start.text }}"), output("{{ ask.text }}")]
    flow = published(actor, document(nodes, ["start>ask", "ask>end"]))
    started = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", _START.format(flow=flow.id)],
        cwd=release_before,
        env=stack.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr[-2_000:]
    run = ended(Run.objects.get(flow=flow), 30)
    assert (run.status, run.outputs) == (RunStatus.SUCCEEDED, {"end": "hello"})
    assert (run.execution, run.priority, run.lineage) == ("durable", 3, [])


#: Ends at once: that release's client may crash when Python winds up around its thread.
_START = """
import os
from accounts.permissions import system_actor
from execution.services import start_run
from flows.models import Flow
flow = Flow.objects.get(id="{flow}")
start_run(system_actor(flow.workspace_id, "test"), flow, {{"text": "hello"}})
os._exit(0)
"""
