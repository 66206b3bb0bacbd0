"""Makes tries of every kind by seed, counts how they ended, and keeps what crashed.

A crash is an answer of 500 or more, an exception that is not one of those that say what is wrong
with what was sent, what breaks a property, or a try that takes too long.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.access_world import AccessWorld
from tests.support.fuzzing import changes, corpus, documents, expressions, formats, frames
from tests.support.fuzzing.chance import Chance
from tests.support.fuzzing.doors import Doors

JSON = Any
#: Kind → how many of a thousand tries; what asks the site costs ten times the others.
SHARES = {
    "expression": 730,
    "document": 70,
    "change": 60,
    "format": 10,
    "frame": 90,
    "call": 20,
    "any_call": 4,
    "form": 6,
    "strange": 6,
    "query": 4,
}
DOORS = ("call", "any_call", "form", "strange", "query")
#: Seconds of the processor that one try may take; those on the wall are others' as well.
TIME_LIMIT = 2.0
#: One in so many expressions is tried thoroughly.
_THOROUGH = 3
#: One in so many expressions is weighed: to follow every allocation takes five times as long.
_WEIGHED = 200


@dataclass
class Fuzz:
    """Tries one after another; each has a seed of its own, from which it can be made again."""

    world: AccessWorld
    seed: int
    tries: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        self.chance = Chance(self.seed)
        self.doors = Doors(self.world)

    def run(self, tries: int = 0, until: float = 0.0) -> None:
        """So many tries, or as many as can be made until then (of `time.monotonic`)."""
        kinds, weights = list(SHARES), list(SHARES.values())
        while self.tries.total() < tries or time.monotonic() < until:
            for kind in self.chance.choices(kinds, weights, k=100):
                self.once(kind)

    def once(self, kind: str, seed: int | None = None) -> None:
        """One try; what is wrong is in `crashes`."""
        seed = self.chance.getrandbits(48) if seed is None else seed
        chance = Chance(seed)
        began, worked = time.perf_counter(), time.process_time()
        self.sent: object = None
        try:
            if kind in DOORS:
                self.doors.asked = None
                said = getattr(self.doors, kind)(chance)
            else:
                said = self._pure(kind, chance)
        except Exception as error:
            said = "crash"
            self._crashed(kind, seed, f"{type(error).__name__}: {error!s:.400}")
        took = time.perf_counter() - began
        self.slowest = max(self.slowest, (took, f"{kind} {seed}"))
        if time.process_time() - worked > TIME_LIMIT:
            self._crashed(kind, seed, f"took {time.process_time() - worked:.1f} s")
        self.tries[kind] += 1
        self.seconds[kind] += took
        self.answers[f"{kind} {said}"] += 1

    def again(self) -> None:
        """Everything that crashed once, word for word."""
        for mode, text in corpus.EXPRESSIONS:
            self.sent = text
            expressions.tried(mode, text, "plain")
        for document in corpus.DOCUMENTS:
            documents.tried(document, False)
        for address in corpus.FORMS:
            for method in ("GET", "POST"):
                self.doors.asks_nothing_wrong(method, address, {"next": corpus.NEXT})

    def _pure(self, kind: str, chance: Chance) -> str:
        made, tried = _KINDS[kind]
        self.sent = made(chance)
        arguments = self.sent if isinstance(self.sent, tuple) else (self.sent,)
        if kind == "expression":
            number = self.tries[kind]
            thorough, weighed = number % _THOROUGH == 0, number % _WEIGHED == 0
            return expressions.tried(*arguments, thorough=thorough, weighed=weighed)
        return tried(*arguments)

    def _crashed(self, kind: str, seed: int, why: str) -> None:
        sent = self.doors.asked if kind in DOORS else self.sent
        self.crashes.append(f"{kind} {seed}: {why}; sent {sent!r:.700}")


type Made = Callable[[Chance], JSON]
type Tried = Callable[..., str]
_KINDS: dict[str, tuple[Made, Tried]] = {
    "expression": (expressions.made, expressions.tried),
    "document": (documents.made, documents.tried),
    "change": (changes.made, changes.tried),
    "format": (formats.made, formats.tried),
    "frame": (frames.made, frames.tried),
}
KINDS = tuple(SHARES)
