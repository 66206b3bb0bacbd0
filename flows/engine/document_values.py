"""Which plain data a document may hold, and the one way in which it writes a number.

A whole number is an integer, however it was written: 1.0 is 1, 1e3 is 1000. PostgreSQL and
JavaScript keep no difference between them either, so that a document is the same text wherever
it has been. Integers have a limit of digits, and with them all numbers have.
"""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from flows.engine.document_problems import named, place
from flows.engine.errors import DocumentInvalid, Problem
from flows.engine.json_values import UNSTORABLE

MAX_DEPTH = 100
#: Digits that a number in a document may have before its point.
MAX_DIGITS = 77
_TOO_LARGE = 10**MAX_DIGITS
#: Of floats by their digits: 1e77 itself is a little less than 10**77.
_TOO_LARGE_FLOAT = float(f"1e{MAX_DIGITS}")
#: Values in all; reading that many from YAML takes 2 s.
MAX_VALUES = 300_000
_SHOWN_PATH = 200
#: Money in a document: US dollars, down to a millionth.
MONEY_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,6})?$"


def checked(data: dict[str, Any]) -> dict[str, Any]:
    """The data with whole numbers as integers; itself where it has no others.

    Raises DocumentInvalid for what is no JSON, nested too deep, or cannot be stored.
    """
    level: list[Any] = [data]
    depth = count = 0
    rewrite = False
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise too_deep()
        count += len(level)
        if count > MAX_VALUES:
            raise too_many()
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                if UNSTORABLE.search(value):
                    raise _refused(data)
            elif isinstance(value, dict):
                for key in value:
                    if not isinstance(key, str) or UNSTORABLE.search(key):
                        raise _key_refused(key)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif value is not None and _fault(value):
                raise _refused(data)
            elif isinstance(value, float):
                rewrite = rewrite or value.is_integer()
        level = below
    return _with_integers(data) if rewrite else data


def too_deep() -> DocumentInvalid:
    """The exception for a document that is nested too deep."""
    message = f"The document is nested deeper than {MAX_DEPTH} levels."
    return DocumentInvalid([Problem("document_too_deep", message)])


def too_many() -> DocumentInvalid:
    """The exception for a document of more than MAX_VALUES."""
    message = f"A document may hold {MAX_VALUES:,} values. Keep data outside of the flow."
    return DocumentInvalid([Problem("document_too_large", message)])


def _key_refused(key: Any) -> DocumentInvalid:
    message = "A key holds a NUL or half of a character pair, which cannot be stored."
    if not isinstance(key, str):
        message = f"Keys have to be text; '{key!r:.60}' is not."
    return DocumentInvalid([Problem("document_shape", message)])


def _fault(value: Any) -> str:
    """What is wrong with a single value, as the end of a sentence; empty where nothing is."""
    if isinstance(value, int):
        too_large = not -_TOO_LARGE < value < _TOO_LARGE
    elif isinstance(value, float):
        if not math.isfinite(value):
            return "is infinite or not a number; change it."
        too_large = abs(value) >= _TOO_LARGE_FLOAT
    elif isinstance(value, str):
        held = "holds a NUL or half of a character pair, which cannot be stored; remove it."
        return held if UNSTORABLE.search(value) else ""
    else:
        return "" if value is None else f"is {type(value).__name__}, which is no JSON value."
    if too_large:
        return f"has more than {MAX_DIGITS} digits; put it in quotes, or make it smaller."
    return ""


def _refused(data: dict[str, Any]) -> DocumentInvalid:
    """Looks again for the first value at fault, this time with its place."""
    loc, fault = next(_faults(data, ()))
    node, path = place(loc, data)
    path = path[:_SHOWN_PATH]
    return DocumentInvalid([Problem("document_shape", f"{named(node, path)} {fault}", node, path)])


def _faults(value: Any, loc: tuple[int | str, ...]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    if isinstance(value, dict | list):
        children = value.items() if isinstance(value, dict) else enumerate(value)
        if len(loc) < MAX_DEPTH:
            for key, child in children:
                yield from _faults(child, (*loc, key))
    elif fault := _fault(value):
        yield loc, fault


def _with_integers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_integers(item) for item in value]
    return plain_number(value) if isinstance(value, float) else value


def money_text(value: Any) -> Any:
    """A number as the decimal text in which documents keep money; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return format(Decimal(repr(plain_number(value))), "f")


def plain_number(value: float) -> float | int:
    """The number as documents write it: 60.0 is 60."""
    if isinstance(value, float) and value.is_integer():
        # The digits as people and PostgreSQL write them: 1e23 is no 99999999999999991611392.
        return int(Decimal(repr(value)))
    return value
