"""What steps add, read and clear: once each, in order, each in a memory of its own."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.ids import new_id
from accounts.models import Workspace
from accounts.permissions import Actor
from execution.memories import keeping
from execution.memories.keeping import Place, Step
from execution.memories.models import Memory, MemoryEntry
from execution.memories.services import expire_sessions
from execution.tests.flows_for_tests import new_actor
from flows.engine.errors import NodeError
from flows.models import Flow
from flows.services import create_flow, delete_flow

pytestmark = pytest.mark.django_db


def place_of(actor: Actor, flow: Flow, **fields: Any) -> Place:
    values = {"scope": "session", "name": "log", "session_id": "ada", **fields}
    if values["scope"] != "session":
        values["session_id"] = ""
    return Place(workspace_id=actor.workspace_id, flow_id=flow.id, **values)


def step() -> Step:
    return Step(new_id(), str(uuid4()))


def entries(place: Place) -> list[Any]:
    return keeping.read(place, "all", None).entries


@pytest.fixture
def owner() -> Actor:
    return new_actor()


@pytest.fixture
def flow(owner: Actor) -> Flow:
    return create_flow(owner, name="Chat")


@pytest.fixture
def place(owner: Actor, flow: Flow) -> Place:
    return place_of(owner, flow)


def test_a_step_that_is_tried_again_adds_once(place: Place) -> None:
    one = step()
    for _ in range(3):
        keeping.append(place, one, {"n": None})
    keeping.append(place, step(), None)
    assert entries(place) == [{"n": None}, None]
    assert list(MemoryEntry.objects.values_list("number", flat=True).order_by("number")) == [1, 2]


def test_a_clear_that_is_tried_again_spares_what_was_added_meanwhile(place: Place) -> None:
    keeping.append(place, step(), 1)
    keeping.append(place, step(), 2)
    one = step()
    assert keeping.clear(place, one) == 2
    keeping.append(place, step(), 3)
    assert keeping.clear(place, one) == 0
    assert entries(place) == [3]
    assert keeping.clear(place, step()) == 1


@pytest.mark.parametrize(
    ("select", "limit", "found"),
    [
        ("all", None, [1, 2, 3]),
        ("all", 2, [2, 3]),
        ("first", None, [1]),
        ("first", 2, [1, 2]),
        ("last", None, [3]),
        ("last", 9, [1, 2, 3]),
    ],
)
def test_entries_are_read_oldest_first(
    place: Place, select: Any, limit: int | None, found: list[int]
) -> None:
    for number in (1, 2, 3):
        keeping.append(place, step(), number)
    read = keeping.read(place, select, limit)
    assert (read.entries, read.count) == (found, 3)


def test_sessions_flows_workspaces_nodes_and_names_are_memories_of_their_own(
    owner: Actor, flow: Flow, place: Place
) -> None:
    other_flow = create_flow(owner, name="Other")
    stranger = new_actor()
    their_flow = create_flow(stranger, name="Chat")
    places = [
        place,
        replace(place, session_id="bob"),
        replace(place, name="notes"),
        replace(place, name="", node="ask"),
        place_of(owner, other_flow),
        place_of(owner, flow, scope="flow"),
        place_of(owner, other_flow, scope="flow"),
        place_of(owner, flow, scope="workspace"),
        place_of(stranger, their_flow),
        place_of(stranger, their_flow, scope="workspace"),
    ]
    for number, one in enumerate(places):
        keeping.append(one, step(), number)
    assert [entries(one) for one in places] == [[number] for number in range(len(places))]
    # The workspace's memory is the same whichever flow asks.
    assert entries(place_of(owner, other_flow, scope="workspace")) == [7]
    assert Memory.objects.visible_to(stranger).count() == 2
    assert MemoryEntry.objects.visible_to(stranger).count() == 2


def test_the_oldest_fall_out_beyond_a_number_and_beyond_a_size(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = [keeping.append(place, step(), number, most=3) for number in range(5)]
    assert (dropped, entries(place)) == ([0, 0, 0, 1, 1], [2, 3, 4])
    monkeypatch.setattr(keeping, "MEMORY_BYTES", 23)
    assert keeping.append(place, step(), "x" * 20, most=5) == 2
    assert entries(place) == [4, "x" * 20]
    assert keeping.append(place, step(), "y" * 40, most=5) == 3
    memory = Memory.objects.get()
    assert (memory.count, memory.size, entries(place)) == (0, 0, [])


def test_a_workspace_may_have_so_many_memories(
    owner: Actor, flow: Flow, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_MEMORIES", 2)
    keeping.append(place, step(), 1)
    keeping.append(replace(place, name="b"), step(), 1)
    third = replace(place, name="c")
    for refused in (lambda: keeping.append(third, step(), 1), lambda: keeping.require_room(third)):
        with pytest.raises(NodeError, match="memories") as caught:
            refused()
        assert caught.value.code == "memory_too_many"
    keeping.append(place, step(), 2)
    keeping.require_room(place)
    assert Memory.objects.count() == 2


@pytest.mark.parametrize(
    ("own", "installation", "unused", "days", "goes"),
    [
        (None, None, 90, 91, True),
        (None, None, 90, 89, False),
        (None, None, None, 5_000, False),
        (None, 10, 90, 11, True),
        (30, 10, 90, 31, True),
        (30, 10, 90, 29, False),
        (400, None, 90, 91, True),
        (30, None, None, 31, True),
    ],
)
def test_sessions_are_forgotten_when_nothing_was_added_for_long(
    owner: Actor,
    flow: Flow,
    settings: Any,
    own: int | None,
    installation: int | None,
    unused: int | None,
    days: int,
    goes: bool,
) -> None:
    settings.FLUX_RETENTION_DAYS, settings.FLUX_MEMORY_DAYS = installation, unused
    Workspace.objects.filter(id=owner.workspace_id).update(retention_days=own)
    for scope in ("session", "flow", "workspace"):
        keeping.append(place_of(owner, flow, scope=scope), step(), 1)
    Memory.objects.update(updated_at=timezone.now() - timedelta(days=days))
    assert expire_sessions() == int(goes)
    assert MemoryEntry.objects.count() == 3 - int(goes)


def test_a_flows_memories_go_with_it_and_the_workspaces_stay(owner: Actor, flow: Flow) -> None:
    for scope in ("session", "flow", "workspace"):
        keeping.append(place_of(owner, flow, scope=scope), step(), scope)
    delete_flow(owner, flow)
    assert list(MemoryEntry.objects.values_list("value", flat=True)) == ["workspace"]


@pytest.mark.django_db(transaction=True)
def test_what_several_runs_add_at_once_is_kept_in_the_order_of_commits() -> None:
    owner = new_actor()
    place = place_of(owner, create_flow(owner, name="Chat"))
    ready = threading.Barrier(4)

    def add(number: int) -> None:
        try:
            ready.wait()
            for index in range(5):
                keeping.append(place, step(), [number, index])
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = entries(place)
    assert len(found) == 20
    for number in range(4):
        assert [index for one, index in found if one == number] == list(range(5))
    numbers = MemoryEntry.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, 21))
    assert UUID(str(Memory.objects.get().workspace_id)) == owner.workspace_id
