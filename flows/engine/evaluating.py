"""What an I/O node evaluates while it works: fields that its config keeps as written."""

from collections.abc import Mapping
from typing import Any

from flows.engine.expressions import Budget, resolve_with, trimmed
from flows.engine.expressions.budget import WORK
from flows.engine.references import Load, load_all

JSON = Any
#: Work of all evaluations of one attempt together: 4 s of CPU at most. Each has the usual limits.
ATTEMPT_WORK = 20 * WORK


class Evaluating:
    """Evaluates for one attempt. `names` are what the config may read."""

    def __init__(self, names: Mapping[str, JSON]) -> None:
        self._names = names
        self._left = ATTEMPT_WORK

    def value(self, written: JSON, given: Mapping[str, JSON], load: Load | None = None) -> JSON:
        """The value of what was written; `given` are names that hold here alone, and hide others.

        Raises ExpressionError; NeedsLoad when a large value is needed and `load` is not given.
        """
        most = min(WORK, self._left)
        budget = Budget(load, units=most)
        try:
            value = resolve_with(trimmed(written), {**self._names, **given}, budget)
        finally:
            self._left -= most - max(0, budget.units)
        return load_all(value, load)
