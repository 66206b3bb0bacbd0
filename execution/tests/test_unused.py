"""Large values and snapshots stay while a run refers to them, and not much longer."""

import hashlib
import importlib
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Workspace
from accounts.permissions import Actor
from execution.blobs import PART, NewBlob, blob_bytes, save_blobs
from execution.models import Blob, BlobPart, NodeRun, Run, RunText, Snapshot
from execution.payloads import Externalizer, load_reference
from execution.pinned import pin
from execution.retention import expire_runs
from execution.search import mentioning
from execution.tests.pages_for_tests import make_run
from execution.unused import drop_unused_blobs, drop_unused_snapshots
from flows.models import Flow

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
JSON = Any


def store(workspace: Workspace, value: JSON, days_ago: float = 0, limit: int = 1_000) -> JSON:
    """Store a value's large parts so long ago; the value as rows hold it."""
    out = Externalizer(trusted=True, limit=limit)
    small = out.shrink(value)
    save_blobs(workspace.id, out.blobs)
    age([blob.digest for blob in out.blobs], days_ago)
    return small


def age(digests: list[str], days: float) -> None:
    at = timezone.now() - days * DAY
    Blob.objects.filter(digest__in=digests).update(
        created_at=at, used_at=at, check_at=timezone.now() - days * DAY + DAY
    )


def look_again() -> None:
    """Everything that may be looked at is due."""
    Blob.objects.update(check_at=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def refer(flow: Flow) -> Callable[..., Run]:
    """A run so many days ago, one of whose nodes made this output."""

    def make(output: JSON, days: float, **fields: Any) -> Run:
        at = timezone.now() - days * DAY
        values = {"created_at": at, "started_at": at, "finished_at": at, **fields}
        run = make_run(flow, **values)
        NodeRun.objects.create(
            run=run, node="ask", type="llm", status="succeeded", output={"x": output}
        )
        return run

    return make


def test_a_value_that_no_run_refers_to_goes_after_a_day(workspace: Workspace) -> None:
    store(workspace, "a" * 2_000, days_ago=2)
    young = store(workspace, "b" * 2_000, days_ago=0.9)
    look_again()
    drop_unused_blobs()
    assert list(Blob.objects.values_list("digest", flat=True)) == [young["$blob"]]
    assert BlobPart.objects.count() == 1


@pytest.mark.parametrize("where", ["inputs", "outputs", "options", "node"])
def test_a_value_stays_while_a_run_refers_to_it(
    workspace: Workspace, refer: Callable[..., Run], where: str
) -> None:
    value = store(workspace, "a" * 2_000, days_ago=40)
    node = where == "node"
    run = refer(value if node else None, 40, **({} if node else {where: {"deep": [value]}}))
    assert drop_unused_blobs() == 1
    assert load_reference(workspace.id, value) == "a" * 2_000
    assert drop_unused_blobs() == 0, "it is looked at again in a month"
    run.delete()
    look_again()
    drop_unused_blobs()
    assert not Blob.objects.exists()


def test_a_value_stays_while_an_open_run_that_began_long_before_refers_to_it(
    workspace: Workspace, refer: Callable[..., Run]
) -> None:
    value = store(workspace, "a" * 2_000, days_ago=5)
    refer(value, 300, status="waiting", finished_at=None)
    drop_unused_blobs()
    assert Blob.objects.count() == 1


def test_a_value_inside_another_stays_with_it(
    workspace: Workspace, refer: Callable[..., Run]
) -> None:
    inner = store(workspace, "i" * 2_000, days_ago=40)
    outer = store(workspace, ["o" * 900, "p" * 900, inner], days_ago=40)
    assert Blob.objects.get(digest=outer["$blob"]).holds == [inner["$blob"]]
    run = refer(outer, 40)
    look_again()
    drop_unused_blobs()
    assert Blob.objects.count() == 2
    run.delete()
    for left in (1, 0):
        age([inner["$blob"], outer["$blob"]], 40)
        drop_unused_blobs()
        assert Blob.objects.count() <= left


def test_a_value_that_is_stored_again_counts_as_new(workspace: Workspace) -> None:
    inner = store(workspace, "i" * 2_000, days_ago=40)
    value = ["o" * 900, "p" * 900, inner]
    store(workspace, value, days_ago=40)
    age([inner["$blob"]], 40)
    out = Externalizer(trusted=True, limit=1_000)
    out.shrink(value)
    save_blobs(workspace.id, out.blobs)
    look_again()
    drop_unused_blobs()
    assert Blob.objects.count() == 2


def test_the_values_of_a_deleted_run_are_looked_at_soon(
    workspace: Workspace, refer: Callable[..., Run]
) -> None:
    Workspace.objects.update(retention_days=30)
    refer(store(workspace, "a" * 2_000, days_ago=40), 40)
    Blob.objects.update(check_at=timezone.now() + 7 * DAY)
    assert expire_runs() == 1
    assert drop_unused_blobs() == 1
    assert not Blob.objects.exists()


@pytest.mark.parametrize("link", ["rerun_of", "parent"])
def test_a_value_that_a_later_run_took_over_stays_with_that_run(
    workspace: Workspace, refer: Callable[..., Run], link: str
) -> None:
    Workspace.objects.update(retention_days=30)
    value = store(workspace, "a" * 2_000, days_ago=40)
    later = refer(value, 3, **{link: refer(value, 40)})
    assert expire_runs() == 1
    digest = value["$blob"]
    made = timezone.now() - 40 * DAY
    # Weeks go by: what was noted at the deletion is all there is to go by.
    Blob.objects.filter(digest=digest).update(
        created_at=made, used_at=timezone.now() - 2 * DAY, check_at=made
    )
    drop_unused_blobs()
    assert blob_bytes(workspace.id, digest) == ("text", b"a" * 2_000)
    later.delete()
    look_again()
    drop_unused_blobs()
    assert not Blob.objects.exists()


def test_a_value_of_another_workspace_keeps_nothing(
    workspace: Workspace, refer: Callable[..., Run]
) -> None:
    other = Workspace.objects.create(name="Other", slug="other")
    store(other, "a" * 2_000, days_ago=40)
    refer(store(workspace, "a" * 2_000, days_ago=40), 40)
    drop_unused_blobs()
    assert [blob.workspace_id for blob in Blob.objects.all()] == [workspace.id]


def new_blob(data: bytes) -> NewBlob:
    return NewBlob(hashlib.sha256(data).hexdigest(), "text", data)


@pytest.mark.django_db(transaction=True)
def test_a_value_that_is_being_stored_again_is_passed_over(workspace: Workspace) -> None:
    blob = new_blob(b"x" * 10)
    save_blobs(workspace.id, [blob])
    age([blob.digest], 40)
    stored, over = threading.Event(), threading.Event()

    def store_again() -> None:
        try:
            with transaction.atomic():
                save_blobs(workspace.id, [blob])
                stored.set()
                over.wait(10)
        finally:
            connection.close()

    other = threading.Thread(target=store_again)
    other.start()
    stored.wait(10)
    # Setting its next look waits for the other; the value itself is not touched.
    threading.Timer(0.3, over.set).start()
    drop_unused_blobs()
    other.join(10)
    assert blob_bytes(workspace.id, blob.digest) == ("text", blob.data)


@pytest.mark.django_db(transaction=True)
def test_a_value_that_is_stored_while_it_is_dropped_is_there_afterwards(
    workspace: Workspace,
) -> None:
    blob = new_blob(b"x" * 10)
    save_blobs(workspace.id, [blob])
    age([blob.digest], 40)
    row = Blob.objects.get(digest=blob.digest)
    ready = threading.Event()

    def store_again() -> None:
        try:
            ready.wait(10)
            with transaction.atomic():
                save_blobs(workspace.id, [blob])
        finally:
            connection.close()

    other = threading.Thread(target=store_again)
    other.start()
    with transaction.atomic():
        Blob.objects.select_for_update().get(id=row.id)
        ready.set()
        other.join(0.3)
        assert other.is_alive()
        row.delete()
    other.join(10)
    assert blob_bytes(workspace.id, blob.digest) == ("text", blob.data)


def test_a_draft_is_kept_while_a_run_is_pinned_to_it_or_a_day(actor: Actor, flow: Flow) -> None:
    pinned = pin(actor, flow, "draft")
    old = timezone.now() - 2 * DAY
    assert drop_unused_snapshots() == 0
    run = make_run(flow, snapshot_id=pinned.snapshot_id)
    Snapshot.objects.update(used_at=old)
    assert drop_unused_snapshots() == 0
    run.delete()
    assert pin(actor, flow, "draft").snapshot_id == pinned.snapshot_id
    assert drop_unused_snapshots() == 0, "it was pinned again a moment ago"
    Snapshot.objects.update(used_at=old)
    assert drop_unused_snapshots() == 1
    assert pin(actor, flow, "draft").snapshot_id != pinned.snapshot_id


def test_the_migration_finds_what_stored_values_refer_to_and_the_words_of_runs(
    actor: Actor, workspace: Workspace, refer: Callable[..., Run]
) -> None:
    module = importlib.import_module("execution.migrations.0004_history")
    inner = store(workspace, "i" * 2_000)
    # Longer than one part, so that a reference may lie across two.
    outer = store(workspace, ["o" * (PART - 30), inner, "p" * 10], limit=2 * PART)
    out = Externalizer(trusted=True)
    out.blobs.clear()
    whole = out._refer(outer)
    save_blobs(workspace.id, out.blobs)
    Blob.objects.update(holds=[])
    run = refer(whole, 1, outputs={"end": "Lavender"})
    still_open = refer(None, 1, finished_at=None, status="running")
    module.find_words(apps, None)
    with connection.cursor() as cursor:
        cursor.execute(module.FIND_HELD)
    assert Blob.objects.get(digest=whole["$blob"]).holds == [inner["$blob"]]
    assert Blob.objects.get(digest=inner["$blob"]).holds == []
    assert list(mentioning(Run.objects.all(), actor.workspace_id, "lavender tea")) == [run]
    assert not RunText.objects.filter(run=still_open).exists()
