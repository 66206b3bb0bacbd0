"""Rows of memories for tests that only look at them."""

from execution.memories.models import Memory, MemoryEntry
from execution.models import Run

HOSTILE = "<script>alert(1)</script>"


def remember(run: Run) -> None:
    """A session's memory with one entry, whose texts are hostile."""
    memory = Memory.objects.create(
        workspace=run.workspace, flow=run.flow, scope="session", session_id=HOSTILE, name=HOSTILE
    )
    MemoryEntry.objects.create(
        memory=memory, number=1, key="k", value=HOSTILE, size=len(HOSTILE), run_id=run.id
    )
