"""Searches a workspace's collections for nodes, and books what the query's embedding used."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from execution.database import in_database
from execution.knowledge.finding import check_query, index_for, question_vector
from execution.knowledge.searching import Found, find
from execution.providers.access import access_of
from execution.providers.embeddings import Embedded
from flows.engine.doors.knowledge import Match


class RunKnowledge:
    """The `Knowledge` of one attempt. `check` looks at the budget, `count` books what was used."""

    def __init__(
        self,
        workspace_id: UUID,
        check: Callable[[], Awaitable[None]],
        count: Callable[[Embedded], None],
    ) -> None:
        self._workspace_id = workspace_id
        self._check = check
        self._count = count

    async def search(
        self, collection: str, query: str, *, top_k: int, min_score: float
    ) -> list[Match]:
        query = check_query(query)
        index = await in_database(partial(index_for, self._workspace_id, collection))
        if index.dimensions is None:
            return []
        await self._check()
        access = await access_of(self._workspace_id)
        embedded = await question_vector(index, access, query)
        self._count(embedded)
        vector = embedded.vectors[0]
        found = await in_database(
            partial(find, index, vector, query, top_k=top_k, min_score=min_score)
        )
        return [_match(one) for one in found]


def _match(found: Found) -> Match:
    return Match(
        found.text,
        found.score,
        found.document,
        str(found.document_id),
        found.position,
        found.heading,
        found.source,
        found.metadata,
    )
