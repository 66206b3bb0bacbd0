"""Messages between a worker and its keeper: a small header in JSON and a body of text.

JSON and not pickles: whatever comes from that side is read as data.
"""

import json
import struct
from typing import Any, BinaryIO

_LENGTHS = struct.Struct("!II")


def write_frame(stream: BinaryIO, header: dict[str, Any], body: str = "") -> None:
    """Raises OSError where nobody reads any more."""
    head, content = json.dumps(header).encode(), body.encode("utf-8", "replace")
    stream.write(_LENGTHS.pack(len(head), len(content)))
    stream.write(head)
    stream.write(content)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], str] | None:
    """The next message; None at the end of the stream."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    of_head, of_body = _LENGTHS.unpack(lengths)
    head, body = stream.read(of_head), stream.read(of_body)
    if len(head) < of_head or len(body) < of_body:
        return None
    header: dict[str, Any] = json.loads(head)
    return header, body.decode()
