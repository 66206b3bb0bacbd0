"""Searches a collection of documents."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from flows.engine.config import NodeConfig, Text
from flows.engine.doors.knowledge import Match
from flows.engine.node_type import Context, NodeType, Result, RetryDefaults

#: Pieces that one search gives at most; more say little and fill a prompt.
MOST_MATCHES = 50


class Config(NodeConfig):
    collection: Text = Field(
        title="Collection",
        description="Slug, id or name of a collection of this workspace.",
        min_length=1,
        max_length=200,
        json_schema_extra={"widget": "collection"},
    )
    query: Text = Field(
        title="Query",
        description="What to look for: a question, or words.",
        min_length=1,
        json_schema_extra={"widget": "text"},
    )
    top_k: int = Field(
        default=5, title="Matches", description="How many at most.", ge=1, le=MOST_MATCHES
    )
    min_score: float = Field(
        default=0,
        title="Least score",
        description="Leaves out what is less alike in meaning (cosine, 0 to 1).",
        ge=-1,
        le=1,
    )


async def run(config: Config, ctx: Context) -> Result:
    """The best matches, and their text with numbered marks for a prompt."""
    found = await ctx.knowledge.search(
        config.collection, config.query, top_k=config.top_k, min_score=config.min_score
    )
    return Result({"matches": [_as_object(match) for match in found], "text": marked(found)})


def _as_object(match: Match) -> dict[str, Any]:
    return {
        "text": match.text,
        "score": match.score,
        "document": match.document,
        "document_id": match.document_id,
        "source": match.source,
        "heading": match.heading,
        "position": match.position,
        "metadata": dict(match.metadata),
    }


def marked(found: Sequence[Match]) -> str:
    """`[1] Document › Heading (source)` above each text, so that an answer can name its sources."""
    return "\n\n".join(
        f"[{number}] {_where(match)}\n{match.text}" for number, match in enumerate(found, 1)
    )


def _where(match: Match) -> str:
    place = f"{match.document} › {match.heading}" if match.heading else match.document
    return f"{place} ({match.source})" if match.source else place


NODE = NodeType(
    type="knowledge",
    title="Knowledge",
    summary="Searches a collection of documents by meaning and by words.",
    category="data",
    icon="library",
    config=Config,
    io=run,
    outputs={"matches": "list", "text": "text"},
    timeout_seconds=60,
    retry=RetryDefaults(max_attempts=3, initial_seconds=1, backoff=2, max_seconds=30),
)
