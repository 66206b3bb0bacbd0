"""Luck by seed: words, values of every shape, and values that are spoiled a little or a lot."""

import random
from collections.abc import Callable, Sequence
from typing import Any

JSON = Any
WORDS = (
    *("", " ", "x", "0", "-1", "1e999", "NaN", "null", "true", "[]", "{}", "\0", "\ud800", "\r\n"),
    *("ß" * 300, "a" * 70_000, "../../etc/passwd", "<script>", "%00", "{{ start.name }}", "{{"),
    *("{% for x in y %}", "' OR 1=1 --", "9" * 400, "2026-02-30", "٣", "İ", "start", "result"),
    *("00000000-0000-0000-0000-000000000000", "fluxprompt.flow/v1", "openai/x", "http://[::1"),
    *("\u202e", "{{ 1 +", "{{ '", "}}", "{'$blob': 'aa'}", "\ufeff", "a\u0301", "😀", "on", "1_0"),
    *("http://x\\@y/", "//x/y", "javascript:x", "=1+1", "9" * 5_000, "0001-01-01", "24:00", "P1D"),
)
NUMBERS = (0, 1, -1, 2, 3, 60, 200, 10_001, 2**31, 2**63, 2**70, 10**400, -0.5, 1e300, 5e-324, 0.1)
_DEEP = 4


class Broken(Exception):
    """What came out of a try is not what may come out of it."""


class Chance(random.Random):
    """A random generator that knows what people and programs send by mistake or on purpose."""

    def hits(self, share: float) -> bool:
        return self.random() < share

    def some[T](self, values: Sequence[T], most: int) -> list[T]:
        """Up to so many of the values, with repetitions."""
        return [self.choice(values) for _ in range(self.randrange(most + 1))]

    def word(self) -> str:
        """A text that is hardly ever what was meant."""
        if self.hits(0.6):
            return self.choice(WORDS)
        return "".join(chr(self.randrange(1, 0x2FFF)) for _ in range(8))

    def plain_word(self) -> str:
        """A word that UTF-8 has an encoding for."""
        return self.word().replace("\ud800", "?")

    def value(self, depth: int = 0) -> JSON:
        """Any JSON."""
        pick = self.random()
        if depth < _DEEP and pick < 0.2:
            return [self.value(depth + 1) for _ in range(self.randrange(4))]
        if depth < _DEEP and pick < 0.4:
            return {self.word(): self.value(depth + 1) for _ in range(self.randrange(4))}
        if pick < 0.7:
            return self.choice((None, True, False, *NUMBERS))
        return self.word()

    def spoiled(self, value: JSON, *, share: float = 0.12) -> JSON:
        """The value with some of it taken away, doubled or replaced by nonsense."""
        if self.hits(share):
            return self.value()
        if isinstance(value, dict):
            kept = {
                k: self.spoiled(v, share=share)
                for k, v in value.items()
                if not self.hits(share / 2)
            }
            if self.hits(share):
                kept[self.word()] = self.value()
            return kept
        if isinstance(value, list):
            twice = (item for item in value for _ in range(1 + self.hits(share / 2)))
            return [self.spoiled(item, share=share) for item in twice]
        return value

    def nearly(self, value: JSON, other: Callable[[JSON], JSON] | None = None) -> JSON:
        """The value with exactly one place of it changed: by `other`, or into nonsense."""
        places = list(_places(value))
        if not places:
            return (other or self._other)(value)
        owner, key = self.choice(places)
        if other is None and self.hits(0.3):
            del owner[key]
        elif other is None and isinstance(owner, dict) and self.hits(0.2):
            owner[self.word()] = self.value()
        else:
            owner[key] = (other or self._other)(owner[key])
        return value

    def _other(self, value: JSON) -> JSON:
        """Something of the same type, more often than not."""
        if isinstance(value, bool) or self.hits(0.3):
            return self.value()
        if isinstance(value, str):
            return self.cut(value) if self.hits(0.5) else self.word()
        if isinstance(value, (int, float)):
            return self.choice(NUMBERS)
        return self.value()

    def cut(self, text: str, piece: str | None = None) -> str:
        """The text with a few characters of it gone and something else in their place."""
        at = self.randrange(len(text) + 1)
        put = self.choice(("", self.word()[:20])) if piece is None else piece
        return text[:at] + put + text[at + self.randrange(6) :]


def _places(value: JSON) -> list[tuple[Any, Any]]:
    """Every (container, key or index) in a value."""
    found: list[tuple[Any, Any]] = []
    todo = [value] if isinstance(value, (dict, list)) else []
    while todo:
        item = todo.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item))
        for key in keys:
            found.append((item, key))
            if isinstance(item[key], (dict, list)):
                todo.append(item[key])
    return found
