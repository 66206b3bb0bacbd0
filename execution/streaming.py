"""Sends streamed text to whoever watches: live pieces by NOTIFY, stretches kept as events.

All streams of a process share one flusher, so that sixty nodes that stream at once cost one
statement every 40 ms. Live pieces are not rows; about once a second what has come since is written
as a `node.delta` event, so that a reader who comes back has all but the last moment.
"""

import asyncio
import json
from collections import deque
from dataclasses import dataclass

from django.db import connection

from execution.attempts import Attempt
from execution.database import DatabaseAway, in_database
from execution.recording import CHANNEL
from execution.results import stream_checkpoint
from execution.shapes import NodeCall
from flows.engine.json_values import storable_text

#: Seconds between live pieces, and between kept stretches.
PIECE_EVERY = 0.04
KEEP_EVERY = 1.0
#: Characters of one stream that are shown live; the whole text comes with the node's result.
LIVE_LIMIT = 200_000
#: Characters of one NOTIFY: PostgreSQL takes 7,999 bytes, UTF-8 JSON may need six per character.
PIECE = 1_200


class Stream:
    """The text of one attempt while it grows."""

    def __init__(self, call: NodeCall, attempt: Attempt) -> None:
        self.call = call
        self.attempt = attempt
        self.length = 0
        self._new: list[str] = []
        self._sent = 0
        self._unkept: list[str] = []
        self._kept = 0
        self.part = 0
        self._put_back: list[Stretch] = []
        self._kept_at: float | None = None

    def add(self, text: str) -> None:
        """Take a piece of text; never blocks. Beyond LIVE_LIMIT it is only counted."""
        text = storable_text(text)
        room = LIVE_LIMIT - self.length
        self.length += len(text)
        if room > 0 and text:
            self._new.append(text[:room])
            _flusher().wake(self)

    def restart(self, part: int | None = None) -> None:
        """What has come so far does not count; the next text begins anew, as another `part`.

        It is the next one, or the one that is given, if it is not before this one.
        """
        if part is None:
            if not self.length:
                return
            part = self.part + 1
        self.part = max(part, self.part + bool(self.length))
        self.length = self._sent = self._kept = 0
        for dropped in (self._new, self._unkept, self._put_back):
            dropped.clear()

    def take_pieces(self) -> list[str]:
        """NOTIFY payloads for what has come since the last call."""
        text = "".join(self._new)
        self._new.clear()
        self._unkept.append(text)
        payloads = []
        for start in range(0, len(text), PIECE):
            piece = text[start : start + PIECE]
            delta = {
                "type": "node.delta",
                "node": self.call["node"],
                "path": self.call["path"],
                "attempt": self.attempt.number,
                "offset": self._sent,
                "text": piece,
                **({"part": self.part} if self.part else {}),
            }
            payloads.append(json.dumps({"r": self.call["run_id"], "d": delta}, ensure_ascii=False))
            self._sent += len(piece)
        return payloads

    def stretches_to_keep(self, now: float) -> "list[Stretch]":
        """The last second's text, when it is time to keep it, after what was put back before."""
        if self._kept_at is None:
            self._kept_at = now
        if now - self._kept_at < KEEP_EVERY:
            return []
        due, self._put_back = self._put_back, []
        if text := "".join(self._unkept):
            due.append(Stretch(self, self._kept, text, self.part))
            self._kept += len(text)
        self._unkept.clear()
        if due:
            self._kept_at = now
        return due

    def put_back(self, stretch: "Stretch") -> None:
        """The stretch may not be kept: it is sent again as it is.

        Were newer text joined to it, and it had been kept after all, that text would be dropped
        with it: the offset names the event.
        """
        if stretch.part == self.part:
            self._put_back.append(stretch)

    @property
    def is_kept(self) -> bool:
        return not self._put_back and not any(self._unkept)


def part_of_step(number: str | int, attempt: int, restarts: int) -> int:
    """The part of a node's stream in which one of its steps streams.

    Known from the step alone: after a wait or a crash the node goes on in another process, in the
    same attempt, and what it streams there comes after what was streamed before.
    """
    return int(number) * 1_000 + min(attempt, 99) * 10 + min(restarts, 9)


@dataclass(frozen=True)
class Stretch:
    """Text of a part of a stream from `offset` on, to be written as an event."""

    stream: Stream
    offset: int
    text: str
    part: int = 0

    def keep(self) -> None:
        call, attempt = self.stream.call, self.stream.attempt
        stream_checkpoint(call, attempt, self.offset, self.text, self.part)


class Flusher:
    """Sends the pieces of all streams of this event loop."""

    def __init__(self) -> None:
        self._awake: dict[Stream, None] = {}
        self._dropped: set[Stream] = set()
        self._task: asyncio.Task[None] | None = None

    def wake(self, stream: Stream) -> None:
        self._awake[stream] = None
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._flush_until_quiet())

    def drop(self, stream: Stream) -> None:
        """The stream's node is over: its result says more than what was not sent yet."""
        self._awake.pop(stream, None)
        self._dropped.add(stream)

    async def _flush_until_quiet(self) -> None:
        while True:
            await asyncio.sleep(PIECE_EVERY)
            if not self._awake:
                return
            streams, self._awake = list(self._awake), {}
            now = asyncio.get_running_loop().time()
            payloads = [payload for stream in streams for payload in stream.take_pieces()]
            stretches = [due for stream in streams for due in stream.stretches_to_keep(now)]
            if payloads or stretches:
                await self._send(payloads, stretches)
            for stream in streams:
                if not stream.is_kept and stream not in self._dropped:
                    self._awake[stream] = None
            self._dropped.clear()

    async def _send(self, payloads: list[str], stretches: list[Stretch]) -> None:
        unkept = deque(stretches)
        try:
            await in_database(lambda: _notify(payloads), patience=0)
            while unkept:
                await in_database(unkept[0].keep, patience=0)
                unkept.popleft()
        except DatabaseAway:
            # A live piece may be lost while the database is away; what is to be kept waits.
            for stretch in unkept:
                stretch.stream.put_back(stretch)


def _notify(payloads: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, piece) FROM unnest(%s::text[]) AS piece", [CHANNEL, payloads]
        )


_flushers: dict[asyncio.AbstractEventLoop, Flusher] = {}


def _flusher() -> Flusher:
    loop = asyncio.get_running_loop()
    if loop not in _flushers:
        _flushers[loop] = Flusher()
    return _flushers[loop]


def finish(stream: Stream) -> None:
    """Stop sending for a stream whose node is over."""
    _flusher().drop(stream)
