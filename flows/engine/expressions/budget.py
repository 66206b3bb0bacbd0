"""What one evaluation may cost, counted in work done and memory made, never in seconds.

Replayed workflow code must decide alike on any machine, so there is no clock here. The limits are
set so that the costliest evaluation stays under 200 ms of CPU and 64 MB on an ordinary machine
(flows/engine/tests/test_hostile_expressions.py measures it).
"""

from collections.abc import Callable, Iterable
from typing import Any

from flows.engine.errors import NodeError
from flows.engine.json_values import KEY
from flows.engine.names import suggestion
from flows.engine.references import Load, is_reference, load_reference

#: Units of work. One is about the cost of one operation on small values (0.3 microseconds).
WORK = 350_000
#: Bytes of text and list slots made by one evaluation, summed (also what is thrown away again).
MEMORY = 24_000_000


class ExpressionError(NodeError):
    """An expression could not be evaluated; `expression` is its short text once known."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.expression: str | None = None

    def inside(self, source: str) -> "ExpressionError":
        """The same error, its message opening with the expression it happened in; then `raise`."""
        if self.expression is None:
            shown = " ".join(source.split())
            self.expression = shown if len(shown) <= 80 else shown[:79] + "…"
            self.message = f"In {self.expression} : {self.message}"
            self.args = (self.message,)
        return self


class UnknownName(ExpressionError):
    """A name, key or index that is not there; the `default` filter answers it.

    The nearest of the `known` names is looked for when the message is asked for: that costs a
    thousand times what a miss does, and most misses are answered by `default`.
    """

    def __init__(
        self, message: str, name: str = "", known: Callable[[], Iterable[str]] | None = None
    ) -> None:
        self._name = name
        self._known = known
        super().__init__("expression_unknown_name", message)

    @property
    def message(self) -> str:
        if self._known is not None:
            known, self._known = self._known, None
            self._message += suggestion(self._name, known())
            self.args = (self._message,)
        return self._message

    @message.setter
    def message(self, message: str) -> None:
        self._message = message

    def __str__(self) -> str:
        return self.message


def wrong_type(message: str) -> ExpressionError:
    return ExpressionError("expression_type", message)


def over_budget(message: str) -> ExpressionError:
    return ExpressionError("expression_budget", message)


def weight(text: str) -> int:
    """Bytes to charge for a text. Beyond ASCII a character takes 1 to 4; 3 is near enough."""
    return len(text) if text.isascii() else 3 * len(text)


class Budget:
    """Counts down work and memory, and loads references (each once)."""

    __slots__ = ("_load", "_loaded", "memory", "units")

    def __init__(self, load: Load | None = None, units: int = WORK, memory: int = MEMORY) -> None:
        self.units = units
        self.memory = memory
        self._load = load
        self._loaded: dict[str, Any] = {}

    def work(self, units: int) -> None:
        self.units -= units
        if self.units < 0:
            raise over_budget("it takes too many steps. Work on less data, or split the work.")

    def keep(self, size: int) -> None:
        self.memory -= size
        if self.memory < 0:
            raise over_budget("it makes too much data. Work on less data, or truncate it.")

    def text(self, made: str) -> str:
        """Charge for a text that was just made."""
        size = weight(made)
        self.work(size >> 8)
        self.keep(size)
        return made

    def scan(self, text: str, per_unit: int = 256) -> None:
        """Charge for reading a text once; texts beyond ASCII are slower by far."""
        self.work(len(text) // per_unit if text.isascii() else 8 * len(text) // per_unit)

    def search(self, text: str, part: str) -> None:
        """Charge for a substring search, whose worst case multiplies the lengths when short."""
        long, short = len(text), len(part)
        if long < 2_500 or (short < 100 and long < 30_000) or short < 6:
            self.work(long * short // 500 + 1)
        else:
            self.work(long // 64)

    def deref(self, value: Any) -> Any:
        """The value itself: a reference is loaded. Raises NeedsLoad where it cannot be."""
        while is_reference(value):
            digest = value[KEY]
            if digest not in self._loaded:
                self._loaded[digest] = load_reference(value, self._load)
            value = self._loaded[digest]
        return value
