"""Records many attempts of one run in one transaction: what many steps at once write together.

Whoever writes holds the run's row, so a hundred calls at once would wait for one another, twice
each. Here what comes while a transaction is on its way is written with the next one. The usual
cases (a first attempt begins, an attempt without model use succeeds) cost one statement for all;
the others go the way of `attempts` and `results`, one by one.
"""

import asyncio
import json
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts.ids import new_id
from execution.attempts import Attempt, RunOver, RunPaused, begin_attempt
from execution.blobs import save_blobs
from execution.database import RecordRefused, in_database
from execution.recording import (
    Event,
    hold_run,
    record_events,
    started_event,
    write_events,
    write_records,
)
from execution.results import Outcome, Prepare, succeed_attempt, success_event
from execution.shapes import NodeCall, NodeDone
from flows.engine.errors import NodeError

JSON = Any
#: Attempts that are written with one transaction.
TOGETHER = 100
#: Seconds for which a result waits for the database, as for results that are written alone.
PATIENCE = 600.0


@dataclass(eq=False)
class _Begin:
    call: NodeCall
    token: str
    answer: asyncio.Future[Attempt]


@dataclass
class _Success:
    call: NodeCall
    attempt: Attempt
    prepare: Prepare
    answer: asyncio.Future[NodeDone]


@dataclass
class _Alone:
    """What was found to need a transaction of its own."""

    begins: list[_Begin] = field(default_factory=list)
    successes: list[tuple[_Success, NodeDone, Outcome]] = field(default_factory=list)


class GroupRecorder:
    """The recorder of one run in one process. Same promises as writing one by one."""

    def __init__(self) -> None:
        self._waiting: list[_Begin | _Success] = []
        self._writing: asyncio.Task[None] | None = None

    async def begin(self, call: NodeCall, token: str) -> Attempt:
        """As `attempts.begin_attempt`. Raises what that raises."""
        return await self._write(_Begin(call, token, asyncio.get_running_loop().create_future()))

    async def succeed(self, call: NodeCall, attempt: Attempt, prepare: Prepare) -> NodeDone:
        """As `results.succeed_attempt`, with what `prepare` makes on the database's thread."""
        future: asyncio.Future[NodeDone] = asyncio.get_running_loop().create_future()
        return await self._write(_Success(call, attempt, prepare, future))

    async def _write(self, entry: Any) -> Any:
        self._waiting.append(entry)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        # The write goes on when the one who waits is cancelled: others are in it as well.
        return await asyncio.shield(entry.answer)

    async def _write_all(self) -> None:
        # Whatever is ready to run now may have something to write as well.
        await asyncio.sleep(0)
        while self._waiting:
            group, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            answers = await _written(group)
            for entry, answer in zip(group, answers, strict=True):
                if entry.answer.cancelled():
                    continue
                if isinstance(answer, Exception):
                    entry.answer.set_exception(answer)
                    # Nobody may wait any more; then nobody is to be told of it either.
                    entry.answer.exception()
                else:
                    entry.answer.set_result(answer)


type _OfRun = weakref.WeakValueDictionary[str, GroupRecorder]
_recorders: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _OfRun] = (
    weakref.WeakKeyDictionary()
)


def recorder_of(run_id: str) -> GroupRecorder:
    """The running loop's recorder of a run: parts of one map would wait for one another."""
    of_run = _recorders.setdefault(asyncio.get_running_loop(), weakref.WeakValueDictionary())
    return of_run.setdefault(run_id, GroupRecorder())


async def _written(group: Sequence[_Begin | _Success]) -> list[Any]:
    """The answers to a group; what the database refuses of it is found one by one."""
    try:
        return await in_database(lambda: _write_group(group), patience=PATIENCE)
    except RecordRefused as refused:
        if len(group) == 1:
            return [refused]
        return [answer for entry in group for answer in await _written([entry])]
    except Exception as error:
        return [error] * len(group)


def _write_group(group: Sequence[_Begin | _Success]) -> list[Any]:
    """One transaction for all, then one for each that needs its own; answers in order."""
    begins = [entry for entry in group if isinstance(entry, _Begin)]
    successes = [entry for entry in group if isinstance(entry, _Success)]
    answers: dict[int, Any] = {}
    prepared = []
    for entry in successes:
        try:
            prepared.append((entry, *entry.prepare()))
        except NodeError as error:
            answers[id(entry)] = error
    usual = _usual(begins)
    alone = _Alone(
        begins=[entry for entry in begins if entry not in usual],
        successes=[found for found in prepared if _has_more(found[2])],
    )
    plain = [found for found in prepared if not _has_more(found[2])]
    if usual or plain:
        answers |= _together(usual, plain, alone)
    for start in alone.begins:
        answers[id(start)] = _tried(lambda: begin_attempt(start.call, start.token))  # noqa: B023
    for success, done, outcome in alone.successes:
        answers[id(success)] = _tried(
            lambda: succeed_attempt(success.call, success.attempt, done, outcome)  # noqa: B023
        )
    return [answers[id(entry)] for entry in group]


def _has_more(outcome: Outcome) -> bool:
    """Whether more than a result is to be written: what was used, what is remembered."""
    return bool(outcome.spent) or outcome.turn is not None


def _usual(begins: Sequence[_Begin]) -> list[_Begin]:
    """Those that may be first attempts, one of each place; the others follow one by one.

    A part that was given to another activity may still be at work here as well.
    """
    places: dict[tuple[str, str], _Begin] = {}
    for entry in begins:
        if not entry.call["from_record"]:
            places.setdefault(_place(entry.call), entry)
    return list(places.values())


def _tried(write: Callable[[], Any]) -> Any:
    """What it gives, or the error that concerns only this one."""
    try:
        return write()
    except (NodeError, RunOver, RunPaused) as error:
        return error


def _together(
    begins: Sequence[_Begin],
    successes: Sequence[tuple[_Success, NodeDone, Outcome]],
    alone: _Alone,
) -> dict[int, Any]:
    first = (begins[0] if begins else successes[0][0]).call
    records = [record for entry in begins for record in entry.call["records"]]
    events = record_events(records)
    answers: dict[int, Any] = {}
    with transaction.atomic():
        count = len(events) + len(begins) + len(successes) + 1
        run = hold_run(first["run_id"], events=count, started_at=first["started_at"])
        if run.ended or run.paused:
            # Each is told by its own way.
            alone.begins.extend(begins)
            begins, events = [], []
        else:
            write_records(run, records)
            if run.may_begin:
                events.insert(0, Event("run.started", "run.started"))
        begun = _insert(run.id, begins)
        for entry in begins:
            if _place(entry.call) in begun:
                answers[id(entry)] = Attempt(1, 1)
                events.append(started_event(entry.call, 1))
            else:
                alone.begins.append(entry)
        save_blobs(run.workspace_id, [blob for _, _, out in successes for blob in out.blobs])
        closed = _close(run.id, successes)
        for success, done, outcome in successes:
            began = closed.get((*_place(success.call), success.attempt.number))
            if began is None:
                alone.successes.append((success, done, outcome))
                continue
            answers[id(success)] = done
            events.append(success_event(success.call, success.attempt, done, began))
        write_events(run, events)
    return answers


def _place(call: NodeCall) -> tuple[str, str]:
    return call["node"], json.dumps(call["path"])


_INSERT = """
INSERT INTO execution_noderun (id, run_id, node, type, path, attempt, status, ends_run, started_at,
  model, input_tokens, output_tokens, cost, reused, worker)
SELECT (v->>'id')::uuid, %(run)s::uuid, v->>'node', v->>'type', v->'path', 1, 'running', '', now(),
  '', 0, 0, 0, false, v->>'token'
FROM jsonb_array_elements(%(rows)s::jsonb) AS given(v)
WHERE NOT EXISTS (
  SELECT FROM execution_noderun n
  WHERE n.run_id = %(run)s::uuid AND n.node = v->>'node' AND n.path = v->'path')
RETURNING node, path::text
"""


def _insert(run_id: str, begins: Sequence[_Begin]) -> set[tuple[str, str]]:
    """Begin first attempts; the places of those that are not begun already."""
    if not begins:
        return set()
    rows = [
        {
            "id": str(new_id()),
            "node": entry.call["node"],
            "type": entry.call["type"],
            "path": entry.call["path"],
            "token": entry.token,
        }
        for entry in begins
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, {"run": run_id, "rows": json.dumps(rows)})
        return set(cursor.fetchall())


_CLOSE = """
UPDATE execution_noderun n SET status = 'succeeded', finished_at = now(),
  input = NULLIF(v->'input', 'null'), output = v->'output', ports = v->'ports',
  ends_run = v->>'ends_run'
FROM jsonb_array_elements(%(rows)s::jsonb) AS given(v)
WHERE n.run_id = %(run)s::uuid AND n.node = v->>'node' AND n.path = v->'path'
  AND n.attempt = (v->>'attempt')::integer AND n.status = 'running'
RETURNING n.node, n.path::text, n.attempt, n.started_at
"""


def _close(
    run_id: str, successes: Sequence[tuple[_Success, NodeDone, Outcome]]
) -> dict[tuple[str, str, int], datetime]:
    """Close attempts that succeeded; when each of those began that were still open."""
    if not successes:
        return {}
    rows = [
        {
            "node": success.call["node"],
            "path": success.call["path"],
            "attempt": success.attempt.number,
            "input": outcome.config,
            "output": done["output"],
            "ports": done["ports"],
            "ends_run": done["ends_run"] or "",
        }
        for success, done, outcome in successes
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, {"run": run_id, "rows": json.dumps(rows)})
        return {(node, path, number): began for node, path, number, began in cursor.fetchall()}
