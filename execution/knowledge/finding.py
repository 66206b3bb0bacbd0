"""A search from question to matches: which index, the question's vector, the chunks."""

from collections.abc import Callable
from uuid import UUID

from asgiref.sync import async_to_sync

from accounts.ids import new_id
from accounts.permissions import Actor
from billing.key_budgets import check_key_budget
from billing.prices import price
from billing.services import record_usage
from execution.knowledge.limits import QUERY_CHARACTERS
from execution.knowledge.models import Collection, SearchIndex
from execution.knowledge.queries import collection_of, live_index
from execution.knowledge.searching import Found, find
from execution.providers.access import access_for
from execution.providers.base import Access
from execution.providers.embeddings import Embedded, embed
from flows.engine.errors import NodeError

#: What usage of searches outside of runs is booked under.
USED_BY_SEARCH = "knowledge-search"


def index_for(workspace_id: UUID, reference: str) -> SearchIndex:
    """The index to search for a run's node. Raises NodeError collection_missing."""
    collection = collection_of(workspace_id, reference.strip())
    index = live_index(collection.pk) if collection is not None else None
    if index is None:
        message = (
            f"This workspace has no collection '{reference.strip()[:100]}'. Make one under "
            "Knowledge, or name another by its slug or id."
        )
        raise NodeError("collection_missing", message, field="collection")
    return index


def check_query(query: str) -> str:
    """The query as it is searched. Raises NodeError."""
    query = query.strip()
    if not query:
        raise NodeError("query_empty", "There is nothing to search for.", field="query")
    if len(query) > QUERY_CHARACTERS:
        message = (
            f"A query may have {QUERY_CHARACTERS:,} characters; this one has {len(query):,}. "
            "Search for the question, not for a whole text."
        )
        raise NodeError("query_too_long", message, field="query")
    return query


async def question_vector(index: SearchIndex, access: Access, query: str) -> Embedded:
    """The query's vector, by the model of the index. Raises NodeError."""
    embedded = await embed(index.model, access, [query], "query")
    if len(embedded.vectors[0]) != index.dimensions:
        message = (
            f"{index.model} now gives {len(embedded.vectors[0])} numbers for a text, not "
            f"{index.dimensions} as when the collection was indexed: build its index anew."
        )
        raise NodeError("dimensions_changed", message)
    return embedded


def search_collection(
    actor: Actor, collection: Collection, query: str, *, top_k: int, min_score: float = -1.0
) -> list[Found]:
    """A search from a page or the API, booked to the workspace. Raises NodeError."""
    actor.require("knowledge.read")
    query = check_query(query)
    index = live_index(collection.pk)
    if index is None or index.dimensions is None:
        return []
    check_key_budget(actor)
    access = access_for(actor.workspace_id)
    ask: Callable[..., Embedded] = async_to_sync(question_vector)
    embedded = ask(index, access, query)
    record_usage(
        workspace_id=actor.workspace_id,
        flow_id=None,
        run_id=new_id(),
        node=USED_BY_SEARCH,
        path=[str(collection.pk)],
        attempt=1,
        model=embedded.model,
        usage=embedded.usage,
        price=price(embedded.model, embedded.usage),
        api_key_id=actor.api_key_id,
        estimated=embedded.estimated,
    )
    return find(index, embedded.vectors[0], query, top_k=top_k, min_score=min_score)
