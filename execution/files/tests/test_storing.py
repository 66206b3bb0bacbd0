"""What happens to bytes: replaced, expired, swept, and never forgotten by a crash."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.files.storage import InMemoryStorage, storages
from django.utils import timezone

from accounts.ids import new_id
from accounts.models import Workspace
from accounts.permissions import Actor, PermissionRefused
from execution.doors.files import RunFiles
from execution.files.errors import FileRefused
from execution.files.models import File, Leftover
from execution.files.storage import storage
from execution.files.sweeps import drop_leftovers, expire_files
from execution.files.tests.files_for_tests import in_storage, stored
from execution.retention import Retention
from flows.engine.errors import NodeError

pytestmark = pytest.mark.django_db


def bytes_of(file: File) -> bytes:
    with storage().open(file.key) as handle:
        content: bytes = handle.read()
    return content


def test_the_same_origin_is_replaced_keeps_its_id_and_leaves_no_bytes_behind(
    actor: Actor,
) -> None:
    first = stored(actor, content=b"one", origin="o")
    same = stored(actor, content=b"one", origin="o")
    assert (same.id, same.key) == (first.id, first.key)
    second = stored(actor, content=b"two!", origin="o")
    assert second.id == first.id
    assert second.key != first.key
    assert bytes_of(second) == b"two!"
    assert File.objects.get().size == 4
    assert drop_leftovers() == 1
    assert first.key not in in_storage()
    assert bytes_of(second) == b"two!"


def test_a_file_over_its_time_goes_with_its_bytes(actor: Actor, settings: Any) -> None:
    settings.FLUX_FILES_KEEP_DAYS = 7
    over, kept, for_ever = (
        stored(actor, "over"), stored(actor, "kept"), stored(actor, "ever", keep_days=0)
    )  # fmt: skip
    assert kept.expires_at is not None
    assert for_ever.expires_at is None
    assert timedelta(days=6.9) < kept.expires_at - timezone.now() < timedelta(days=7.1)
    File.objects.filter(id=over.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert (expire_files(), drop_leftovers()) == (1, 1)
    assert (expire_files(), drop_leftovers()) == (0, 0)
    assert set(File.objects.values_list("name", flat=True)) == {"kept", "ever"}
    assert not in_storage() & {over.key}
    assert {kept.key, for_ever.key} <= in_storage()


@pytest.mark.django_db(transaction=True)
def test_the_retention_of_workers_sweeps_files_too(actor: Actor) -> None:
    over = stored(actor)
    File.objects.filter(id=over.id).update(expires_at=timezone.now() - timedelta(seconds=1))

    async def one_round() -> None:
        await Retention().sweep()

    asyncio.run(one_round())
    assert not File.objects.exists()
    assert over.key not in in_storage()


def test_bytes_of_a_process_that_died_while_storing_are_dropped_after_a_day(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Death(BaseException):
        pass

    def die(*args: Any) -> None:
        raise Death

    monkeypatch.setattr("execution.files.services._write", die)
    monkeypatch.setattr("execution.files.services.drop_leftover", lambda key: False)
    with pytest.raises(Death):
        stored(actor)
    left = Leftover.objects.get()
    assert left.key in in_storage()
    assert drop_leftovers() == 0
    Leftover.objects.update(due_at=timezone.now())
    assert drop_leftovers() == 1
    assert left.key not in in_storage()
    assert not File.objects.exists()


def test_whatever_deletes_rows_leaves_word_of_their_bytes(
    actor: Actor, workspace: Workspace
) -> None:
    keys = {stored(actor, f"{n}").key for n in range(3)}
    File.objects.all().delete()
    assert set(Leftover.objects.values_list("key", flat=True)) == keys


def test_a_storage_that_is_away_is_asked_again_later(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = stored(actor)
    File.objects.all().delete()

    def away(name: str) -> None:
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr(storage(), "delete", away)
        assert drop_leftovers() == 0
        patch.setattr(storage(), "save", away)
        with pytest.raises(FileRefused) as refused:
            stored(actor)
        assert refused.value.code == "file_storage_unavailable"
    assert drop_leftovers() == 0  # not yet again
    Leftover.objects.update(due_at=timezone.now())
    assert drop_leftovers() == 2
    assert file.key not in in_storage()


def test_any_storage_of_django_will_do(actor: Actor, settings: Any) -> None:
    memory = "django.core.files.storage.InMemoryStorage"
    settings.STORAGES = {**settings.STORAGES, "files": {"BACKEND": memory, "OPTIONS": {}}}
    assert isinstance(storages["files"], InMemoryStorage)
    before = in_storage()
    file = stored(actor, content=b"in memory")
    assert bytes_of(file) == b"in memory"
    assert in_storage() == before


def test_who_may_only_look_stores_nothing(actor: Actor) -> None:
    viewer = Actor(actor.workspace_id, "Vi", frozenset({"file.read"}))
    with pytest.raises(PermissionRefused):
        stored(viewer)


# The door of nodes ---------------------------------------------------------------------------

#: What would lead to a file if a reference were a place and not a server-made id.
PATHS: list[Any] = [
    "/etc/passwd",
    "../../secrets.json",
    "file:///etc/passwd",
    "..\\..\\boot.ini",
    "0192f3a5-11aa-7c3d-8e4f-5a6b7c8d9e0f/../x",
    {"filepath": "/etc/passwd", "originalFilename": "x.txt"},
    {"path": "/etc/passwd", "id": "../x"},
    ["/etc/passwd"],
]


def door(actor: Actor, run: UUID, key: str = "k") -> RunFiles:
    call: Any = {
        "workspace_id": str(actor.workspace_id),
        "run_id": str(run),
        "flow_id": str(run),
        "node": "write",
    }
    return RunFiles(call, key)


@pytest.mark.django_db(transaction=True)
def test_s7_a_node_reads_what_its_workspace_stored_and_nothing_else(actor: Actor) -> None:
    file = stored(actor, content=b"hello")
    elsewhere = Workspace.objects.create(name="E", slug="e")
    stranger = Actor(elsewhere.id, "Eve", frozenset())

    async def read(who: Actor, reference: Any, **more: Any) -> tuple[Any, bytes]:
        return await door(who, new_id()).read(reference, field="file", **more)

    known = str(file.id)
    forms: list[Any] = [known, {"file": known}, {"file": {"id": known}}]
    for reference in forms:
        found, content = asyncio.run(read(actor, reference))
        assert (found.name, found.size, content) == ("a.txt", 5, b"hello")
    wrong: list[tuple[Actor, Any, dict[str, Any], str]] = [
        (stranger, str(file.id), {}, "file_missing"),
        (actor, str(new_id()), {}, "file_missing"),
        (actor, None, {}, "file_reference_invalid"),
        (actor, str(file.id), {"max_bytes": 4}, "file_too_large"),
        *((actor, path, {}, "file_reference_invalid") for path in PATHS),
        *((actor, {"file": path}, {}, "file_reference_invalid") for path in PATHS),
    ]
    for who, reference, more, code in wrong:
        with pytest.raises(NodeError) as error:
            asyncio.run(read(who, reference, **more))
        assert (error.value.code, error.value.field) == (code, "file")
    File.objects.update(expires_at=timezone.now())
    with pytest.raises(NodeError) as error:
        asyncio.run(read(actor, str(file.id)))
    assert error.value.code == "file_expired"
    File.objects.update(expires_at=None)
    storage().delete(file.key)
    with pytest.raises(NodeError) as error:
        asyncio.run(read(actor, str(file.id)))
    assert error.value.code == "file_missing"


@pytest.mark.django_db(transaction=True)
def test_a_node_that_is_tried_again_leaves_the_same_files(actor: Actor, settings: Any) -> None:
    run = new_id()

    async def attempt(last: bytes) -> list[str]:
        files = door(actor, run)
        return [(await files.write("a.txt", content)).id for content in (b"one", last)]

    first = asyncio.run(attempt(b"two"))
    assert len(set(first)) == 2  # of one name, and still two
    assert asyncio.run(attempt(b"two, again")) == first
    rows = File.objects.order_by("created_at")
    assert {(row.run_id, row.node) for row in rows} == {(run, "write")}
    assert {bytes_of(row) for row in rows} == {b"one", b"two, again"}
    settings.FLUX_FILES_MAX_TOTAL_BYTES = 5
    with pytest.raises(NodeError) as error:
        asyncio.run(attempt(b"far more than that"))
    assert (error.value.code, error.value.retryable) == ("storage_full", False)
