"""The door to a workspace's collections of documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Match:
    """A piece of a document that answers a query.

    `score` is the cosine between the meanings of piece and query, -1 to 1. `position` counts the
    document's pieces from 0; `heading` is the path of headings above it.
    """

    text: str
    score: float
    document: str
    document_id: str
    position: int
    heading: str = ""
    source: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Knowledge(Protocol):
    """Searches what is stored in the workspace of the run, and nothing else."""

    async def search(
        self, collection: str, query: str, *, top_k: int, min_score: float
    ) -> list[Match]:
        """The best pieces of the collection of that slug, id or name, best first.

        What the query's embedding used is booked. Raises NodeError: collection_missing,
        query_too_long, and what calls of models raise.
        """
