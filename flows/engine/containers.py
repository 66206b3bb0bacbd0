"""What a container is at: which items are open and done, which iteration a loop is in.

Pure bookkeeping; `flows.engine.walk` opens the scopes and moves on.
"""

from collections.abc import Sequence
from typing import Any, Literal

JSON = Any
type ItemPolicy = Literal["fail", "skip", "collect"]


class MapWork:
    """A map that is under way: `items[i]` is item number `first + i`."""

    def __init__(
        self,
        items: Sequence[JSON],
        *,
        concurrency: int,
        on_item_error: ItemPolicy,
        first: int = 0,
        fresh: bool = False,
    ) -> None:
        self.items = items
        self.concurrency = concurrency
        self.on_item_error: ItemPolicy = on_item_error
        self.first = first
        self.fresh = fresh
        self.open: dict[int, Any] = {}  # number → its scope
        self.results: dict[int, JSON] = {}
        self.errors: dict[int, dict[str, JSON]] = {}
        self._next = first
        self.broken = False

    def next(self) -> int | None:
        """The number of the item to open now; None where none may be."""
        if self.broken or len(self.open) >= self.concurrency:
            return None
        if self._next >= self.first + len(self.items):
            return None
        self._next += 1
        return self._next - 1

    def item(self, number: int) -> JSON:
        return self.items[number - self.first]

    @property
    def is_over(self) -> bool:
        """Whether nothing is open and nothing is left to open."""
        return not self.open and (self.broken or self._next >= self.first + len(self.items))

    def output(self) -> dict[str, JSON]:
        """What the map hands on: `items` in order, how many they are, and what went wrong.

        With `collect` a failed item stands as null in its place, with `skip` it is left out.
        """
        numbers = sorted({**self.results, **self.errors})
        kept = [n for n in numbers if n in self.results or self.on_item_error == "collect"]
        items = [self.results.get(number) for number in kept]
        errors = [{"index": number, **self.errors[number]} for number in sorted(self.errors)]
        return {"items": items, "count": len(items), "errors": errors}


class LoopWork:
    """A loop that is under way, in its iteration number `index`."""

    def __init__(
        self, state: dict[str, JSON], *, max_iterations: int, first: int = 0, fresh: bool = False
    ) -> None:
        self.state = state
        self.max_iterations = max_iterations
        self.index = first
        self.fresh = fresh
        self.open: dict[int, Any] = {}

    @property
    def may_go_on(self) -> bool:
        """Whether the cap allows one more iteration."""
        return self.index < self.max_iterations

    def output(self) -> dict[str, JSON]:
        """What the loop hands on: its last state, and how many iterations were made."""
        return {"state": self.state, "iterations": self.index}
