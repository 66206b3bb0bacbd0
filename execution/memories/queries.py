"""Reads of memories for people and programs."""

from typing import Any

from django.db.models import QuerySet

from accounts.permissions import Actor
from execution.memories.models import MemoryEntry, MemoryScope
from flows.models import Flow

JSON = Any


def session_entries(actor: Actor, flow: Flow, session_id: str) -> QuerySet[MemoryEntry]:
    """All that is remembered of a session of a flow."""
    rows = MemoryEntry.objects.visible_to(actor).select_related("memory")
    return rows.filter(
        memory__flow=flow, memory__scope=MemoryScope.SESSION, memory__session_id=session_id
    )


def entry_payload(entry: MemoryEntry) -> dict[str, JSON]:
    """An entry as the API shows it; `name` or, of turns, `node` says what it belongs to."""
    return {
        "id": str(entry.id),
        "name": entry.memory.name or None,
        "node": entry.memory.node or None,
        "value": entry.value,
        "run": str(entry.run_id),
        "created_at": entry.created_at.isoformat(),
    }
