"""The hub of open editors: one LISTEN per process, changes from the log, and who looks at a flow.

The log is the truth of changes; a notification only says that there are new ones. Of people nothing
is stored: every process tells of its own by notifications, and forgets those it hears no more of.
"""

import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from execution.live.listening import listen_for_ever
from flows.change_log import CHANNEL, TooOld, change_payload, changes_after
from flows.models import Flow

JSON = Any
logger = logging.getLogger(__name__)
#: Seconds between two rounds of handing out.
ROUND = 0.03
#: Seconds between two words of a person who does nothing, and those after which they are gone.
BEAT, GONE_AFTER = 10.0, 25.0
#: Seconds between two words of a person who selects one thing after the other.
WORD_EVERY = 0.2
#: People of one flow that are shown, and nodes that one of them has selected.
MOST_PEOPLE, MOST_SELECTED = 50, 50
#: People of one flow that are remembered.
_MOST_HEARD = 500


@dataclass(eq=False)
class Follower:
    """A socket that follows a flow; `deliver` is called on the hub's thread and must not block.

    `revision` is the last one it was given. `name` and `selected` are what others see of it.
    """

    flow_id: str
    revision: int
    tab: str
    name: str
    deliver: Callable[[dict[str, JSON]], None]
    selected: list[str] = field(default_factory=list)
    #: When it is told of next, and when it was last (monotonic seconds).
    due: float = 0.0
    told: float = 0.0

    def word(self) -> dict[str, JSON]:
        initial = next((sign for sign in self.name if sign.isalnum()), "?").upper()
        shown = {"name": self.name[:80], "initial": initial, "selected": self.selected}
        return {"flow": self.flow_id, "tab": self.tab, **shown}


class FlowHub:
    """Listens, fetches, hands out, and tells of its followers. Started at first use."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._followers: dict[str, list[Follower]] = defaultdict(list)
        self._people: dict[str, dict[str, tuple[dict[str, JSON], float]]] = defaultdict(dict)
        self._dirty: set[str] = set()
        self._new_people: set[str] = set()
        self._words: list[dict[str, JSON]] = []
        self._heard = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, follower: Follower) -> list[dict[str, JSON]]:
        """Feed a follower from its revision on; the people known at this moment, itself included.

        Everyone who looks at the flow is asked to say so: who is there is known in a moment.
        """
        self._ensure_started()
        with self._lock:
            self._followers[follower.flow_id].append(follower)
            self._dirty.add(follower.flow_id)
            self._take(follower.word())
            self._words.append({"flow": follower.flow_id, "ask": 1})
            people = self._shown(follower.flow_id)
        self._heard.set()
        return people

    def forget(self, follower: Follower) -> None:
        """Stop feeding a follower, and tell that they are gone."""
        with self._lock:
            followers = self._followers.get(follower.flow_id, [])
            if follower in followers:
                followers.remove(follower)
            if all(other.tab != follower.tab for other in followers):
                gone = {"flow": follower.flow_id, "tab": follower.tab, "gone": 1}
                self._words.append(gone)
                self._take(gone)
            if not followers:
                self._followers.pop(follower.flow_id, None)
                self._people.pop(follower.flow_id, None)
        self._heard.set()

    def select(self, follower: Follower, nodes: list[str]) -> None:
        """What a follower has selected, for the others to see."""
        with self._lock:
            follower.selected = nodes[:MOST_SELECTED]
            follower.due = min(follower.due, follower.told + WORD_EVERY)
        self._heard.set()

    def _ensure_started(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="flow-hub", daemon=True)
                self._thread.start()
                threading.Thread(target=self._work, name="flow-hub-work", daemon=True).start()

    def _listen(self) -> None:
        listen_for_ever(CHANNEL, began=self._everything_is_news, hear=self.hear)

    def _everything_is_news(self) -> None:
        with self._lock:
            self._dirty.update(self._followers)
            self._words += [{"flow": flow_id, "ask": 1} for flow_id in self._followers]
        self._heard.set()

    def hear(self, payload: str) -> None:
        """Take a notification; of flows that nobody here follows it means nothing."""
        news = json.loads(payload)
        with self._lock:
            flow_id = news["flow"]
            if flow_id not in self._followers:
                return
            if "revision" in news:
                self._dirty.add(flow_id)
            elif "ask" in news:
                for follower in self._followers[flow_id]:
                    follower.due = 0.0
            else:
                self._take(news)
        self._heard.set()

    def _take(self, word: dict[str, JSON]) -> None:
        """Remember what was said of a person; with the lock."""
        people = self._people[word["flow"]]
        before = people.get(word["tab"])
        if word.get("gone"):
            changed = people.pop(word["tab"], None) is not None
        else:
            person = {key: word[key] for key in ("tab", "name", "initial", "selected")}
            changed = before is None or before[0] != person
            if before is not None or len(people) < _MOST_HEARD:
                people[word["tab"]] = (person, self._now())
        if changed:
            self._new_people.add(word["flow"])

    def _shown(self, flow_id: str) -> list[dict[str, JSON]]:
        people = [person for person, _ in self._people.get(flow_id, {}).values()]
        return people[:MOST_PEOPLE]

    # The work of the other thread -----------------------------------------------------------

    def _work(self) -> None:
        while True:
            self._heard.wait(WORD_EVERY)
            self._heard.clear()
            try:
                self.round()
            except Exception:
                logger.exception("The hub of flows could not hand out news; it tries again")
                time.sleep(0.5)
            connection.close()  # back to the pool: most rounds ask the database nothing
            time.sleep(ROUND)

    def round(self) -> None:
        """Tell of followers where it is due, hand out changes and people."""
        self._tell()
        self._forget_the_silent()
        with self._lock:
            dirty, self._dirty = self._dirty, set()
            new_people, self._new_people = self._new_people, set()
        try:
            for flow_id in list(dirty):
                self._hand_out_changes(flow_id)
                dirty.discard(flow_id)
        finally:
            with self._lock:
                self._dirty |= dirty
        for flow_id in new_people:
            with self._lock:
                followers, people = list(self._followers.get(flow_id, ())), self._shown(flow_id)
            for follower in followers:
                follower.deliver({"people": people})

    def _tell(self) -> None:
        now = self._now()
        with self._lock:
            words, self._words = self._words, []
            for followers in self._followers.values():
                for follower in followers:
                    if follower.due <= now:
                        follower.due, follower.told = now + BEAT, now
                        words.append(follower.word())
        if words:
            texts = [json.dumps(word, ensure_ascii=False) for word in words]
            statement = "SELECT pg_notify(%s, word) FROM unnest(%s::text[]) AS word"
            with connection.cursor() as cursor:
                cursor.execute(statement, [CHANNEL, texts])

    def _forget_the_silent(self) -> None:
        since = self._now() - GONE_AFTER
        with self._lock:
            for flow_id, people in self._people.items():
                silent = [tab for tab, (_, heard) in people.items() if heard < since]
                for tab in silent:
                    del people[tab]
                if silent:
                    self._new_people.add(flow_id)

    def _hand_out_changes(self, flow_id: str) -> None:
        with self._lock:
            followers = list(self._followers.get(flow_id, ()))
        if not followers:
            return
        current = Flow.objects.filter(id=flow_id).values_list("revision", flat=True).first()
        if current is None:
            return
        behind = {follower.revision for follower in followers if follower.revision != current}
        for revision in behind:
            frame = _frame(flow_id, revision, current)
            for follower in followers:
                if follower.revision == revision:
                    follower.deliver(frame)
                    follower.revision = current


def _frame(flow_id: str, revision: int, current: int) -> dict[str, JSON]:
    """The changes between two revisions; where the log has them no more, that they are not."""
    try:
        changes = changes_after(flow_id, revision, current)
    except TooOld:
        return {"too_old": current}
    return {"changes": [change_payload(change) for change in changes]}


_hub = FlowHub()


def flow_hub() -> FlowHub:
    """This process's hub."""
    return _hub
