"""How large a JSON value is, without writing it out."""

from json.encoder import encode_basestring_ascii
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


def wire_size(value: Any) -> int:
    """The bytes of a JSON value on its way through Temporal, where all but ASCII is escaped.

    An emoji takes twelve, a control character six. Numbers count as written.
    """
    total = 0
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            total += len(encode_basestring_ascii(item)) + 1
        elif isinstance(item, dict):
            total += 2
            for name, part in item.items():
                total += len(encode_basestring_ascii(name)) + 1
                stack.append(part)
        elif isinstance(item, list | tuple):
            total += 2
            stack.extend(item)
        else:
            total += len(str(item)) + 2
    return total
