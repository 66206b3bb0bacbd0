"""Decisions against the real database and the real Temporal: one of many counts, and is told."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.permissions import Actor
from execution.approval_models import Approval
from execution.approval_services import Answer, decide
from execution.approval_sweeps import send_left_mails
from execution.errors import RunStateConflict
from execution.models import Run
from execution.services import cancel_run, start_run
from execution.temporal_client import connect
from execution.tests.approvals_for_tests import approval_of, ask, waiting_run
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
from execution.waking import wake
from tests.support.mail_server import MailServer
from tests.support.visitor import new_visitor

pytestmark = pytest.mark.usefixtures("stack")


def signals(run: Run) -> list[Any]:
    """What the run's workflow was told."""

    async def read() -> list[Any]:
        client = await connect()
        told = []
        async for event in client.get_workflow_handle(run.workflow_id).fetch_history_events():
            if event.HasField("workflow_execution_signaled_event_attributes"):
                sent = event.workflow_execution_signaled_event_attributes
                values = await client.data_converter.decode(sent.input.payloads)
                told.append((sent.signal_name, *values))
        return told

    return asyncio.run(read())


def under_way(actor: Actor) -> Run:
    """A run whose workflow is busy with a model that does not answer."""
    nodes = [start_node("text"), llm("think", "x", model="hang"), output("{{ think.text }}")]
    flow = published(actor, document(nodes, ["start>think", "think>end"]))
    run = start_run(actor, flow, {"text": "x"}).run
    until(lambda: Run.objects.get(id=run.id).status == "running")
    return run


def test_a_decision_is_told_to_the_workflow_and_again_while_it_is_not_taken() -> None:
    actor = new_actor()
    run = under_way(actor)
    ask(run)
    decide(actor, run, "ask", [], Answer("approve"))
    news = ("wake", {"kind": "approval", "node": "ask", "path": []})
    assert signals(run) == [news]
    # Nothing here takes it; the worker's sweep notices.
    until(lambda: signals(run) == [news, news], 15)
    assert approval_of(run).woken_at is not None
    cancel_run(actor, run)
    ended(run)


def test_a_run_without_a_workflow_cannot_be_woken() -> None:
    assert wake(str(uuid4()), {"kind": "approval"}) is False


def test_of_many_decisions_at_once_exactly_one_counts() -> None:
    actor = new_actor()
    together = Barrier(6)
    for _ in range(3):
        run = waiting_run(actor)

        def one(word: str, run: Run = run) -> str:
            who = Actor(actor.workspace_id, f"system {time.monotonic_ns()}", actor.actions)
            try:
                together.wait()
                return decide(who, run, "ask", [], Answer(word)).decision
            except RunStateConflict:
                return "late"
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(one, ["approve", "reject"] * 3))
        approval = approval_of(run)
        assert sorted(outcomes) == sorted([approval.decision, *["late"] * 5])
        assert AuditEvent.objects.filter(target_id=str(approval.id)).count() == 1
        Run.objects.filter(id=run.id).delete()


def test_a_worker_writes_to_whom_nobody_has_written(settings: Any) -> None:
    visitor = new_visitor()
    run = waiting_run(visitor.actor, {"message": "Go?", "assignees": [visitor.email]})
    Approval.objects.filter(run=run).update(created_at=timezone.now() - timedelta(minutes=1))
    with MailServer() as server:
        settings.MAILERS = server.mailers
        settings.FLUX_MAIL_REACHES_PEOPLE = True
        assert asyncio.run(send_left_mails()) == 1
        assert asyncio.run(send_left_mails()) == 0
    assert server.recipients == [visitor.email]
    assert approval_of(run).notified_at is not None
    Run.objects.filter(id=run.id).delete()
