"""Which streams inside containers a page is sent: one for each step, and those it has opened.

A map may stream a thousand texts at the same time; nobody reads them, and all of them would only
hold up what a page needs. So of each step the texts come one item after the other.
"""

import time
from collections.abc import Callable
from typing import Any

from execution.live.hub import Frame

JSON = Any
#: Seconds without a word after which another item is followed.
QUIET = 3.0
#: Items a page may have opened at the same time.
MOST_OPENED = 50
#: Characters of a place that are kept.
LONGEST_PLACE = 5_000


class Followed:
    """What one page is shown of the streams inside containers."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._opened: set[str] = set()
        self._latest: dict[str, tuple[str, float]] = {}

    def open(self, places: JSON) -> None:
        """Take what the page has opened: `node:rows.3`. Anything else is ignored."""
        if isinstance(places, list):
            named = (place for place in places[:MOST_OPENED] if isinstance(place, str))
            self._opened = {place[:LONGEST_PLACE] for place in named}

    def of(self, frame: Frame) -> Frame:
        """The frame without texts that are not followed; `latest` marks those of the one item."""
        deltas = [shown for delta in frame.deltas if (shown := self._shown(delta)) is not None]
        events = [shown for event in frame.events if (shown := self._event(event)) is not None]
        return Frame(events, deltas)

    def _event(self, event: dict[str, JSON]) -> dict[str, JSON] | None:
        if event["type"] == "node.delta":
            return self._shown(event)
        if event["type"] in ("node.finished", "node.retrying") and event.get("path"):
            followed = self._latest.get(event["node"])
            if followed and followed[0] == _place(event):
                del self._latest[event["node"]]
        return event

    def _shown(self, delta: dict[str, JSON]) -> dict[str, JSON] | None:
        if not delta.get("path"):
            return delta
        node, place, now = delta["node"], _place(delta), self._now()
        followed, heard = self._latest.get(node, (place, now))
        if followed == place or now - heard > QUIET:
            self._latest[node] = (place, now)
            return {**delta, "latest": True}
        return delta if f"{node}:{place}" in self._opened else None


def _place(news: dict[str, JSON]) -> str:
    return ".".join(map(str, news["path"]))
