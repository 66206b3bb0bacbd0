"""How large a JSON value is."""

import json
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


def compact_size(value: Any) -> int:
    """The bytes of a value as UTF-8 JSON without spaces; 0 for what is no JSON, or too deep."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return 0
    return len(text.encode("utf-8", "replace"))


def exceeds(value: Any, limit: int, *, indent: int) -> bool:
    """Whether a value as indented UTF-8 JSON has more bytes than the limit.

    Stops writing there: spaces alone can make hundreds of megabytes of a value that is deep.
    """
    size = 0
    for piece in json.JSONEncoder(ensure_ascii=False, indent=indent).iterencode(value):
        size += len(piece) if piece.isascii() else len(piece.encode("utf-8", "replace"))
        if size > limit:
            return True
    return False


#: Bytes that a value counts for at least: with them a document's limit of bytes holds its number
#: of values (300,000 in 5 MB) as well.
_BYTES_A_VALUE = 17
_PART_INDENT = 4


def size_in_document(part: Any) -> int:
    """What a node or an edge takes of a document's bytes, exported; more where it is many values.

    A document's parts can so be measured one by one: the sum is what it takes, or a little more.
    """
    text = json.dumps(part, ensure_ascii=False, indent=2)
    written = len(text if text.isascii() else text.encode("utf-8", "replace"))
    written += _PART_INDENT * (text.count("\n") + 1) + 2
    return max(written, _BYTES_A_VALUE * _values_in(part))


def _values_in(value: Any) -> int:
    count, todo = 0, [value]
    while todo:
        item = todo.pop()
        count += 1
        if isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return count
