"""How well and how fast knowledge is searched: `python -m benchmarks.knowledge`.

Two parts, on a throw-away PostgreSQL. *Quality*: recall@5 of hybrid, vector-only and text-only
searches with the offline model, over passages and questions of knowledge_corpus.yml (facts asked
for in other words) and notes that this program writes (orders that are much alike, asked for by
number). *Speed*: 100,000 chunks of made-up vectors and texts, in one collection among others; p50,
p95 and the recall of the HNSW index against an exact scan. Exits 1 where p95 is over 50 ms, or
hybrid is behind one of the others.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from fluxprompt.testing.throw_away import throw_away_folder, throw_away_postgres

MOST_P95 = 50.0
DIMENSIONS = 384
#: What texts are about lies in far fewer directions than a vector has numbers. With --random there
#: are as many, and no neighbour is much nearer than another: the worst that an index can meet.
DIRECTIONS, NOISE = 32, 0.3
TOP = 5
#: Chunks in the collections beside the large one.
BESIDE = (100, 1_000, 2_000, 5_000)
#: Chunks written by one statement.
AT_ONCE = 2_000
NAMES = ("Miller", "Okafor", "Tanaka", "Rossi", "Silva", "Novak", "Haddad", "Jensen", "Moreau")
CITIES = ("Lisbon", "Gdansk", "Lyon", "Bergen", "Porto", "Graz", "Ghent", "Split", "Turku", "Cork")
ORDERS, ASKED_ORDERS = 180, 60


def notes() -> Iterator[tuple[str, list[str]]]:
    """(a note of an order, questions about it): notes that are alike but for a number and names."""
    chance = random.Random(3)
    numbers = chance.sample(range(10_000, 99_999), ORDERS)
    for place, number in enumerate(numbers):
        text = (
            f"Order {number} for {chance.choice(NAMES)} was packed in {chance.choice(CITIES)}, "
            f"weighs {chance.randint(2, 40)} kilograms and is insured."
        )
        yield text, [f"Where is the parcel with the number {number}?"] * (place < ASKED_ORDERS)


def corpus() -> list[tuple[str, list[str]]]:
    """Passages, each with questions that it answers and no other."""
    path = Path(__file__).with_name("knowledge_corpus.yml")
    facts = yaml.safe_load(path.read_text())["facts"]
    return [(fact["text"], [fact["asked"]]) for fact in facts] + list(notes())


def quality() -> dict[str, float]:
    """recall@5 by mode."""
    import asyncio

    from execution.knowledge.recording import record
    from execution.knowledge.searching import Mode
    from execution.knowledge.services import add_document, create_collection
    from execution.knowledge.work import Embedding, next_task
    from execution.providers.base import Access
    from execution.providers.embeddings import embed

    passages = corpus()
    facts = len(passages) - ORDERS
    made = create_collection(_actor(), name="Corpus")
    for number, (text, _) in enumerate(passages):
        add_document(_actor(), made, name=str(number), text=text)
    began = time.perf_counter()
    while isinstance(task := next_task(made.pk), Embedding):
        texts = [text for part in task.parts for text in part.texts()]
        record(task, asyncio.run(embed(made.model, Access(), texts, "passage")))
    seconds = time.perf_counter() - began
    asked = [(q, str(n)) for n, (_, questions) in enumerate(passages) for q in questions]
    index = _live(made.pk)
    print(f"{len(passages)} passages embedded in {seconds:.1f} s, {len(asked)} questions")
    modes: tuple[Mode, ...] = ("hybrid", "vector", "text")
    kinds = {"facts": [a for a in asked if int(a[1]) < facts], "orders": asked[-ASKED_ORDERS:]}
    recall: dict[str, float] = {}
    for mode in modes:
        shares = []
        for kind, some in kinds.items():
            hits = sum(wanted in _top(index, question, mode) for question, wanted in some)
            shares.append(f"{kind} {hits / len(some):.3f}")
            recall[mode] = recall.get(mode, 0) + hits / len(asked)
        print(f"recall@{TOP} {mode:7} {recall[mode]:.3f}   ({', '.join(shares)})")
    return recall


def _top(index: Any, question: str, mode: Any) -> list[str]:
    from execution.knowledge.searching import find

    vector = _vector(index.model, question)
    return [match.document for match in find(index, vector, question, top_k=TOP, mode=mode)]


@cache
def _vector(model: str, question: str) -> list[float]:
    import asyncio

    from execution.providers.base import Access
    from execution.providers.embeddings import embed

    return asyncio.run(embed(model, Access(), [question], "query")).vectors[0]


class Source:
    """Makes vectors of length 1."""

    def __init__(self, *, is_random: bool) -> None:
        import numpy

        self._made = numpy.random.default_rng(7)
        self._is_random = is_random
        self._directions = self._made.standard_normal((DIRECTIONS, DIMENSIONS))

    def vector(self) -> list[float]:
        vector = self._made.standard_normal(DIMENSIONS)
        if not self._is_random:
            meaning = self._made.standard_normal(DIRECTIONS) @ self._directions
            vector = meaning + vector * NOISE * DIRECTIONS**0.5
        return [float(value) for value in vector / (vector @ vector) ** 0.5]


def speed(chunks: int, searches: int, source: Source) -> float:
    """p95 in milliseconds of hybrid searches in the large collection."""
    from execution.knowledge import own_indexes
    from execution.knowledge.searching import find

    words = _words()
    for number, count in enumerate(BESIDE):
        _filled(f"Beside {number}", count, source, words)
    began = time.perf_counter()
    index_id = _filled("Large", chunks, source, words)
    written = time.perf_counter() - began
    began = time.perf_counter()
    own_indexes.finish(index_id)
    print(
        f"{chunks:,} chunks written in {written:.0f} s, "
        f"their indexes made in {time.perf_counter() - began:.0f} s"
    )
    _analyse()
    index = _by_id(index_id)
    asked = [(source.vector(), _question(words)) for _ in range(searches)]
    for vector, text in asked[:20]:
        find(index, vector, text, top_k=10)
    worst = _timed("hybrid", index, asked)
    _timed("vector", index, asked)
    _timed("text", index, asked)
    _recall(index, asked[:30])
    for number, count in enumerate(BESIDE):
        _timed("hybrid", _live_of(f"Beside {number}"), asked[: searches // 4], f"{count:,} chunks")
    return worst


def _timed(mode: Any, index: Any, asked: list[tuple[Any, str]], what: str = "") -> float:
    from execution.knowledge.searching import find

    took, before = [], _cpu()
    for vector, text in asked:
        began = time.perf_counter()
        find(index, vector, text, top_k=10, mode=mode)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    middle, late = took[len(took) // 2], took[int(len(took) * 0.95)]
    what = what or f"{index.chunks:,} chunks"
    cpu = (_cpu() - before) / len(asked)
    print(
        f"{mode:7} search of {what}: p50 {middle:.1f} ms, p95 {late:.1f} ms; "
        f"{cpu:.1f} ms of PostgreSQL's CPU"
    )
    return late


def _cpu() -> float:
    """Milliseconds of CPU of this program's process in PostgreSQL: load does not change it."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        words = Path(f"/proc/{cursor.fetchone()[0]}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def _recall(index: Any, asked: list[tuple[Any, str]]) -> None:
    """Of the ten nearest, how many the HNSW index finds."""
    from django.db import connection, transaction

    from execution.knowledge.searching import as_text, find

    exact = (
        "SELECT document_id FROM knowledge_chunk WHERE index_id = %s::uuid "
        f"ORDER BY embedding::halfvec({DIMENSIONS}) <=> %s::text::halfvec({DIMENSIONS}) LIMIT 10"
    )
    hits = 0
    for vector, _ in asked:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_indexscan = off")
            cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            cursor.execute(exact, [index.id, as_text(vector)])
            wanted = {row[0] for row in cursor.fetchall()}
        found = find(index, vector, "", top_k=10, mode="vector")
        hits += len(wanted & {one.document_id for one in found})
    print(f"recall@10 of HNSW against an exact scan: {hits / (10 * len(asked)):.3f}")


def _words() -> list[str]:
    """Made-up words, in the order of how common they are."""
    chance = random.Random(11)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    return ["".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(30_000)]


def _text(words: list[str], chance: random.Random, count: int) -> str:
    # Zipf's law: the n-th word is n times rarer than the first.
    return " ".join(words[int(len(words) ** chance.random()) - 1] for _ in range(count))


_chance = random.Random(5)


def _question(words: list[str]) -> str:
    return _text(words, _chance, 8)


def _filled(name: str, chunks: int, source: Source, words: list[str]) -> Any:
    """A collection with so many chunks, a document for every fifty; its index's id."""
    from execution.knowledge.models import Document
    from execution.knowledge.recording import record
    from execution.knowledge.services import create_collection
    from execution.knowledge.work import Embedding, Part
    from execution.providers.embeddings import Embedded
    from flows.engine.chunking import Piece
    from flows.engine.node_type import ModelUsage

    made = create_collection(_actor(), name=name)
    index = _live(made.pk)
    per_document = min(50, chunks)
    for number in range(0, chunks, AT_ONCE):
        parts = []
        for at in range(number, min(number + AT_ONCE, chunks), per_document):
            document = Document.objects.create(
                collection=made, name=f"{name} {at}", text="x", characters=1, digest=f"{at:064}"
            )
            index.documents.create(document=document)
            pieces = tuple(Piece(_text(words, _chance, 120), 0, "") for _ in range(per_document))
            parts.append(Part(document.pk, 0, per_document, pieces))
        vectors = [source.vector() for part in parts for _ in part.pieces]
        record(Embedding(index, tuple(parts)), Embedded(vectors, ModelUsage(1), made.model))
    return index.pk


def _analyse() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE knowledge_chunk")
        cursor.execute("VACUUM ANALYZE knowledge_word")


def _actor() -> Any:
    from accounts.models import Workspace
    from accounts.permissions import system_actor

    workspace, _ = Workspace.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    return system_actor(workspace.pk)


def _live(collection_id: Any) -> Any:
    from execution.knowledge.queries import live_index

    return live_index(collection_id)


def _live_of(name: str) -> Any:
    from execution.knowledge.models import Collection

    return _live(Collection.objects.get(name=name).pk)


def _by_id(index_id: Any) -> Any:
    from execution.knowledge.models import SearchIndex

    return SearchIndex.objects.get(pk=index_id)


def measure(arguments: argparse.Namespace) -> int:
    """Inside of a process that has the database."""
    import django

    django.setup()
    from django.core.management import call_command

    from execution.knowledge import dispatch

    # There is no Temporal here: this program does the work.
    dispatch._tell = lambda _: None  # type: ignore[assignment]
    call_command("migrate", verbosity=0)
    recall = quality()
    late = speed(arguments.chunks, arguments.searches, Source(is_random=arguments.random))
    behind = recall["hybrid"] < max(recall["vector"], recall["text"])
    return 1 if late > MOST_P95 or behind else 0


def main() -> int:
    """Start the database, and measure in a process that begins with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--searches", type=int, default=400)
    parser.add_argument("--random", action="store_true", help="vectors without structure")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        return measure(arguments)
    with throw_away_folder() as folder, throw_away_postgres(folder) as address:
        environment = {
            **os.environ,
            "DATABASE_URL": address,
            "FLUX_BOOTSTRAP": "0",
            "FLUX_DATA_DIR": str(folder / "data"),
            "DJANGO_SETTINGS_MODULE": "fluxprompt.worker_settings",
        }
        again = [sys.executable, "-m", "benchmarks.knowledge", "--inside", *sys.argv[1:]]
        return subprocess.run(again, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
