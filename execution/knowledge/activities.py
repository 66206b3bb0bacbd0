"""The Temporal activity that works for a collection: a thin driver of `indexing`."""

from typing import Any
from uuid import UUID

from temporalio import activity

from execution.activity_ways import beating, named
from execution.knowledge.indexing import work


@activity.defn(name="knowledge_work")
async def knowledge_work(collection_id: str) -> dict[str, Any]:
    """Some seconds of work: `more` is to be done, after `wait` seconds."""
    async with beating(), named():
        return dict(await work(UUID(collection_id)))


KNOWLEDGE_ACTIVITIES = [knowledge_work]
