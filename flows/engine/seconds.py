"""How long a node's own work may take, from a setting that may still be an expression."""

from collections.abc import Callable, Mapping
from typing import Any

from flows.engine.expressions import has_expression


def seconds_from(field: str, longest: float) -> Callable[[Mapping[str, Any]], float | None]:
    """A NodeType's `seconds_of` that reads the setting `field`.

    An expression may give as many as are allowed; None: it says nothing, or what is refused.
    """

    def seconds(config: Mapping[str, Any]) -> float | None:
        value = config.get(field)
        if isinstance(value, str) and has_expression(value):
            return longest
        try:
            given = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return None
        return given if 0 < given <= longest else None

    return seconds
