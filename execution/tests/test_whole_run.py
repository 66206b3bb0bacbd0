"""A run that is over before it was recorded is written whole, or not at all."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.permissions import Actor
from execution.blobs import NewBlob
from execution.models import Blob, NodeRun, Run, RunEvent, RunText
from execution.queries import events_after
from execution.recording import queued_event, record_events
from execution.tests.flows_for_tests import document, new_actor, output, published, start_node
from execution.whole_run import write_whole_run

JSON = Any
pytestmark = pytest.mark.django_db(transaction=True)


def ended_run(actor: Actor, **fields: Any) -> Run:
    flow = published(actor, document([start_node("a"), output("x")], ["start>end"]))
    now = timezone.now()
    times = {"created_at": now, "started_at": now, "finished_at": now, "admitted_at": now}
    return Run(
        workspace_id=actor.workspace_id,
        flow=flow,
        version=flow.published,
        **{"status": "succeeded", "execution": "inline", "outputs": {}, **times, **fields},
    )


def step(node: str, status: str = "succeeded", **more: Any) -> Any:
    at = timezone.now().isoformat()
    first = {"node": node, "type": "transform", "path": [], "status": status, "at": at}
    return {**first, "input": {}, "output": {}, "ports": ["out"], "error": None, **more}


def write(run: Run, records: list[Any], blobs: list[NewBlob] | None = None) -> None:
    write_whole_run(run, blobs or [], records, [queued_event(run), *record_events(records)])


def columns(run: Run) -> dict[str, JSON]:
    return {field.attname: getattr(run, field.attname) for field in Run._meta.concrete_fields}


def test_every_column_is_as_a_saved_run_has_it() -> None:
    actor = new_actor()
    fields: dict[str, JSON] = {
        "status": "failed",
        "inputs": {"text": 'ä " \\ 𝄞 {{ x }} %s', "n": 1.5e-7, "big": 10**30, "no": None},
        "outputs": None,
        "error": {"code": "stopped", "message": "'x'"},
        "session_id": "s-1",
        "options": {"until": "end"},
        "budget": Decimal("0.000001"),
        "priority": 1,
        "flow_limit": 3,
        "held_by": 2**31 - 1,
        "lineage": [str(uuid.uuid4())],
        "parent_node": "sub",
        "parent_path": ["rows", 3],
        "last_seq": 1,
        "input_tokens": 2**40,
        "cost": Decimal("12.00000001"),
    }
    written, saved = ended_run(actor, **fields), ended_run(actor, **fields)
    write(written, [])
    saved.save()
    apart = {
        name
        for name, value in columns(Run.objects.get(id=written.id)).items()
        if value != columns(Run.objects.get(id=saved.id))[name]
    }
    assert apart == {
        *("id", "flow_id", "version_id"),
        *("created_at", "started_at", "finished_at", "admitted_at"),
    }
    assert columns(Run.objects.get(id=written.id)) == columns(written)


def test_columns_that_the_database_fills_are_those_of_a_saved_run() -> None:
    run = ended_run(new_actor())
    write(run, [])
    kept = Run.objects.get(id=run.id)
    assert (kept.parent_node, kept.parent_path, kept.lineage, kept.options) == ("", [], [], {})
    assert columns(kept) == columns(run)


def test_a_short_run_is_one_statement_and_no_transaction_around_it() -> None:
    run = ended_run(new_actor())
    with CaptureQueriesContext(connection) as asked:
        write(run, [step("a"), step("b", "skipped", input=None, output=None, ports=[])])
    assert len(asked) == 1
    assert NodeRun.objects.filter(run=run).count() == 2
    assert RunText.objects.filter(run=run).exists()
    kinds = [event["type"] for event in events_after(run.id, 0)]
    assert kinds == ["run.queued", "node.started", "node.finished", "node.skipped"]


def test_what_lasted_and_large_inputs_are_written_with_it() -> None:
    run = ended_run(new_actor())
    began = timezone.now() - timedelta(seconds=1)
    begun = step("rows", "running", at=began.isoformat())
    write(
        run,
        [begun, step("rows", began=began.isoformat(), output={"items": [1]})],
        [NewBlob("0" * 64, "text", b"large")],
    )
    row = NodeRun.objects.get(run=run)
    assert (row.status, row.output, row.started_at) == ("succeeded", {"items": [1]}, began)
    assert Blob.objects.filter(workspace_id=run.workspace_id, digest="0" * 64).exists()


@pytest.mark.parametrize("around", [False, True])
@pytest.mark.parametrize("why", ["a key that is taken", "what the database refuses"])
def test_what_cannot_be_written_leaves_nothing_behind(around: bool, why: str) -> None:
    actor = new_actor()
    first = ended_run(actor, idempotency_key="once")
    write(first, [step("a")])
    second = ended_run(actor)
    records = [step("a")]
    if why == "a key that is taken":
        second.idempotency_key = "once"
    else:
        records.append(step("b", output={"text": "\0"}))
    if around:
        with transaction.atomic():
            with pytest.raises((IntegrityError, DataError)):
                write(second, records)
            assert Run.objects.filter(id=first.id).exists()  # the transaction still works
    else:
        with pytest.raises((IntegrityError, DataError)):
            write(second, records)
    assert not Run.objects.filter(id=second.id).exists()
    assert not NodeRun.objects.filter(run_id=second.id).exists()
    assert not RunEvent.objects.filter(run_id=second.id).exists()
    assert not RunText.objects.filter(run_id=second.id).exists()
