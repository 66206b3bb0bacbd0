"""What databases answer, as JSON values; and how much of it is taken."""

import base64
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from flows.engine.errors import NodeError
from flows.engine.json_values import cleaned, read_json

JSON = Any
#: Bytes that one answer may have on its way, and values that its rows may hold.
MAX_BYTES = 20_000_000
MAX_VALUES = 1_000_000
#: What JSON has no number for.
_ODD = {math.inf: "Infinity", -math.inf: "-Infinity"}


def too_large() -> NodeError:
    return NodeError(
        "too_large",
        f"The database answers more than {MAX_BYTES // 1_000_000} MB or {MAX_VALUES:,} values. Ask "
        "for fewer rows or columns.",
        field="query",
    )


def column_names(given: Iterable[str]) -> list[str]:
    """Names that are each other's: a, a_2; what has none is column_3."""
    names: list[str] = []
    taken: set[str] = set()
    for place, name in enumerate(given, 1):
        base = name or f"column_{place}"
        unique, count = base, 1
        while unique in taken:
            count += 1
            unique = f"{base}_{count}"
        taken.add(unique)
        names.append(unique)
    return names


class Rows:
    """Collects rows as objects, up to `limit`; `truncated` tells that there were more."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.names: list[str] = []
        self.rows: list[dict[str, JSON]] = []
        self.truncated = False

    def add(self, row: Sequence[Any]) -> bool:
        """Whether another one is wanted. Raises NodeError `too_large`."""
        if len(self.rows) >= self.limit:
            self.truncated = True
            return False
        if (len(self.rows) + 1) * len(self.names) > MAX_VALUES:
            raise too_large()
        values = (json_value(value) for value in row)
        self.rows.append(cleaned(dict(zip(self.names, values, strict=True))))
        return True


def json_value(value: Any) -> JSON:
    """Bytes become base64; what JSON has no form for becomes its text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _ODD.get(value, "NaN")
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    return str(value)


def _number(value: Decimal) -> JSON:
    """A number where that keeps its value, else the digits as text: money may not be rounded."""
    if value.is_finite():
        if value == value.to_integral_value() and abs(value) < 10**15:
            return int(value)
        number = float(value)
        if math.isfinite(number) and Decimal(repr(number)) == value:
            return number
    return str(value)


def json_column(text: str) -> JSON:
    """The value of a JSON column; its text where it is too large or deep to be one."""
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return text
