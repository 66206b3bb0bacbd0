"""How large a JSON value is, without writing it out."""

from typing import Any


def json_size(value: Any) -> int:
    """About the bytes of UTF-8 JSON for a value: exact for ASCII text, else within a factor of two.

    Escapes are not counted; numbers count eight bytes. Iterative, so depth does not matter.
    """
    total = 0
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            total += (len(item) if item.isascii() else 2 * len(item)) + 3
        elif isinstance(item, dict):
            total += 2 + sum(len(name) + 4 for name in item)
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            total += 2 + len(item)
            stack.extend(item)
        else:
            total += 8
    return total
