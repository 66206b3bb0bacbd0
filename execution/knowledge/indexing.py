"""Works off what is to be done for a collection, one batch after the other, for some seconds."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TypedDict
from uuid import UUID

from django.db import connection

from execution.database import in_database
from execution.knowledge.own_indexes import clear, finish
from execution.knowledge.recording import note_failure, record, refuse_documents
from execution.knowledge.work import Clearing, Embedding, Finishing, next_task, single
from execution.providers.access import access_of
from execution.providers.embeddings import embed
from flows.engine.errors import NodeError

logger = logging.getLogger(__name__)
#: Seconds of work after which a workflow hears how far it is.
WORK_SECONDS = 20.0
#: What a provider says about texts, not about the call.
_ABOUT_TEXTS = frozenset({"model_bad_request", "model_context_window"})


class Worked(TypedDict):
    """Whether more is to be done, and after how many seconds."""

    more: bool
    wait: float


async def work(collection_id: UUID) -> Worked:
    """Do what is to be done, for WORK_SECONDS. Raises what no repetition is promised to mend."""
    ends_at = time.monotonic() + WORK_SECONDS
    while time.monotonic() < ends_at:
        task = await in_database(partial(next_task, collection_id))
        match task:
            case None:
                return Worked(more=False, wait=0)
            case Embedding():
                wait = await _embed(task)
                if wait:
                    return Worked(more=True, wait=wait)
            case Finishing():
                # On a thread of its own: an index of 100,000 vectors takes a minute.
                await _aside(partial(finish, task.index.id))
            case Clearing():
                alive = partial(_before, ends_at)
                await _aside(partial(clear, task.index.id, alive=alive))
    return Worked(more=True, wait=0)


async def _aside(step: Callable[[], None]) -> None:
    """Long database work, on a thread whose connection is given back after it."""

    def tidily() -> None:
        try:
            step()
        finally:
            connection.close()

    await asyncio.to_thread(tidily)


def _before(ends_at: float) -> bool:
    return time.monotonic() < ends_at


async def _embed(batch: Embedding) -> float | None:
    """One batch: None, or the seconds after which it is to be tried again."""
    try:
        await _embed_and_record(batch)
    except NodeError as error:
        if error.code in _ABOUT_TEXTS:
            return await _embed_one_by_one(batch, error)
        return await _failed(batch, error)
    return None


async def _embed_one_by_one(batch: Embedding, error: NodeError) -> float | None:
    """The provider refuses something in the batch: the other documents go on."""
    if len(batch.parts) == 1:
        await in_database(partial(refuse_documents, batch.index.id, batch.parts, error))
        return None
    for one in single(batch):
        wait = await _embed(one)
        if wait:
            return wait
    return None


async def _embed_and_record(batch: Embedding) -> None:
    index = batch.index
    texts = [text for part in batch.parts for text in part.texts()]
    if not texts:
        # The rows of a document whose text is gone.
        gone = NodeError("document_empty", "The document holds nothing to embed.")
        await in_database(partial(refuse_documents, index.id, batch.parts, gone))
        return
    access = await access_of(index.workspace_id)
    embedded = await embed(index.model, access, texts, "passage")
    await in_database(partial(record, batch, embedded))


async def _failed(batch: Embedding, error: NodeError) -> float | None:
    logger.warning("A batch of %s failed: %s", batch.index, error.message)
    passes = error.retryable
    return await in_database(partial(note_failure, batch.index.id, error, may_pass=passes))
