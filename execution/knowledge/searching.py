"""The search: nearest vectors and rare words of one index, in one statement.

Vectors and words each rank their best, and the two rankings are joined by reciprocal rank (RRF,
Cormack et al. 2009), which needs no common scale. A place among the words counts by the square of
what they are of the query, rare ones more: else one word in common by chance would outweigh a
meaning, and both together find less than vectors alone.
What a match is worth on its own is the cosine between its vector and the query's: that is `score`,
and what `min_score` asks for.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db import connection, transaction

from execution.knowledge.models import SearchIndex

Mode = Literal["hybrid", "vector", "text"]
#: Of each ranking, the places that count, and the chunks an HNSW scan looks at for them.
DEPTH, EF_SEARCH = 50, 200
#: RRF's constant, and what a place among the words, all of them found, counts against one among the
#: vectors (measured with benchmarks/knowledge.py).
RRF, WORDS_WEIGHT = 60, 1.5
#: Words of a query that are looked for: the rarest.
MOST_WORDS = 24
#: Chunks whose words are weighed; words are looked for, rarest first, until they have so many.
MOST_CANDIDATES = 1_000


@dataclass(frozen=True)
class Found:
    """A chunk that matches. `score` is a cosine, -1 to 1; `start` a place in the document."""

    document_id: UUID
    document: str
    source: str
    metadata: dict[str, Any]
    position: int
    start: int
    heading: str
    text: str
    score: float


@dataclass(frozen=True)
class Words:
    """What a query's words ask for: `query` (a tsquery), and each word with its weight.

    `whole` is the weight of all words of the query, those that no chunk has among them.
    """

    query: str
    words: tuple[str, ...]
    weights: tuple[float, ...]
    whole: float


_KNOWN = """
SELECT asked.word, greatest(coalesce(known.chunks, 0), 0) AS chunks
FROM unnest(tsvector_to_array(to_tsvector(%s::text::regconfig, %s::text))) AS asked(word)
LEFT JOIN knowledge_word known ON known.word = asked.word AND known.index_id = %s::uuid
ORDER BY chunks, asked.word
"""
# A plan kept for any values would read the query's vector anew from its text for each chunk.
_SETTINGS = """
SELECT set_config('hnsw.ef_search', %s::text, true),
  set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('jit', 'off', true),
  set_config('plan_cache_mode', 'force_custom_plan', true)
"""
# The index's id is written out: only then does the planner see that the index of its own fits.
_SEARCH = """
WITH nearest AS MATERIALIZED (
  SELECT id, {vector} <=> %(query)s::text::halfvec({dimensions}) AS distance
  FROM knowledge_chunk WHERE {mine} AND %(by_vector)s::boolean
  ORDER BY {vector} <=> %(query)s::text::halfvec({dimensions}) LIMIT %(depth)s::integer
), candidates AS MATERIALIZED (
  SELECT id, words FROM knowledge_chunk
  WHERE {mine} AND words @@ %(wanted)s::text::tsquery LIMIT %(most)s::integer
), worded AS MATERIALIZED (
  SELECT id, ({worth}) / %(whole)s::float8 AS worth
  FROM candidates ORDER BY worth DESC, length(words), id LIMIT %(depth)s::integer
), joined AS (
  SELECT id, sum(share) AS share FROM (
    SELECT id, 1.0 / (%(rrf)s::integer + row_number() OVER (ORDER BY distance, id)) AS share
    FROM nearest
    UNION ALL
    SELECT id, %(weight)s::float8 * worth * worth
      / (%(rrf)s::integer + rank() OVER (ORDER BY worth DESC))
    FROM worded
  ) AS shares GROUP BY id
)
SELECT document.id, document.name, document.source, document.metadata::text, chunk.position,
  chunk.start, chunk.heading, chunk.text, found.score
FROM joined
JOIN knowledge_chunk chunk ON chunk.id = joined.id
JOIN knowledge_document document ON document.id = chunk.document_id
CROSS JOIN LATERAL (
  SELECT 1 - ({chunk_vector} <=> %(query)s::text::halfvec({dimensions})) AS score
) AS found
WHERE found.score >= %(min_score)s::float8
ORDER BY joined.share DESC, found.score DESC, chunk.id LIMIT %(top_k)s::integer
"""


def find(
    index: SearchIndex,
    vector: Sequence[float],
    query: str,
    *,
    top_k: int,
    min_score: float = -1.0,
    mode: Mode = "hybrid",
) -> list[Found]:
    """The chunks of an index that answer best, best first.

    `vector` is the query's, of the index's dimensions; `mode` leaves one of the rankings out, for
    comparing them.
    """
    if index.dimensions is None:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SETTINGS, [str(EF_SEARCH)])
        words = _words(cursor, index, query) if mode != "vector" else chosen_words([], 0)
        values: dict[str, Any] = {
            "query": as_text(vector),
            "by_vector": mode != "text",
            "wanted": words.query,
            "whole": words.whole,
            "depth": max(DEPTH, 2 * top_k),
            "most": MOST_CANDIDATES,
            "rrf": RRF,
            "weight": WORDS_WEIGHT,
            "min_score": min_score,
            "top_k": top_k,
            **{f"word_{at}": word for at, word in enumerate(words.words)},
            **{f"weight_{at}": weight for at, weight in enumerate(words.weights)},
        }
        cursor.execute(statement(index.id, index.dimensions, len(words.words)), values)
        return [_found(row) for row in cursor.fetchall()]


def statement(index_id: UUID, dimensions: int, words: int) -> str:
    """The search as SQL, for a query with so many words."""
    vector = f"embedding::halfvec({int(dimensions)})"
    each = (
        f"(words @@ %(word_{at})s::text::tsquery)::integer * %(weight_{at})s::float8"
        for at in range(words)
    )
    return _SEARCH.format(
        mine=f"index_id = '{UUID(str(index_id))}'::uuid",
        vector=f"({vector})",
        chunk_vector=f"(chunk.{vector})",
        dimensions=int(dimensions),
        worth=" + ".join(each) or "0::float8",
    )


def as_text(vector: Sequence[float]) -> str:
    """A vector as pgvector reads it."""
    return f"[{','.join(format(value, '.6g') for value in vector)}]"


def _found(row: tuple[Any, ...]) -> Found:
    document_id, name, source, metadata, position, start, heading, text, score = row
    facts = json.loads(metadata)
    return Found(document_id, name, source, facts, position, start, heading, text, round(score, 4))


def _words(cursor: Any, index: SearchIndex, query: str) -> Words:
    cursor.execute(_KNOWN, [index.language, query, index.id])
    return chosen_words(cursor.fetchall(), index.chunks)


def chosen_words(asked: Sequence[tuple[str, int]], chunks: int) -> Words:
    """The words to look for, out of (word, in how many chunks it is), rarest first.

    Any of the rare ones will do. Where even the rarest is in too many chunks, all of them have to
    be in one. Where a chunk is weighed, every word counts by its rarity (the weight of BM25).
    """
    weighed = [(word, n, math.log(1 + (chunks - n + 0.5) / (n + 0.5))) for word, n in asked]
    known = [one for one in weighed if one[1] > 0][:MOST_WORDS]
    rare: list[str] = []
    reached = 0
    for word, count, _ in known:
        reached += count
        if reached > MOST_CANDIDATES:
            break
        rare.append(quoted(word))
    every = tuple(quoted(word) for word, _, _ in known)
    return Words(
        " | ".join(rare) if rare else " & ".join(every),
        every,
        tuple(max(0.01, weight) for _, _, weight in known),
        sum(max(0.01, weight) for _, _, weight in weighed) or 1.0,
    )


def quoted(word: str) -> str:
    """A lexeme as a tsquery has it."""
    doubled = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"
