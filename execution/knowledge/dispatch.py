"""Tells Temporal that there is work for a collection; what was not told is told by a sweep."""

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from temporalio.client import Client
from temporalio.service import RPCError

from execution.database import in_database
from execution.knowledge.models import SearchIndex
from execution.queues import task_queue
from execution.temporal_client import TemporalUnreachable, run_sync

logger = logging.getLogger(__name__)
#: Silence after which work that waits counts as forgotten, and how many are told of at once.
FORGOTTEN = timedelta(seconds=60)
AT_ONCE = 100

_LEFT = """
SELECT DISTINCT index.collection_id FROM knowledge_searchindex index
WHERE index.worked_at < %s::timestamptz AND (
  index.state IN ('building', 'discarded') OR (index.state = 'failed' AND index.chunks > 0)
  OR EXISTS (SELECT FROM knowledge_indexeddocument waits
    WHERE waits.index_id = index.id AND waits.state = 'pending')
  OR NOT EXISTS (SELECT FROM knowledge_collection mine WHERE mine.id = index.collection_id))
LIMIT %s::integer
"""


def workflow_id(collection_id: UUID) -> str:
    return f"knowledge-{collection_id}"


async def tell(client: Client, collection_id: UUID) -> None:
    """Start the collection's workflow, or make the one that runs look again. Raises RPCError."""
    queue = settings.TEMPORAL_TASK_QUEUE
    await client.start_workflow(
        "knowledge-index",
        {"collection": str(collection_id), "queue": task_queue(queue, "model")},
        id=workflow_id(collection_id),
        task_queue=queue,
        start_signal="news",
    )


def tell_after_commit(collection_id: UUID) -> None:
    """Tell once the rows are there; an absent server is told later, by a worker."""
    transaction.on_commit(lambda: _tell(collection_id))


def _tell(collection_id: UUID) -> None:
    try:
        run_sync(lambda client: tell(client, collection_id))
    except (TemporalUnreachable, RPCError) as error:
        logger.warning("The work for collection %s waits: %s", collection_id, error)


async def tell_of_what_is_left(client: Client) -> int:
    """A worker's sweep: tell of work that nobody does; returns of how many collections."""
    found = await in_database(_left, patience=0)
    for collection_id in found:
        await tell(client, collection_id)
    return len(found)


def _left() -> list[UUID]:
    since = timezone.now() - FORGOTTEN
    with connection.cursor() as cursor:
        cursor.execute(_LEFT, [since, AT_ONCE])
        found = [row[0] for row in cursor.fetchall()]
    # Not again at once: work may be on its way.
    SearchIndex.objects.filter(collection_id__in=found).update(worked_at=timezone.now())
    return found
