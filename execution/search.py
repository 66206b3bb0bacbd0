"""Finds runs by words: in the flow's name, ids, errors, and the texts that went in and came out.

PostgreSQL's full text index, but with words cut here, alike for what is kept and what is asked:
its own parser takes addresses, file names and numbers apart in ways nobody expects. The workspace
and the flow are words too, so that one look into one index answers. A run's words are kept once,
when it ends; the few runs that are open are read instead.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from execution.models import ENDED, Run
from flows.engine.references import is_reference
from flows.models import Flow

JSON = Any
#: Characters of a run's inputs, and of its outputs, that are looked into.
TEXT_LIMIT = 2_000
#: Characters of a word that count; more of it (a digest, base64) tells no two apart.
WORD_LIMIT = 40
#: Words of a question that count.
WORDS_ASKED = 16
#: Flows whose name holds a word of the question; the newest.
FLOWS_ASKED = 500
#: Open runs that are read; the newest.
OPEN_READ = 1_000
#: Characters at the end of a run's id, as its page shows it.
ID_END = 6
# No underscore: it marks what is no word of anybody's text.
_WORD = re.compile(r"[^\W_]+")

INSERT_WORDS = """
INSERT INTO execution_runtext (run_id, words)
VALUES (%(run)s::uuid, array_to_tsvector(%(words)s::text[]))
ON CONFLICT (run_id) DO UPDATE SET words = excluded.words
"""


@dataclass(frozen=True)
class FoundBy:
    """What a run is found by; `flow_id` stands for the flow's name, which may change."""

    run_id: str
    workspace_id: str
    flow_id: str
    session_id: str | None
    inputs: JSON
    outputs: JSON = None
    error: JSON = None

    def words(self) -> set[str]:
        """Its words, and the marks of its workspace and flow."""
        texts = chain(texts_of(self.error), texts_of(self.inputs), texts_of(self.outputs))
        words = {word for text in (self.session_id or "", *texts) for word in words_of(text)}
        words |= {*words_of(self.run_id), self.run_id[-ID_END:]}
        return words | {_workspace(self.workspace_id), _flow(self.flow_id)}


def words_of(text: str) -> list[str]:
    """The words of a text, as they are kept and asked for."""
    return [word[:WORD_LIMIT] for word in _WORD.findall(text.casefold())]


def keep_words(run: FoundBy) -> None:
    """Make a run that ends findable. Call in the transaction that records the end."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT_WORDS, {"run": run.run_id, "words": list(run.words())})


def _workspace(workspace_id: UUID | str) -> str:
    return f"_w{str(workspace_id).replace('-', '')}"


def _flow(flow_id: UUID | str) -> str:
    return f"_f{str(flow_id).replace('-', '')}"


def texts_of(value: JSON) -> Iterator[str]:
    """The texts and numbers in a value, TEXT_LIMIT characters together; of large ones the start."""
    room = TEXT_LIMIT
    waiting = [value]
    while waiting and room > 0:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [item["preview"]] if is_reference(item) else reversed(item.values())
        elif isinstance(item, list | tuple):
            waiting += reversed(item[:TEXT_LIMIT])
        elif isinstance(item, str) or _is_short_number(item):
            text = str(item)[:room]
            room -= len(text)
            yield text


def _is_short_number(item: JSON) -> bool:
    # Python refuses to write very long numbers, and nobody looks for them.
    whole = isinstance(item, int) and not isinstance(item, bool) and item.bit_length() < 128
    return whole or isinstance(item, float)


def mentioning(runs: QuerySet[Run], workspace_id: UUID, asked: str) -> QuerySet[Run]:
    """Those of the workspace's runs in which every word of `asked` is found, as a word's start.

    Words in the flow's name count wherever they stand. Nothing is found where nothing is asked.
    """
    words = list(dict.fromkeys(words_of(asked)))[:WORDS_ASKED]
    if not words:
        return runs.none()
    question = Question(workspace_id, words, _flows_named(workspace_id, words))
    # First the open ones: a run that ends meanwhile is found at least once.
    still_open = _open_ones(question)
    return runs.extra(where=[_FOUND], params=[question.as_tsquery(), still_open])


_FOUND = """execution_run.id IN (
  SELECT run_id FROM execution_runtext WHERE words @@ %s::tsquery
  UNION ALL SELECT unnest(%s::uuid[]))
"""


@dataclass(frozen=True)
class Question:
    """Words to find, and for each word the marks of the flows whose name holds it."""

    workspace_id: UUID
    words: list[str]
    flows: dict[str, list[str]]

    def as_tsquery(self) -> str:
        """In PostgreSQL's words: `'_w…' & ('tea':* | '_f…') & …`."""
        parts = [f"'{_workspace(self.workspace_id)}'"]
        for word in self.words:
            either = " | ".join([f"'{word}':*", *(f"'{mark}'" for mark in self.flows[word])])
            parts.append(f"({either})")
        return " & ".join(parts)

    def is_answered_by(self, found: set[str]) -> bool:
        """The same, asked of a run's words."""
        return all(
            any(one.startswith(word) for one in found) or not found.isdisjoint(self.flows[word])
            for word in self.words
        )


def _flows_named(workspace_id: UUID, words: list[str]) -> dict[str, list[str]]:
    named = Q()
    for word in words:
        named |= Q(name__icontains=word)
    flows = Flow.objects.filter(named, workspace_id=workspace_id).order_by("-updated_at")
    names = list(flows.values_list("id", "name")[:FLOWS_ASKED])
    return {word: [_flow(id_) for id_, name in names if word in name.casefold()] for word in words}


def _open_ones(question: Question) -> list[UUID]:
    runs = Run.objects.exclude(status__in=ENDED).filter(workspace_id=question.workspace_id)
    fields = ("id", "flow_id", "session_id", "inputs")
    found = []
    for run_id, flow_id, session_id, inputs in runs.order_by("-created_at").values_list(*fields)[
        :OPEN_READ
    ]:
        run = FoundBy(str(run_id), str(question.workspace_id), str(flow_id), session_id, inputs)
        if question.is_answered_by(run.words()):
            found.append(run_id)
    return found
