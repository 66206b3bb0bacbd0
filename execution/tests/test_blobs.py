"""The store of large values: whole or not at all, each content once, read back as it was."""

import hashlib
import threading
import uuid

import pytest
from django.db import connection, transaction

from accounts.models import Workspace
from execution.blobs import PART, TOGETHER, NewBlob, blob_bytes, save_blobs
from execution.models import Blob, BlobPart
from flows.engine.errors import NodeError


def new_blob(data: bytes) -> NewBlob:
    return NewBlob(hashlib.sha256(data).hexdigest(), "text", data)


def workspace() -> Workspace:
    return Workspace.objects.create(name="One", slug=uuid.uuid4().hex)


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, PART * TOGETHER, PART * 20 + 7])
def test_any_size_comes_back_as_it_was(size: int) -> None:
    owner, blob = workspace(), new_blob(bytes(index % 251 for index in range(size)))
    save_blobs(owner.id, [blob])
    assert blob_bytes(owner.id, blob.digest) == ("text", blob.data)
    assert max(len(part.data) for part in BlobPart.objects.filter(blob__workspace=owner)) <= PART


@pytest.mark.django_db
def test_equal_content_has_its_parts_once() -> None:
    owner, blob = workspace(), new_blob(b"x" * (PART + 1))
    for _ in range(2):
        save_blobs(owner.id, [blob, blob])
    assert BlobPart.objects.filter(blob__workspace=owner).count() == 2


@pytest.mark.django_db
def test_a_value_with_a_part_missing_is_never_read_as_whole() -> None:
    owner, blob = workspace(), new_blob(b"x" * (PART * 3))
    save_blobs(owner.id, [blob])
    BlobPart.objects.filter(blob__workspace=owner, number=1).delete()
    with pytest.raises(NodeError) as caught:
        blob_bytes(owner.id, blob.digest)
    assert caught.value.code == "value_missing"


@pytest.mark.django_db(transaction=True)
def test_two_that_store_the_same_at_once_both_find_it_whole() -> None:
    owner, blob = workspace(), new_blob(b"y" * (PART * 4))
    claimed, committed = threading.Event(), threading.Event()
    found: list[tuple[str, bytes]] = []

    def second() -> None:
        try:
            claimed.wait(10)
            with transaction.atomic():
                save_blobs(owner.id, [blob])
                assert committed.is_set()
                found.append(blob_bytes(owner.id, blob.digest))
        finally:
            connection.close()

    other = threading.Thread(target=second)
    other.start()
    with transaction.atomic():
        save_blobs(owner.id, [blob])
        claimed.set()
        other.join(0.3)
        assert other.is_alive()
        committed.set()
    other.join(10)
    assert found == [("text", blob.data)]
    assert Blob.objects.filter(workspace=owner).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_that_store_the_same_values_in_other_orders_do_not_deadlock() -> None:
    owner = workspace()
    blobs = [new_blob(bytes([65 + number]) * (PART * 2)) for number in range(12)]
    together, failures = threading.Barrier(2), []

    def store(values: list[NewBlob]) -> None:
        try:
            together.wait(10)
            with transaction.atomic():
                save_blobs(owner.id, values)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=store, args=[each]) for each in (blobs, blobs[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert Blob.objects.filter(workspace=owner).count() == 12
