"""The turns of a node in a session: read before it asks, kept with its result."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Min

from execution.memories import keeping
from execution.memories.keeping import Place, Step
from execution.memories.models import Memory, MemoryEntry
from execution.step_keys import step_key
from flows.engine.doors.memory import (
    MOST_TURNS,
    TEXT_CHARACTERS,
    TURNS_CHARACTERS,
    Turn,
)
from flows.engine.json_values import storable_text

JSON = Any


@dataclass(frozen=True)
class Kept:
    """A turn that is to be written with a result."""

    place: Place
    step: Step
    at: tuple[str | int, ...]
    turn: Turn


def read_turns(place: Place, step: Step, at: tuple[str | int, ...], limit: int) -> list[Turn]:
    """The newest turns, oldest first, without what this step and the repeated run said from here.

    `at` is the step's path. As many as hold TURNS_CHARACTERS together. Raises NodeError.
    """
    keeping.require_room(place)
    memory = Memory.objects.filter(**place.as_filter()).first()
    if memory is None:
        return []
    rows = memory.entries.exclude(key=step.key)
    replaced = _replaced(memory.id, place, step, at)
    if replaced is not None:
        number, runs = replaced
        rows = rows.exclude(number__gte=number, run_id__in=runs)
    turns: list[Turn] = []
    room = TURNS_CHARACTERS
    for value in rows.order_by("-number").values_list("value", flat=True)[:limit]:
        turn = Turn(value["user"], value["assistant"])
        room -= len(turn.user) + len(turn.assistant)
        if room < 0:
            break
        turns.insert(0, turn)
    return turns


def write_turn(kept: Kept) -> None:
    """Keep a turn in place of that of the run that was repeated; once for each step.

    Call it in the transaction that records the result: then both happened or neither did.
    """
    with transaction.atomic():
        # However many memories there are: the answer is paid for, and room was looked for before.
        memory, _ = keeping.hold(kept.place)
        replaced = _replaced(memory.id, kept.place, kept.step, kept.at)
        if replaced is not None:
            keeping.drop_from(memory.id, *replaced)
        value = {"user": _cut(kept.turn.user), "assistant": _cut(kept.turn.assistant)}
        keeping.append(kept.place, kept.step, value, most=MOST_TURNS)


def _cut(text: str) -> str:
    text = storable_text(text)
    return text if len(text) <= TEXT_CHARACTERS else f"{text[: TEXT_CHARACTERS - 2]} …"


_REPEATED = """
WITH RECURSIVE earlier(id) AS (
  SELECT rerun_of_id FROM execution_run WHERE id = %s
  UNION SELECT r.rerun_of_id FROM execution_run AS r JOIN earlier ON r.id = earlier.id)
SELECT id FROM earlier WHERE id IS NOT NULL
"""


def _replaced(
    memory_id: UUID, place: Place, step: Step, at: tuple[str | int, ...]
) -> tuple[int, list[UUID]] | None:
    """From which number on turns of which runs do not count, for this run repeats those."""
    with connection.cursor() as cursor:
        cursor.execute(_REPEATED, [step.run_id])
        runs = [row[0] for row in cursor.fetchall()]
    if not runs:
        return None
    keys = [step_key(run, place.node, at) for run in runs]
    rows = MemoryEntry.objects.filter(memory_id=memory_id, key__in=keys)
    number = rows.aggregate(first=Min("number"))["first"]
    return None if number is None else (number, runs)
