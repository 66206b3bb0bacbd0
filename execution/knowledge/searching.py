"""The search: nearest vectors and rare words of one index, in one statement.

Vector and words each rank their best; the two rankings are joined by reciprocal rank (RRF, Cormack
et al. 2009), which needs no common scale. What a match is worth on its own is the cosine between
its vector and the query's: that is `score`, and what `min_score` asks for.
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
DEPTH, EF_SEARCH = 50, 100
#: RRF's constant, and what a place among the words counts against one among the vectors.
RRF, WORDS_WEIGHT = 60, 0.7
#: Words of a query that are looked for: the rarest.
MOST_WORDS = 24
#: Chunks whose words are weighed; words are looked for, rarest first, until they have so many.
MOST_CANDIDATES = 2_000


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
    """What a query's words ask for: `query` (a tsquery), and each word with its weight."""

    query: str
    words: tuple[str, ...]
    weights: tuple[float, ...]


_KNOWN = """
SELECT asked.word, known.chunks
FROM unnest(tsvector_to_array(to_tsvector(%s::text::regconfig, %s::text))) AS asked(word)
JOIN knowledge_word known ON known.word = asked.word AND known.index_id = %s::uuid
WHERE known.chunks > 0
ORDER BY known.chunks, asked.word LIMIT %s::integer
"""
_SETTINGS = """
SELECT set_config('hnsw.ef_search', %s::text, true),
  set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('jit', 'off', true)
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
  SELECT id, (
    SELECT sum(weight * ts_rank(candidates.words, word::tsquery, 1))
    FROM unnest(%(words)s::text[], %(weights)s::float8[]) AS asked(word, weight)
  ) AS worth
  FROM candidates ORDER BY worth DESC, id LIMIT %(depth)s::integer
), joined AS (
  SELECT id, sum(share) AS share FROM (
    SELECT id, 1.0 / (%(rrf)s::integer + row_number() OVER (ORDER BY distance, id)) AS share
    FROM nearest
    UNION ALL
    SELECT id, %(weight)s::float8 / (%(rrf)s::integer + row_number() OVER (ORDER BY worth DESC, id))
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
        words = _words(cursor, index, query) if mode != "vector" else Words("", (), ())
        cursor.execute(
            _statement(index.id, index.dimensions),
            {
                "query": as_text(vector),
                "by_vector": mode != "text",
                "wanted": words.query,
                "words": list(words.words),
                "weights": list(words.weights),
                "depth": max(DEPTH, 2 * top_k),
                "most": MOST_CANDIDATES,
                "rrf": RRF,
                "weight": WORDS_WEIGHT,
                "min_score": min_score,
                "top_k": top_k,
            },
        )
        return [_found(row) for row in cursor.fetchall()]


def _statement(index_id: UUID, dimensions: int) -> str:
    vector = f"embedding::halfvec({int(dimensions)})"
    return _SEARCH.format(
        mine=f"index_id = '{UUID(str(index_id))}'::uuid",
        vector=f"({vector})",
        chunk_vector=f"(chunk.{vector})",
        dimensions=int(dimensions),
    )


def as_text(vector: Sequence[float]) -> str:
    """A vector as pgvector reads it."""
    return f"[{','.join(format(value, '.6g') for value in vector)}]"


def _found(row: tuple[Any, ...]) -> Found:
    document_id, name, source, metadata, position, start, heading, text, score = row
    facts = json.loads(metadata)
    return Found(document_id, name, source, facts, position, start, heading, text, round(score, 4))


def _words(cursor: Any, index: SearchIndex, query: str) -> Words:
    cursor.execute(_KNOWN, [index.language, query, index.id, MOST_WORDS])
    return chosen_words(cursor.fetchall(), index.chunks)


def chosen_words(known: Sequence[tuple[str, int]], chunks: int) -> Words:
    """The words to look for, out of (word, in how many chunks it is), rarest first.

    Any of the rare ones will do. Where even the rarest is in too many chunks, all of them have to
    be in one. Every word counts by its rarity (the weight of BM25) where a chunk is weighed.
    """
    rare: list[str] = []
    reached = 0
    for word, count in known:
        reached += count
        if reached > MOST_CANDIDATES:
            break
        rare.append(quoted(word))
    every = [quoted(word) for word, _ in known]
    query = " | ".join(rare) if rare else " & ".join(every)
    weights = (math.log(1 + (chunks - n + 0.5) / (n + 0.5)) for _, n in known)
    return Words(query, tuple(every), tuple(max(0.01, weight) for weight in weights))


def quoted(word: str) -> str:
    """A lexeme as a tsquery has it."""
    doubled = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"
