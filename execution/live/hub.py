"""The hub: one LISTEN connection per process, many readers of run news.

Rows are the truth; a notification only says that a run has news. The hub then fetches what is new
for the runs somebody watches, at most every 20 ms, and hands each reader one frame. Live pieces of
streamed text travel inside the notification. After the connection was away, every reader is served
from the rows again, so nothing is missed.
"""

import json
import logging
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from django.db import connection

from execution.live.listening import listen_for_ever
from execution.models import ENDED, Run
from execution.recording import CHANNEL

JSON = Any
logger = logging.getLogger(__name__)
#: Seconds between two fetches of new rows.
FETCH_EVERY = 0.02
#: Rows of one fetch for one run.
FETCH_LIMIT = 1_000
#: Seconds between two looks at the rows of all runs whose end somebody waits for, should a
#: notification have been lost: one query for all of them, for hundreds may wait.
LOOK_EVERY = 2.0
#: Ends remembered for who asks a moment after.
ENDED_KEPT = 5_000


@dataclass
class Frame:
    """News for one reader: events in order, and live pieces of text."""

    events: list[dict[str, JSON]] = field(default_factory=list)
    deltas: list[dict[str, JSON]] = field(default_factory=list)


@dataclass(eq=False)
class Reader:
    """Somebody who watches a run; `deliver` is called on the hub's thread and must not block."""

    run_id: str
    seq: int
    deliver: Callable[[Frame], None]
    text_too: bool = True


class Expectation(Protocol):
    """Somebody who waits for the end of a run."""

    def wake(self, *, certain: bool) -> None:
        """Called on any thread. Not `certain`: the row has to be looked at."""


class Hub:
    """Listens, fetches, hands out. Started at first use, one per process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: dict[str, list[Reader]] = defaultdict(list)
        self._waiting: dict[str, list[Expectation]] = defaultdict(list)
        self._ended_lately: OrderedDict[str, None] = OrderedDict()
        self._dirty: set[str] = set()
        self._deltas: dict[str, list[dict[str, JSON]]] = defaultdict(list)
        self._connection: psycopg.Connection[Any] | None = None
        self._thread: threading.Thread | None = None
        self._heard = threading.Event()
        self._looked_at = 0.0

    def watch(self, reader: Reader) -> None:
        """Feed a reader from its `seq` on, beginning with what is recorded already."""
        self._ensure_started()
        with self._lock:
            self._readers[reader.run_id].append(reader)
            self._dirty.add(reader.run_id)
        self._heard.set()

    def forget(self, reader: Reader) -> None:
        """Stop feeding a reader."""
        with self._lock:
            readers = self._readers.get(reader.run_id, [])
            if reader in readers:
                readers.remove(reader)
            if not readers:
                self._readers.pop(reader.run_id, None)
                self._dirty.discard(reader.run_id)
                self._deltas.pop(reader.run_id, None)

    def expect_end(self, run_id: str, expectation: Expectation) -> None:
        """Wake `expectation` when the run ends (at once, if it did lately)."""
        self._ensure_started()
        with self._lock:
            if run_id in self._ended_lately:
                expectation.wake(certain=True)
            self._waiting[run_id].append(expectation)

    def stop_expecting(self, run_id: str, expectation: Expectation) -> None:
        with self._lock:
            waiting = self._waiting.get(run_id, [])
            if expectation in waiting:
                waiting.remove(expectation)
            if not waiting:
                self._waiting.pop(run_id, None)

    def look_is_due(self) -> bool:
        """Whether nobody has looked at the rows just now."""
        return time.monotonic() - self._looked_at > LOOK_EVERY / 2

    def look(self) -> None:
        """Wake whoever waits for a run that has ended; nothing if there was a look just now."""
        with self._lock:
            if not self.look_is_due():
                return
            self._looked_at = time.monotonic()
            waited_for = list(self._waiting)
        over = Run.objects.filter(id__in=waited_for, status__in=ENDED).values_list("id", flat=True)
        found = [str(run_id) for run_id in over]
        with self._lock:
            for run_id in found:
                for expectation in self._waiting.get(run_id, ()):
                    expectation.wake(certain=True)

    def _ensure_started(self) -> None:
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="hub", daemon=True)
                self._thread.start()
                threading.Thread(target=self._hand_out, name="hub-fetch", daemon=True).start()

    def _listen(self) -> None:
        listen_for_ever(CHANNEL, began=self._everything_is_news, hear=self._hear)

    def _everything_is_news(self) -> None:
        with self._lock:
            self._dirty.update(self._readers)
            self._looked_at = 0.0
            for waiting in self._waiting.values():
                for expectation in waiting:
                    expectation.wake(certain=False)
        self._heard.set()

    def _hear(self, payload: str) -> None:
        news = json.loads(payload)
        run_id = news["r"]
        with self._lock:
            if "e" in news:
                self._note_end(run_id)
            if run_id not in self._readers:
                return
            if "d" in news:
                self._deltas[run_id].append(news["d"])
            else:
                self._dirty.add(run_id)
        self._heard.set()

    def _note_end(self, run_id: str) -> None:
        """Wake who waits, and remember it for who comes a moment late."""
        self._ended_lately[run_id] = None
        if len(self._ended_lately) > ENDED_KEPT:
            self._ended_lately.popitem(last=False)
        for expectation in self._waiting.get(run_id, ()):
            expectation.wake(certain=True)

    def _hand_out(self) -> None:
        """Fetch and deliver, at most every FETCH_EVERY seconds."""
        while True:
            self._heard.wait()
            self._heard.clear()
            with self._lock:
                dirty, self._dirty = self._dirty, set()
                deltas, self._deltas = self._deltas, defaultdict(list)
            try:
                for run_id in {*dirty, *deltas}:
                    self._serve(run_id, deltas.get(run_id, []), fetch=run_id in dirty)
            except Exception:
                logger.exception("The hub could not fetch news; it tries again")
                connection.close()
                with self._lock:
                    self._dirty.update(dirty & self._readers.keys())
                time.sleep(0.5)
                self._heard.set()
            time.sleep(FETCH_EVERY)

    def _serve(self, run_id: str, deltas: list[dict[str, JSON]], *, fetch: bool) -> None:
        from execution.queries import events_after

        with self._lock:
            readers = list(self._readers.get(run_id, ()))
        if not readers:
            return
        events: list[dict[str, JSON]] = []
        if fetch:
            events = events_after(run_id, min(reader.seq for reader in readers), FETCH_LIMIT)
        for reader in readers:
            frame = Frame([event for event in events if event["seq"] > reader.seq])
            if reader.text_too:
                frame.deltas = deltas
            if frame.events:
                reader.seq = frame.events[-1]["seq"]
            if frame.events or frame.deltas:
                reader.deliver(frame)
        if len(events) == FETCH_LIMIT:
            with self._lock:
                self._dirty.add(run_id)
            self._heard.set()


_hub = Hub()


def hub() -> Hub:
    """This process's hub."""
    return _hub
