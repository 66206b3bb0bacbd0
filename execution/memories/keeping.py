"""The engine's side of memories: what steps of runs add, read and clear."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.ids import new_id
from execution.memories.models import Memory, MemoryEntry, MemoryScope
from flows.engine.doors.memory import (
    MEMORY_BYTES,
    MOST_ENTRIES,
    Remembered,
    Scope,
    Select,
)
from flows.engine.errors import NodeError
from flows.engine.sizes import compact_size

JSON = Any
#: Memories of a workspace; a session of a flow has one for each name.
MOST_MEMORIES = 100_000


@dataclass(frozen=True)
class Place:
    """Which memory is meant, for a run of `flow_id`. `node` is empty but for turns."""

    workspace_id: UUID
    flow_id: UUID
    scope: Scope
    name: str = ""
    session_id: str = ""
    node: str = ""

    def as_filter(self) -> dict[str, JSON]:
        """The row's columns that name it."""
        of_workspace = self.scope == MemoryScope.WORKSPACE
        return {
            "workspace_id": self.workspace_id,
            "flow_id": None if of_workspace else self.flow_id,
            "session_id": self.session_id if self.scope == MemoryScope.SESSION else "",
            "node": self.node,
            "name": self.name,
        }


@dataclass(frozen=True)
class Step:
    """The step of a run that writes: `key` is the same for all its attempts."""

    run_id: UUID
    key: str


def append(place: Place, step: Step, value: JSON, *, most: int = MOST_ENTRIES) -> int:
    """Add an entry and drop the oldest beyond the limits; returns how many. Once for each step.

    Raises NodeError memory_too_many.
    """
    with transaction.atomic():
        memory, is_new = hold(place)
        # Two that make the last ones at the same moment may exceed it by one.
        if is_new and _memories_of(place).count() > MOST_MEMORIES:
            raise _too_many()
        if MemoryEntry.objects.filter(memory=memory, key=step.key).exists():
            return 0
        size = compact_size(value)
        MemoryEntry.objects.create(
            memory=memory,
            number=memory.last_number + 1,
            key=step.key,
            value=value,
            size=size,
            run_id=step.run_id,
        )
        memory.last_number += 1
        memory.count += 1
        memory.size += size
        dropped = _drop_oldest(memory, most)
        Memory.objects.filter(id=memory.id).update(
            last_number=memory.last_number, count=memory.count, size=memory.size
        )
    return dropped


def read(place: Place, select: Select, limit: int | None) -> Remembered:
    """Entries of a memory, oldest first; see `Memories.read`."""
    memory = Memory.objects.filter(**_with_null(place)).first()
    if memory is None:
        return Remembered([], 0)
    few = limit if limit is not None or select == "all" else 1
    newest_first = select != "first"
    rows = memory.entries.order_by("-number" if newest_first else "number")
    values = list(rows.values_list("value", flat=True)[:few])
    return Remembered(values[::-1] if newest_first else values, memory.count)


def clear(place: Place, step: Step) -> int:
    """Forget all entries of a memory; returns how many. Once for each step."""
    with transaction.atomic():
        rows = Memory.objects.select_for_update().filter(**_with_null(place))
        memory = rows.first()
        if memory is None or memory.cleared_by == step.key:
            return 0
        memory.entries.all().delete()
        forgotten, memory.count, memory.size = memory.count, 0, 0
        memory.cleared_by, memory.updated_at = step.key, timezone.now()
        memory.save(update_fields=["count", "size", "cleared_by", "updated_at"])
    return forgotten


def require_room(place: Place) -> None:
    """Raises NodeError memory_too_many where this memory could not be made."""
    known = _memories_of(place)
    if not known.filter(**_with_null(place)).exists() and known.count() >= MOST_MEMORIES:
        raise _too_many()


def drop_from(memory_id: UUID, number: int, run_ids: Collection[UUID]) -> None:
    """Forget what these runs added under this number and later ones; call while it is held."""
    rows = MemoryEntry.objects.filter(memory_id=memory_id, number__gte=number, run_id__in=run_ids)
    sizes = list(rows.values_list("size", flat=True))
    rows.delete()
    Memory.objects.filter(id=memory_id).update(
        count=F("count") - len(sizes), size=F("size") - sum(sizes)
    )


_HOLD = """
INSERT INTO memories_memory (id, workspace_id, flow_id, scope, session_id, node, name, last_number,
  count, size, cleared_by, created_at, updated_at)
VALUES (%(id)s, %(workspace_id)s, %(flow_id)s, %(scope)s, %(session_id)s, %(node)s, %(name)s, 0,
  0, 0, '', now(), now())
ON CONFLICT ON CONSTRAINT memory_once DO UPDATE SET updated_at = now()
RETURNING id, last_number, count, size
"""


def hold(place: Place) -> tuple[Memory, bool]:
    """The memory's row, held until the transaction ends, and whether it was made just now."""
    wanted = new_id()
    values = {**place.as_filter(), "id": wanted, "scope": place.scope}
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, values)
        memory_id, last_number, count, size = cursor.fetchone()
    memory = Memory(id=memory_id, last_number=last_number, count=count, size=size)
    return memory, memory_id == wanted


def _memories_of(place: Place) -> QuerySet[Memory]:
    return Memory.objects.filter(workspace_id=place.workspace_id)


def _with_null(place: Place) -> dict[str, JSON]:
    """For a query: the ORM finds NULL by `__isnull` only."""
    wanted = place.as_filter()
    if wanted["flow_id"] is None:
        del wanted["flow_id"]
        wanted["flow__isnull"] = True
    return wanted


# The newest number that is beyond one of the limits, counted from the newest entry back.
_BEYOND = """
SELECT max(number) FROM (
  SELECT number, row_number() OVER newest AS place, sum(size) OVER newest AS bytes
  FROM memories_memoryentry WHERE memory_id = %s WINDOW newest AS (ORDER BY number DESC)) AS e
WHERE place > %s OR bytes > %s
"""


def _drop_oldest(memory: Memory, most: int) -> int:
    """Drop what is beyond the limits, and count it in `memory`; returns how many."""
    if memory.count <= most and memory.size <= MEMORY_BYTES:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_BEYOND, [memory.id, most, MEMORY_BYTES])
        (last,) = cursor.fetchone()
    rows = MemoryEntry.objects.filter(memory=memory, number__lte=last)
    sizes: Sequence[int] = list(rows.values_list("size", flat=True))
    rows.delete()
    memory.count -= len(sizes)
    memory.size -= sum(sizes)
    return len(sizes)


def _too_many() -> NodeError:
    return NodeError(
        "memory_too_many",
        f"The workspace has {MOST_MEMORIES:,} memories, and may have no further one. Use fewer "
        "names, delete sessions that are over (DELETE /flows/{id}/sessions/{session}/memory), or "
        "shorten how long runs are kept: memories of sessions go with that.",
        field="name",
    )
