"""Collections of few documents, and the work for them done in this process."""

import asyncio
from typing import Any
from uuid import UUID

from accounts.permissions import Actor
from execution.knowledge import indexing
from execution.knowledge.models import Collection, Document, SearchIndex
from execution.knowledge.own_indexes import clear, finish
from execution.knowledge.queries import live_index
from execution.knowledge.recording import record
from execution.knowledge.services import add_document, create_collection
from execution.knowledge.work import Clearing, Embedding, Finishing, next_task
from execution.providers.access import access_for
from execution.providers.embeddings import embed

MODEL = "openai_compatible/bag"
TEXTS = {
    "Returns": "You can send an order back within thirty days. The repayment takes a week.",
    "Shipping": "Parcels leave our warehouse in Rotterdam on weekdays at noon.",
    "Garage": "An automobile is washed every Monday, for nine euros.",
}


def collection_with(actor: Actor, texts: dict[str, str] = TEXTS, **more: Any) -> Collection:
    """A collection with these documents, not indexed yet."""
    made = create_collection(actor, name="Handbook", **{"model": MODEL, **more})
    for name, text in texts.items():
        add_document(actor, made, name=name, text=text, source=f"https://x.test/{name}")
    return made


def document_of(collection: Collection, name: str) -> Document:
    return collection.documents.get(name=name)


def index_of(collection: Collection) -> SearchIndex:
    found = live_index(collection.pk)
    assert found is not None
    return found


def work_in_this_transaction(collection_id: UUID, batches: int = 1_000) -> int:
    """What a worker does, with the connection of the test; returns the batches embedded."""
    embedded = 0
    while embedded < batches:
        task = next_task(collection_id)
        match task:
            case None:
                return embedded
            case Embedding():
                texts = [text for part in task.parts for text in part.texts()]
                access = access_for(task.index.workspace_id)
                record(task, asyncio.run(embed(task.index.model, access, texts, "passage")))
                embedded += 1
            case Finishing():
                finish(task.index.id)
            case Clearing():
                clear(task.index.id)
    return embedded


def work_to_the_end(collection_id: UUID) -> float:
    """The worker's own loop, for tests whose rows are committed; the wait it asks for."""
    return asyncio.run(indexing.work(collection_id))["wait"]
